"""What of BigQuery is no rule, and why: changes that can't be declared, or that are none."""

from typing import NamedTuple


class OutOfScope(NamedTuple):
    """Something that BigQuery knows and the rules don't speak on."""

    what: str
    why: str


NO_CHANGE = (
    OutOfScope("Another order of columns", "BigQuery ignores it; new columns are put at the end."),
    OutOfScope(
        "Another case of a name",
        "BigQuery compares names of columns without case, and refuses a rename to the same name.",
    ),
    OutOfScope(
        "Another spelling",
        "`FLOAT` is FLOAT64, a missing mode is NULLABLE, a missing description is empty, "
        "`NUMERIC(10)` is `NUMERIC(10, 0)`; labels and the versions of a KMS key have no order.",
    ),
    OutOfScope(
        "Another layout of SQL",
        "Queries, bodies and defaults are compared by what they say. JavaScript is compared letter "
        "for letter.",
    ),
    OutOfScope(
        "What is not declared and kept",
        "A policy tag, a collation, a rounding mode, a KMS key, a time travel window or a billing "
        "model that the declaration does not name stays as the server has it; so does an "
        "expiration that the dataset's default filled in.",
    ),
    OutOfScope(
        "Keys of a hive layout",
        "The server adds them to an external table's columns; what is not declared of them stays.",
    ),
    OutOfScope(
        "A view over a changed table",
        "Its text is the same, so nobody is hurt by it; it is issued again, because BigQuery keeps "
        "the schema that it had.",
    ),
    OutOfScope(
        "A materialized view over a table that is rebuilt, recreated or renamed",
        "Its text is the same; it is created anew, as BigQuery demands.",
    ),
)
NOT_DECLARED = (
    OutOfScope("Generated columns", "A preview; they can only be made by `ADD COLUMN`."),
    OutOfScope(
        "Data policies and governance tags of columns",
        "They are governed apart from the schema, by other people; a patch leaves them as they "
        "are.",
    ),
    OutOfScope(
        "Row access policies",
        "They are granted apart from the schema. They are looked for, and block what would lose "
        "them.",
    ),
    OutOfScope("Resource tags", "They belong to the organization's policies; a patch leaves them."),
    OutOfScope(
        "Grants (IAM), authorized views, datasets and routines",
        "They are access, not schema. A rule says where a change loses them.",
    ),
    OutOfScope(
        "Policy tags of views",
        "A view has none: it takes those of the columns that it reads.",
    ),
    OutOfScope(
        "Iceberg tables (BigLake)",
        "They have no snapshots, clones or renames, so no change of theirs could be undone. A name "
        "that belongs to one is left alone.",
    ),
    OutOfScope(
        "Snapshots and clones",
        "A snapshot can't be changed; one is a backup here. A clone is a table like any other.",
    ),
    OutOfScope("Object tables, remote and search indexes", "They have no schema to migrate."),
    OutOfScope(
        "Wildcard tables",
        "A pattern over tables, not an object. After a column is dropped or renamed BigQuery no "
        "longer reads a table by a pattern or by legacy SQL.",
    ),
    OutOfScope("Legacy SQL views", "They can't read, or be read by, GoogleSQL views."),
    OutOfScope("Python functions", "A preview; they are built by the server, in its own time."),
    OutOfScope("Functions with templated arguments (ANY TYPE)", "Their types can't be checked."),
    OutOfScope(
        "Table functions with TABLE arguments",
        "Their calls can't be followed to the columns that they read.",
    ),
    OutOfScope("Procedures for Spark", "Their code is not SQL and can't be followed."),
    OutOfScope(
        "Expiration and KMS key of views and materialized views",
        "What expires by itself is no longer as declared; a materialized view has the key of its "
        "dataset.",
    ),
    OutOfScope("Dropping a dataset", "A migration never drops one: it may hold what others own."),
    OutOfScope(
        "Case-insensitive datasets",
        "`is_case_insensitive` decides what a name means, and is best decided once, by hand.",
    ),
)
LEFT_TO_THE_SERVER = (
    OutOfScope(
        "Adding a column under the name of one that was dropped",
        "Peers report that BigQuery reserves the name for the time travel window; Google's pages "
        "don't say so. If the server refuses it, the step fails and nothing else is changed.",
    ),
    OutOfScope(
        "Writers that send the schema along",
        "A load with an old schema, or a stream that is open, is not declared and can't be seen.",
    ),
    OutOfScope(
        "Depth and number of clones, of partitions, of columns",
        "Limits that depend on the past of a table; the server refuses what is beyond them.",
    ),
)
