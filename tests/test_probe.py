"""The probes: asked of a real project when there is one; else that they can be asked at all."""

import os
import subprocess
import sys

import pytest

from datoria_dagster.warehouse.local import LocalWarehouse
from tests import real_project
from tests.bigquery_server import Server, client
from tests.probe import PROBES
from tests.probe.asking import Answer, Finding, Probe, Unanswered, line, rows

PROJECT = "sandbox-1"
# What the test server can't be asked, and says so.
LACKING = {
    "a_numeric_widens_to_a_bignumeric_with_fewer_digits_before_the_point": "decimals of 38 digits",
    "a_load_does_not_make_a_column_required": "no option schemaUpdateOptions of a load job",
    "create_or_replace_of_a_table_loses_its_grants": "no method tables.setIamPolicy",
    "create_or_replace_of_a_view_loses_its_grants": "no method tables.setIamPolicy",
}
NOT_HERE = "DATORIA_TEST_PROJECT names no project to ask."


@pytest.mark.skipif(not real_project.PROJECT, reason=NOT_HERE)
def test_a_real_project_answers_as_we_assume():
    with real_project.opened() as (_, found), real_project.own_dataset(found) as dataset:
        answers = list(rows(PROBES, found, dataset))
    print("\n".join(map(line, answers)))  # noqa: T201 - what it is for
    assert [line(row) for row in answers if row.agrees == "no"] == []


@pytest.fixture(scope="module")
def posing():
    """Give a server that poses as a real project, and what it answered to every probe."""
    server = Server(LocalWarehouse(None), projects=(PROJECT,))
    official = client(server.warehouse, PROJECT, server=server)
    with real_project.own_dataset(official) as dataset:
        yield server, {row.probe.name: row for row in rows(PROBES, official, dataset)}
    assert server.warehouse.resources() == {}
    server.warehouse.close()


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_the_test_server_answers_what_we_assume(posing, probe):
    row = posing[1][probe.name]
    assert row.agrees == ("not answered" if probe.name in LACKING else "yes"), line(row)
    assert LACKING.get(probe.name, "") in row.answer
    assert row.sent
    assert probe.assumes.endswith(".")
    assert probe.question.endswith("?")
    assert probe.link.startswith("https://")


def test_a_probe_touches_nothing_but_its_dataset(posing):
    paths = [each.path for each in posing[0].log if "/datasets/" in each.path]
    (dataset,) = {path.split("/datasets/")[1].split("/")[0] for path in paths}
    assert dataset.startswith("datoria_test_")


def test_a_row_says_what_was_sent_and_answered(posing):
    name = "a_date_does_not_widen_to_a_datetime"
    assert line(posing[1][name]) == (
        "| [Can a DATE be widened to a DATETIME?](https://docs.cloud.google.com/bigquery/docs/"
        "reference/standard-sql/data-definition-language#alter_column_set_data_type_statement) "
        "| ALTER TABLE t ALTER COLUMN a SET DATA TYPE DATETIME "
        "| 400 invalidQuery: ALTER TABLE ALTER COLUMN SET DATA TYPE requires that the existing "
        "column type (DATE) is assignable to the new type (DATETIME) "
        "| It is refused: the page does not list the pair. | yes |"
    )


def _beside(desk):
    raise Unanswered(str(Answer(403, "accessDenied", "Access Denied")))


@pytest.mark.parametrize(
    ("ask", "answer", "agrees"),
    [
        (lambda desk: Finding("200", agrees=False), "200", "no"),
        (lambda desk: Finding("400 invalid: a|b", agrees=True), r"400 invalid: a\|b", "yes"),
        (lambda desk: Finding("user:ann@acme.com", agrees=True), "user:(account)", "yes"),
        (_beside, "403 accessDenied: Access Denied", "not answered"),
        (lambda desk: desk.prepare("DROP TABLE {t}"), "404 notFound: Not found: Table t", None),
    ],
)
def test_an_answer_agrees_or_not_or_is_none(ask, answer, agrees):
    probe = Probe("Is it?", "It is.", "https://example.com", ask)
    official = client(LocalWarehouse(None), PROJECT)
    with real_project.own_dataset(official) as dataset:
        (row,) = rows([probe], official, dataset)
    assert row.agrees == (agrees or "not answered")
    assert answer in line(row)


def ran(*words, **variables):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DATORIA_TEST")}
    return subprocess.run(
        [sys.executable, "-m", "tests.probe", *words],
        env={**kept, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_project_nothing_is_asked():
    found = ran("--yes")
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == (
        "Which project should be asked? Set DATORIA_TEST_PROJECT (and DATORIA_TEST_LOCATION, "
        "default US); the application default credentials are used.\n"
    )


def test_the_costs_are_stated_before_anything_is_asked():
    found = ran(DATORIA_TEST_PROJECT=PROJECT, BIGQUERY_EMULATOR_HOST="http://127.0.0.1:1")
    assert (found.returncode, found.stdout) == (2, "")
    assert f"questions for {PROJECT} in US, in one dataset datoria_test_" in found.stderr
    assert "less than $0.02" in found.stderr
    assert "Nothing was asked: say --yes." in found.stderr
