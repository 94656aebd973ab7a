"""`python -m tests.probe [--yes] [--only NAME …]`: ask a real project."""

# ruff: noqa: T201 - a command prints.

import argparse
import sys

from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError

from datoria_dagster.warehouse.port import WarehouseError
from tests import real_project
from tests.probe import PROBES
from tests.probe.asking import HEAD, line, rows

_USAGE = 2
_MISSING = (
    "Which project should be asked? Set DATORIA_TEST_PROJECT (and DATORIA_TEST_LOCATION, "
    "default US); the application default credentials are used."
)


def main(words=None):
    """Ask, print, and return the exit code: 0 when all answers are as assumed, else 1."""
    options = _options(words)
    if not real_project.PROJECT:
        return _stopped(_MISSING)
    chosen = [each for each in PROBES if not options.only or each.name in options.only]
    print(_bounds(chosen), file=sys.stderr)
    if not options.yes and not _agreed():
        return _stopped("Nothing was asked: say --yes.")
    try:
        return _told(chosen)
    except (GoogleAPICallError, GoogleAuthError, WarehouseError) as error:
        print(f"The project can't be asked: {error}", file=sys.stderr)
        return 1


def _options(words):
    parser = argparse.ArgumentParser(prog="python -m tests.probe", description=__doc__)
    parser.add_argument("--yes", action="store_true", help="don't ask whether it may cost this")
    names = [each.name for each in PROBES]
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=names, help="by name")
    return parser.parse_args(words)


def _stopped(why):
    print(why, file=sys.stderr)
    return _USAGE


def _bounds(chosen):
    most = real_project.MOST_BYTES // 2**20
    return (
        f"{len(chosen)} questions for {real_project.PROJECT} in {real_project.LOCATION}, in one "
        f"dataset {real_project.PREFIX}… that is deleted afterwards: about {4 * len(chosen)} jobs. "
        f"Most are DDL, which is free; a query bills 10 MB at least and may bill {most} MB at "
        "most, so this costs less than $0.02, and nothing within the free 1 TiB of a month."
    )


def _agreed():
    return sys.stdin.isatty() and input("Go on? [y/N] ").strip().lower() == "y"


def _told(chosen):
    disagreeing = 0
    with real_project.opened() as (_, client), real_project.own_dataset(client) as dataset:
        print(HEAD)
        for row in rows(chosen, client, dataset):
            disagreeing += row.agrees == "no"
            print(line(row), flush=True)
    return 1 if disagreeing else 0


if __name__ == "__main__":
    sys.exit(main())
