"""Platforms drawn at random, with every kind of object, as a pure function of the dice.

`hypothesis` throws the dice: in `make test` so that it can shrink a counterexample, in `make laws`
quicker, by a seed. `tests/evolution.py` draws the second platform of a pair from the first.
"""

from datetime import UTC, datetime, timedelta
from random import Random

from datoria_dagster import (
    BIGNUMERIC,
    BOOL,
    BYTES,
    DATE,
    DATETIME,
    FLOAT64,
    INT64,
    JSON,
    NUMERIC,
    STRING,
    STRUCT,
    TIME,
    TIMESTAMP,
    AggregateFunction,
    Argument,
    Dataset,
    ExternalTable,
    Field,
    ForeignKey,
    JavaScript,
    MaterializedView,
    Partitioning,
    Platform,
    Procedure,
    Remote,
    ScalarFunction,
    Table,
    TableFunction,
    View,
    ident,
    sql,
)

SCALARS = [
    *(INT64, INT64, INT64, FLOAT64, BOOL, STRING, BYTES, DATE, DATETIME, TIME, TIMESTAMP, JSON),
    *(NUMERIC, BIGNUMERIC, NUMERIC(10, 2), NUMERIC(12, 4), STRING(5), STRING(20), BYTES(8)),
]
NAMES = ["a", "b", "c", "d", "e", "été", "with space"]
TEXTS = ["", "", "Plain.", "Quotes ' \" ` and \\ and\nlines {braces} -- /* */ ;"]
DEPTH = 4
PARTITIONINGS = {
    "t1": Partitioning.none(),
    "t2": Partitioning.integer_range("id", 0, 100, 10),
    "t3": Partitioning.day("day"),
}
KEYS = [None, "projects/p/locations/eu/keyRings/r/cryptoKeys/k"]
TAGS = [None, None, "", "projects/p/locations/eu/taxonomies/1/policyTags/2"]
ROUNDINGS = [None, "ROUND_HALF_AWAY_FROM_ZERO", "ROUND_HALF_EVEN"]


def text(dice: Random) -> str:
    return dice.choice(TEXTS)


def labels(dice: Random) -> dict[str, str]:
    return {key: dice.choice(["x", "y-1", ""]) for key in ("team", "tier") if dice.random() < 0.3}


def dataset(dice: Random) -> Dataset:
    return Dataset(
        project="acme",
        name="shop",
        location="EU",
        description=text(dice),
        labels=labels(dice),
        friendly_name=text(dice),
        default_partition_expiration_days=dice.choice([None, None, 36_500]),
        max_time_travel_hours=dice.choice([None, 48, 168]),
    )


def some(dice: Random, names: list[str], most: int) -> list[str]:
    return dice.sample(names, dice.randint(0, most))


def field(dice: Random, name: str, depth: int = DEPTH) -> Field:
    """A column; a struct of it nests at most `depth` levels of columns, this one included."""
    names = some(dice, NAMES, 3) if depth > 1 and dice.random() < 0.4 else []
    nested = [field(dice, n, depth - 1) for n in names]
    kind = STRUCT(*nested) if nested else dice.choice(SCALARS)
    found = Field(name, kind, description=text(dice), **field_options(dice, kind))
    return found.with_mode(dice.choice(["NULLABLE", "NULLABLE", "REQUIRED", "REPEATED"]))


def field_options(dice: Random, kind) -> dict[str, object]:
    options: dict[str, object] = {}
    if kind.name != "STRUCT":
        options["policy_tag"] = dice.choice(TAGS)
    if kind.name == "STRING":
        options["collation"] = dice.choice([None, None, "", "und:ci"])
    if kind.name in ("NUMERIC", "BIGNUMERIC"):
        options["rounding_mode"] = dice.choice(ROUNDINGS)
    return options


def table(dice: Random, home: Dataset, name: str) -> Table:
    first = (Field("id", INT64, required=True), Field("day", DATE, required=True))
    rest = (field(dice, n) for n in some(dice, NAMES, 4))
    return Table(
        dataset=home,
        name=name,
        schema=(*first, *map(defaulted(dice), rest)),
        partitioning=PARTITIONINGS[name],
        **table_options(dice, PARTITIONINGS[name]),
    )


def defaulted(dice: Random):
    def add(found: Field) -> Field:
        if found.type != INT64 or found.repeated or dice.random() < 0.7:
            return found
        return found.model_copy(update={"default": str(dice.randint(0, 2))})

    return add


def table_options(dice: Random, cut: Partitioning) -> dict[str, object]:
    by_time = cut.granularity not in (None, "RANGE")
    return {
        "description": text(dice),
        "labels": labels(dice),
        "friendly_name": text(dice),
        "clustering": dice.choice([(), ("id",)]),
        "primary_key": dice.choice([(), ("id",)]),
        "expiration_timestamp": dice.choice([None, None, datetime(2090, 1, 1, tzinfo=UTC)]),
        "partition_expiration_days": dice.choice([None, 36_500, 40_000]) if by_time else None,
        "max_staleness": dice.choice([None, timedelta(hours=4)]),
        "default_rounding_mode": dice.choice(ROUNDINGS),
        "kms_key_name": dice.choice(KEYS),
    }


def keyed(tables: list[Table], dice: Random) -> list[Table]:
    """Give some tables a foreign key to another's primary key; there are no circles."""
    targets = [found for found in tables if found.primary_key]
    return [
        found.model_copy(update={"foreign_keys": (ForeignKey("id", references=targets[0]),)})
        if targets and found is not targets[0] and dice.random() < 0.3
        else found.model_copy(update={"foreign_keys": ()})
        for found in tables
    ]


def as_view_field(found: Field) -> Field:
    """A view's column: no mode but REPEATED, no parameters, no options, at any depth."""
    nested = tuple(as_view_field(f) for f in found.type.fields)
    bare = Field(found.name, found.type.unparameterized, repeated=found.repeated)
    return bare.with_fields(nested) if nested else bare


def view(dice: Random, base: Table, name: str) -> View:
    shown = dice.choice(base.fields)
    return View(
        dataset=base.dataset,
        name=name,
        schema=(as_view_field(shown),),
        description=text(dice),
        labels=labels(dice),
        friendly_name=text(dice),
        query=sql("SELECT {column} FROM {base}", column=ident(shown.name), base=base),
    )


def materialized_view(dice: Random, base: Table, name: str) -> MaterializedView:
    query = dice.choice(
        [
            sql("SELECT id, COUNT(*) AS n FROM {base} GROUP BY id", base=base),
            sql("SELECT id, SUM(id) AS n FROM {base} GROUP BY id", base=base),
        ]
    )
    return MaterializedView(
        dataset=base.dataset,
        name=name,
        schema=(Field("id", INT64), Field("n", INT64)),
        query=query,
        clustering=dice.choice([(), ("id",)]),
        description=text(dice),
        enable_refresh=dice.choice([True, False]),
        refresh_interval_minutes=dice.choice([30, 60]),
    )


def external_table(dice: Random, home: Dataset, name: str) -> ExternalTable:
    names = ["x", *some(dice, ["y", "z"], 2)]
    return ExternalTable(
        dataset=home,
        name=name,
        schema=tuple(Field(n, dice.choice([INT64, STRING])) for n in names),
        format="CSV",
        uris=(dice.choice(["gs://acme/a.csv", "gs://acme/*.csv"]),),
        skip_leading_rows=dice.choice([None, 1]),
        description=text(dice),
    )


X = (Argument("x", FLOAT64),)


def routine(dice: Random, home: Dataset, base: Table, name: str):
    common = {"dataset": home, "name": name, "description": text(dice)}
    step = dice.randint(0, 3)
    returns = dice.choice([INT64, FLOAT64])
    match name:
        case "next_number":
            body = sql(f"CAST(x + {step} AS {returns})")
            bodies = [body, JavaScript(f"return x + {step};"), REMOTE]
            return ScalarFunction(**common, arguments=X, returns=returns, body=dice.choice(bodies))
        case "total":
            body = sql(f"CAST(SUM(x) + {step} AS {returns})")
            return AggregateFunction(**common, arguments=X, returns=returns, body=body)
        case "rows_of":
            body = sql("SELECT id FROM {base} WHERE id > x + {step}", base=base, step=step)
            columns = (Field("id", INT64),)
            return TableFunction(**common, arguments=X, returns=columns, body=body)
        case _:
            body = sql("SELECT COUNT(*) + {step} FROM {base};", base=base, step=step)
            return Procedure(**common, body=body, strict_mode=dice.choice([True, False]))


REMOTE = Remote(connection="acme.eu.run", endpoint="https://run.example/next")
ROUTINES = ["next_number", "total", "rows_of", "count_rows"]


def code(dice: Random, home: Dataset, tables: list[Table]) -> list[object]:
    """What is made of tables. `x` is of another kind each time."""
    shown = [view(dice, dice.choice(tables), f"v{i}") for i in range(dice.randint(0, 2))]
    called = [routine(dice, home, dice.choice(tables), name) for name in some(dice, ROUTINES, 1)]
    odd = [
        lambda: view(dice, dice.choice(tables), "x"),
        lambda: materialized_view(dice, dice.choice(tables), "x"),
        lambda: external_table(dice, home, "x"),
        lambda: Table(dataset=home, name="x", schema=(Field("id", INT64),)),
    ]
    return [*shown, *called, *([dice.choice(odd)()] if dice.random() < 0.5 else [])]


def platform(dice: Random) -> Platform:
    home = dataset(dice)
    names = dice.sample(sorted(PARTITIONINGS), dice.choice([1, 1, 2]))
    tables = keyed([table(dice, home, name) for name in sorted(names)], dice)
    return Platform.of(*tables, *code(dice, home, tables))
