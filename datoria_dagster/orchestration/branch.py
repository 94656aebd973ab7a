"""A code location that is behind its branch: for teams where a merge does not reload it."""

import os
import re
import subprocess
from pathlib import Path

import dagster as dg

from datoria_dagster.ledger.commit import commit
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.orchestration.graph import Graph
from datoria_dagster.orchestration.settings import GitBranch
from datoria_dagster.orchestration.ticks import INTERVAL_SECONDS, guarded

SENSOR = "location_behind"
# Of a tick, for which Dagster waits 60 seconds: https://docs.dagster.io/guides/automate/sensors
_SECONDS = 20
_SHOWN = 12
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


class BranchUnknown(DatoriaError):
    """The commit of the branch can't be found out."""


def build_branch_sensor(graph: Graph, watch: GitBranch) -> dg.SensorDefinition:
    """Return the sensor `location_behind`, which is off until somebody switches it on.

    It compares the commit of the declaration as it was loaded with that of the branch, and
    reports once per commit. It launches nothing: what would run is what is on this machine.
    """
    folder = graph.platform.folder or Path()
    loaded = commit(graph.platform.folder).removesuffix("-dirty")

    def location_behind(context: dg.SensorEvaluationContext) -> dg.SkipReason | dg.SensorResult:
        if not loaded:
            return _unknown(folder)
        head = commit_of(watch, folder)
        says = _says(watch, loaded, head)
        cursor = f"{loaded}:{head}"
        if context.cursor == cursor:
            return dg.SkipReason(says)
        # At first there is nothing to report of a location that is where it should be.
        report = head != loaded or context.cursor is not None
        events = [_observation(graph, loaded, head, says)] if report else []
        return dg.SensorResult(skip_reason=says, cursor=cursor, asset_events=events)

    return dg.SensorDefinition(
        name=SENSOR,
        evaluation_fn=guarded(location_behind),
        minimum_interval_seconds=INTERVAL_SECONDS,
        description=f"Reports when this code location is not at {watch.branch} of {_shown(watch)}.",
    )


def _unknown(folder: Path) -> dg.SkipReason:
    return dg.SkipReason(
        f"The commit of this code location is not known: {folder.absolute()} is in no git "
        "repository, or git is missing. Set DATORIA_GIT_COMMIT where it is started."
    )


def commit_of(watch: GitBranch, folder: Path) -> str:
    """Return the commit of a branch; a repository that is a folder may be relative to `folder`.

    Raises BranchUnknown.
    """
    name = f"refs/heads/{watch.branch}"
    local = folder / watch.repository
    if local.is_dir():
        said = _git(watch, local, "for-each-ref", "--format=%(objectname)\t%(refname)", name)
    else:
        said = _git(watch, folder, "ls-remote", "--", watch.repository, name)
    for line in said.splitlines():
        found, _, ref = line.partition("\t")
        if ref == name:
            return found
    raise BranchUnknown(f"{_shown(watch)} has no branch {watch.branch!r}.")


def _git(watch: GitBranch, folder: Path, *words: str) -> str:
    never_ask = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes"}
    try:
        ran = subprocess.run(  # noqa: S603 - no shell, and what a user names is no option
            ["git", *words],  # noqa: S607 - whichever git is on the path
            cwd=folder,
            env={**never_ask, **os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise BranchUnknown("git is not installed here: `git` is not on the path.") from None
    except subprocess.TimeoutExpired:
        raise BranchUnknown(f"{_shown(watch)} did not answer in {_SECONDS} seconds.") from None
    if ran.returncode:
        reason = next(iter(ran.stderr.strip().splitlines()), "git does not say why")
        raise BranchUnknown(f"{_shown(watch)} can't be read: {_CREDENTIALS.sub('', reason)}")
    return ran.stdout


def _shown(watch: GitBranch) -> str:
    return _CREDENTIALS.sub("", watch.repository)


def _says(watch: GitBranch, loaded: str, head: str) -> str:
    if head == loaded:
        return f"This code location is at {watch.branch}, {head[:_SHOWN]}."
    return (
        f"This code location was loaded at {loaded[:_SHOWN]}; {watch.branch} of {_shown(watch)} is "
        f"at {head[:_SHOWN]}. Deploy that here, and reload this code location."
    )


def _observation(graph: Graph, loaded: str, head: str, says: str) -> dg.AssetObservation:
    return dg.AssetObservation(
        asset_key=graph.migration.key,
        description=says,
        metadata={
            "loaded commit": dg.MetadataValue.text(loaded),
            "commit of the branch": dg.MetadataValue.text(head),
        },
    )
