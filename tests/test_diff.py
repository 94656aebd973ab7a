"""`datoria diff` on what `bq show --format=prettyjson` prints: pairs of files, and their verdicts.

A pair is tests/files/<name>.old.json and <name>.new.json.
"""

import json
from pathlib import Path

import pytest

from tests.conftest import refused

FILES = Path(__file__).parent / "files"
EXIT_CODES = {"empty": 0, "compatible": 0, "incompatible": 3, "impossible": 4}
# name: (verdict, a line per change: column or -, kind, severity, means)
PAIRS = {
    "spelled-otherwise": ("empty", ""),
    "columns-added": (
        "compatible",
        """
        customer.email field_added safe patch
        note field_added safe patch
        """,
    ),
    "column-dropped-and-narrowed": (
        "incompatible",
        """
        amount field_type_changed incompatible rebuild
        note field_removed destructive statement
        state field_mode_changed incompatible rebuild
        """,
    ),
    "columns-widened": (
        "compatible",
        """
        id field_mode_changed caution patch
        code field_type_changed safe statement
        price field_type_changed safe statement
        n field_type_changed caution statement
        """,
    ),
    "columns-compare-and-round-otherwise": (
        "incompatible",
        """
        city collation_changed incompatible rebuild
        price rounding_mode_changed caution patch
        """,
    ),
    "policy-tags": (
        "incompatible",
        """
        phone policy_tag_changed incompatible patch
        home.street policy_tag_changed incompatible patch
        """,
    ),
    "partitioned-otherwise": (
        "incompatible",
        """
        - partitioning_changed incompatible rebuild
        - clustering_changed caution patch
        """,
    ),
    "partitions-expire-earlier": (
        "incompatible",
        """
        - partition_expiration_days_changed destructive patch
        - require_partition_filter_changed incompatible patch
        """,
    ),
    "partitions-no-longer-expire": (
        "compatible",
        """
        - partition_expiration_days_changed safe patch
        - require_partition_filter_changed safe patch
        """,
    ),
    "keys": (
        "compatible",
        """
        - primary_key_changed caution statement
        - foreign_key_removed safe statement
        """,
    ),
    "said-of-a-table": (
        "compatible",
        """
        - description_changed safe patch
        - labels_changed safe patch
        - friendly_name_changed safe patch
        id description_changed safe patch
        """,
    ),
    "table-becomes-a-view": ("incompatible", "- object_kind_changed destructive recreate"),
    "view-laid-out-anew": ("empty", ""),
    "view-returns-less": (
        "incompatible",
        """
        - query_changed caution recreate
        total field_removed incompatible recreate
        """,
    ),
    "materialized-view": (
        "compatible",
        """
        - query_changed caution recreate
        - refresh_interval_minutes_changed safe patch
        last field_added safe recreate
        """,
    ),
    "external-table": (
        "incompatible",
        """
        - uris_changed caution patch
        - skip_leading_rows_changed caution patch
        name field_removed incompatible patch
        """,
    ),
    "function-takes-another-argument": (
        "incompatible",
        """
        - arguments_changed incompatible recreate
        - return_type_changed incompatible recreate
        - body_changed caution recreate
        """,
    ),
    "comment-in-javascript": ("compatible", "- body_changed caution recreate"),
    "procedure-laid-out-anew": ("empty", ""),
    "dataset-with-a-default-expiration": (
        "compatible",
        """
        - description_changed safe patch
        - labels_changed safe patch
        - default_table_expiration_days_changed caution patch
        - max_time_travel_hours_changed caution patch
        """,
    ),
    "list-of-columns-against-a-table": ("compatible", "note field_added safe patch"),
    "lists-of-columns": (
        "incompatible",
        """
        tags field_mode_changed destructive rebuild
        place.lon field_removed destructive rebuild
        """,
    ),
}


def diff(project, name, *words):
    return project.datoria(
        "diff", str(FILES / f"{name}.old.json"), str(FILES / f"{name}.new.json"), *words
    )


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_of_files_has_its_verdict_and_its_changes(project, name):
    verdict, changes = PAIRS[name]
    ran = diff(project, name, "--format", "json")
    document = json.loads(ran.out)
    found = [
        f"{change['path'] or '-'} {change['kind']} {change['severity']} {change['means']}"
        for change in document["changes"]
    ]
    assert found == [line.strip() for line in changes.split("\n") if line.strip()]
    assert document["verdict"] == verdict
    assert ran.code == EXIT_CODES[verdict]


def test_every_file_belongs_to_a_pair():
    names = {f"{name}.{side}.json" for name in PAIRS for side in ("old", "new")}
    assert {file.name for file in FILES.iterdir()} == names


@pytest.mark.parametrize("name", PAIRS)
def test_a_file_does_not_differ_from_itself(project, name):
    for side in ("old", "new"):
        file = str(FILES / f"{name}.{side}.json")
        ran = project.datoria("diff", file, file)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("No difference in what is compared: ")


@pytest.mark.parametrize(
    ("name", "compared"),
    [
        (
            "spelled-otherwise",
            "partitioning, clustering, keys, columns, options, labels, descriptions",
        ),
        ("view-laid-out-anew", "query, columns, options, labels, descriptions"),
        ("procedure-laid-out-anew", "arguments, body, strict mode, description"),
    ],
)
def test_without_a_difference_it_says_what_was_compared(project, name, compared):
    ran = diff(project, name)
    assert ran.out == f"No difference in what is compared: {compared}.\n"


def test_of_a_list_of_columns_only_the_columns_are_compared(project):
    project.write("columns.json", '[{"name": "ID", "type": "INT64", "mode": "REQUIRED"}]')
    keys = str(FILES / "keys.new.json")
    ran = project.datoria("diff", keys, "columns.json")
    assert "- customer_id  destructive  dropped with its values, INT64" in ran.out
    assert "labels" not in project.datoria("diff", "columns.json", "columns.json").out


@pytest.mark.parametrize("style", ["text", "markdown"])
def test_a_comparison_gives_no_advice_on_a_migration(project, style):
    ran = diff(project, "policy-tags", "--format", style)
    assert "2 changes, incompatible." in ran.out
    assert "no longer protected by" in ran.out
    assert "datoria migrate" not in ran.out


def test_what_matters_most_stands_first_and_the_columns_are_aligned(project):
    lines = diff(project, "external-table").out.split("\n")
    assert lines[2:5] == [
        "acme.shop",
        "└── imports (external table)",
        "    ├── - name               incompatible  no longer read from the files",
    ]
    assert lines[8].startswith("    └── ~ skip_leading_rows  caution       2, was 1; ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"name": "a", "type": "INT46"}]', "column 'a' has no type: INT46"),
        ('[{"name": "a", "type": "INT64", "mode": "REQURED"}]', "'a' has the mode 'REQURED'"),
        ('[{"name": "a", "type": "INT64"}, {"name": "A", "type": "DATE"}]', "two columns are"),
        ('[{"name": "a", "type": "RECORD"}]', "column 'a' is a RECORD without fields"),
        ('[{"name": "a"}]', "'type' is missing"),
        ('{"routineType": "SCALAR_FUNCTION", "language": "PYTHON"}', "does not judge a python"),
        ('{"type": "SNAPSHOT", "schema": {"fields": []}}', "does not judge a snapshot"),
        ('{"schema": [1]}', "this is not what BigQuery prints"),
    ],
)
def test_a_file_that_bigquery_would_not_print_is_refused_with_the_reason(project, text, message):
    project.write("old.json", text)
    error = refused(project, "diff", "old.json", "old.json")
    assert "old.json: " in error
    assert message in error


def test_files_of_two_kinds_of_objects_are_not_compared(project):
    project.write("table.json", '[{"name": "a", "type": "INT64"}]')
    project.write("routine.json", '{"routineType": "PROCEDURE", "definitionBody": "SELECT 1"}')
    error = refused(project, "diff", "table.json", "routine.json")
    assert "table.json is a table and routine.json a routine: they can't be compared." in error
