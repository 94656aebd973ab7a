"""A platform that force can make of another one: what its authors might have done to it since."""

from random import Random

from datoria_dagster import (
    BIGNUMERIC,
    BYTES,
    DATE,
    FLOAT64,
    INT64,
    NUMERIC,
    STRING,
    Dataset,
    Field,
    Partitioning,
    Platform,
    Table,
)
from tests import platforms

WIDER = {"INT64": FLOAT64, "NUMERIC": BIGNUMERIC, "STRING": STRING, "BYTES": BYTES}
NARROWER = {"FLOAT64": INT64, "BIGNUMERIC": NUMERIC, "DATETIME": DATE, "INT64": STRING}
OTHER_CUTS = {
    "t1": [Partitioning.none(), Partitioning.integer_range("id", 0, 50, 5)],
    "t2": [Partitioning.integer_range("id", 0, 100, 10), Partitioning.none()],
    "t3": [Partitioning.day("day"), Partitioning.month("day")],
}
TABLES = sorted(platforms.PARTITIONINGS)
KEPT = 0.8
NEW_NAMES = [f"new name {number}" for number in range(20)]


def evolution(dice: Random) -> tuple[Platform, Platform]:
    """Return a platform, and one that force can make of it."""
    before = platforms.platform(dice)
    return before, evolved(dice, before)


def evolved(dice: Random, before: Platform) -> Platform:
    """Return what force can make of a platform. Hints that were carried out are gone."""
    home = platforms.dataset(dice)
    old = {found.name: found for found in before.of_type(Table) if found.name != "x"}
    names = {name for name in old if dice.random() < KEPT}
    if not names or dice.random() < 0.2:
        names.add(dice.choice(TABLES))
    found = [
        evolved_table(dice, old[name], home) if name in old else platforms.table(dice, home, name)
        for name in sorted(names)
    ]
    tables = platforms.keyed(found, dice)
    return Platform.of(*tables, *platforms.code(dice, home, tables))


def evolved_table(dice: Random, table: Table, home: Dataset) -> Table:
    cut = dice.choice([table.cut, table.cut, table.cut, *OTHER_CUTS[table.name]])
    known = unhinted(table.fields)
    columns = (*known[:2], *evolved_fields(dice, known[2:], top=True))
    update = {
        "dataset": home,
        "fields": columns,
        "cut": cut,
        "foreign_keys": (),
        **platforms.table_options(dice, cut),
    }
    return table.model_copy(update=update)


def unhinted(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    return tuple(
        found.with_fields(unhinted(found.type.fields)).model_copy(update={"renamed_from": None})
        for found in fields
    )


def evolved_fields(dice: Random, old: tuple[Field, ...], *, top: bool = False) -> tuple[Field, ...]:
    kept = renamed(dice, [found for found in old if dice.random() < KEPT])
    taken = {found.name for found in old}
    free = [name for name in platforms.NAMES if name not in taken]
    if free and dice.random() < 0.3:
        added = platforms.field(dice, free[0], 2)
        kept.append(added.with_mode("NULLABLE") if added.required else added)
    return tuple(kept or ([] if top else [old[0]]))


def renamed(dice: Random, fields: list[Field]) -> list[Field]:
    """Change the columns, one of them its name too; or let two swap names and change nothing else.

    Two that swap their names and look afterwards as the other did before can't be told apart.
    """
    if not fields or dice.random() < KEPT:
        return [evolved_field(dice, found) for found in fields]
    one, *rest = fields
    if dice.random() < 0.5 and one.type != fields[-1].type:
        other = rest.pop()
        swapped = (_called(one, other.name), _called(other, one.name))
        return [swapped[0], *(evolved_field(dice, found) for found in rest), swapped[1]]
    first, *others = (evolved_field(dice, found) for found in fields)
    taken = {found.name for found in fields}
    return [_called(first, next(name for name in NEW_NAMES if name not in taken)), *others]


def _called(field: Field, name: str) -> Field:
    return field.model_copy(update={"name": name, "renamed_from": field.name})


def evolved_field(dice: Random, field: Field) -> Field:
    match dice.choice(["none", "none", "describe", "widen", "narrow", "relax", "single", "nested"]):
        case "describe":
            return field.model_copy(update={"description": platforms.text(dice)})
        case "widen" if field.type.name in WIDER:
            return _typed(field, WIDER[field.type.name])
        case "narrow" if field.type.name in NARROWER:
            return _typed(field, NARROWER[field.type.name])
        case "relax" if field.required:
            return field.with_mode("NULLABLE")
        case "single" if field.default is None and not field.required:
            return field.with_mode("REPEATED" if not field.repeated else "NULLABLE")
        case "nested" if field.type.fields:
            return field.with_fields(evolved_fields(dice, field.type.fields))
        case _:
            return field


def _typed(field: Field, kind) -> Field:
    return Field(
        field.name, kind, description=field.description, policy_tag=field.policy_tag
    ).with_mode(field.mode)
