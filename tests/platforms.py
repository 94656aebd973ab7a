"""Platforms drawn by hypothesis: any, and pairs of which the second evolved from the first."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

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
    Argument,
    Dataset,
    Field,
    Partitioning,
    Platform,
    ScalarFunction,
    Table,
    View,
    ident,
    sql,
)

law = settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)

SCALARS = [
    *(INT64, FLOAT64, BOOL, STRING, BYTES, DATE, DATETIME, TIME, TIMESTAMP, JSON),
    *(NUMERIC, BIGNUMERIC, NUMERIC(10, 2), NUMERIC(12, 4), STRING(5), STRING(20), BYTES(8)),
]
NAMES = ["a", "b", "c", "d", "e", "été", "with space"]
TEXTS = st.sampled_from(["", "Plain.", "Quotes ' \" ` and \\ and\nlines {braces} -- /* */ ;"])
LABELS = st.dictionaries(st.sampled_from(["team", "tier"]), st.sampled_from(["x", "y-1", ""]))


@st.composite
def datasets(draw):
    return Dataset(
        project="acme", name="shop", location="EU", description=draw(TEXTS), labels=draw(LABELS)
    )


@st.composite
def fields(draw, name, depth=3):
    mode = draw(st.sampled_from(["NULLABLE", "NULLABLE", "REQUIRED", "REPEATED"]))
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3)) if depth else []
    nested = [draw(fields(n, depth - 1)) for n in names]
    kind = STRUCT(*nested) if nested else draw(st.sampled_from(SCALARS))
    found = Field(name, kind, description=draw(TEXTS))
    return found.with_mode(mode)


@st.composite
def tables(draw, dataset, name):
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=5))
    schema = (Field("id", INT64, required=True), *(draw(fields(n)) for n in names))
    return Table(
        dataset=dataset,
        name=name,
        schema=schema,
        description=draw(TEXTS),
        labels=draw(LABELS),
        clustering=draw(st.sampled_from([(), ("id",)])),
        partitioning=PARTITIONINGS[name],
    )


PARTITIONINGS = {
    "t1": Partitioning.none(),
    "t2": Partitioning.integer_range("id", 0, 100, 10),
    "t3": Partitioning.none(),
}


@st.composite
def views(draw, table, name):
    field = draw(st.sampled_from(table.fields))
    shown = as_view_field(field)
    return View(
        dataset=table.dataset,
        name=name,
        schema=(shown,),
        description=draw(TEXTS),
        query=sql("SELECT {column} FROM {table}", column=ident(field.name), table=table),
    )


def as_view_field(field):
    """A view's column: no mode but REPEATED, no parameters, at any depth."""
    nested = tuple(as_view_field(f) for f in field.type.fields)
    bare = field.model_copy(
        update={"type": field.type.unparameterized, "required": False, "description": ""}
    )
    return bare.with_fields(nested) if nested else bare


@st.composite
def functions(draw, dataset):
    step = draw(st.integers(0, 3))
    returns = draw(st.sampled_from([INT64, FLOAT64]))
    return ScalarFunction(
        dataset=dataset,
        name="next_number",
        arguments=(Argument("x", INT64),),
        returns=returns,
        body=sql("x + {step}", step=step),
        description=draw(TEXTS),
    )


@st.composite
def platforms(draw):
    dataset = draw(datasets())
    names = draw(st.lists(st.sampled_from(sorted(PARTITIONINGS)), unique=True, min_size=1))
    found = [draw(tables(dataset, name)) for name in names]
    return Platform.of(*found, *draw(code(dataset, found)))


@st.composite
def code(draw, dataset, found):
    number = draw(st.integers(0, 2))
    shown = [draw(views(draw(st.sampled_from(found)), f"v{i}")) for i in range(number)]
    return [*shown, *([draw(functions(dataset))] if draw(st.booleans()) else [])]


WIDER = {"INT64": FLOAT64, "NUMERIC": BIGNUMERIC, "STRING": STRING, "BYTES": BYTES}


@st.composite
def evolutions(draw):
    """A platform, and one that force can make of it."""
    before = draw(platforms())
    dataset = draw(datasets())
    kept = [t for t in before.of_type(Table) if draw(st.integers(0, 4))]
    evolved = [draw(evolved_table(table, dataset)) for table in kept]
    free = sorted(PARTITIONINGS.keys() - {t.name for t in before.of_type(Table)})
    new = [draw(tables(dataset, name)) for name in free if draw(st.booleans())] if free else []
    found = [*evolved, *new] or [draw(tables(dataset, free[0] if free else "t1"))]
    if not evolved and not new and not free:
        found = [draw(evolved_table(next(iter(before.of_type(Table))), dataset))]
    return before, Platform.of(*found, *draw(code(dataset, found)))


@st.composite
def evolved_table(draw, table, dataset):
    columns = [table.fields[0], *draw(evolved_fields(table.fields[1:], top=True))]
    update = {
        "dataset": dataset,
        "fields": tuple(columns),
        "description": draw(TEXTS),
        "labels": draw(LABELS),
        "clustering": draw(st.sampled_from([(), ("id",)])),
    }
    return table.model_copy(update=update)


@st.composite
def evolved_fields(draw, old, *, top=False):
    kept = [draw(evolved_field(field)) for field in old if draw(st.integers(0, 4))]
    taken = {field.name for field in old}
    free = [name for name in NAMES if name not in taken]
    added = [draw(fields(name, 1)) for name in free[:1] if draw(st.booleans())]
    found = [*kept, *(f.with_mode("NULLABLE") if f.required else f for f in added)]
    return found or ([] if top else [old[0]])


@st.composite
def evolved_field(draw, field):
    change = draw(st.sampled_from(["none", "describe", "widen", "relax", "nested"]))
    match change:
        case "describe":
            return field.model_copy(update={"description": draw(TEXTS)})
        case "widen" if field.type.name in WIDER:
            return field.model_copy(update={"type": WIDER[field.type.name]})
        case "relax" if field.required:
            return field.with_mode("NULLABLE")
        case "nested" if field.type.fields:
            return field.with_fields(tuple(draw(evolved_fields(field.type.fields))))
        case _:
            return field
