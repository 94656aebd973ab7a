"""Primary and foreign keys: declared, believed, never enforced.

Source: https://docs.cloud.google.com/bigquery/docs/primary-foreign-keys
"""

from datoria_dagster.warehouse.local.catalog import Catalog, legacy
from datoria_dagster.warehouse.local.resources import column, fields_of
from datoria_dagster.warehouse.port import Body, NotFound, Ref, Refused

MAX_KEY_COLUMNS = 16
MAX_FOREIGN_KEYS = 64
# https://docs.cloud.google.com/bigquery/docs/information-schema-table-constraints#limitations
_TYPES = frozenset(
    ["BIGNUMERIC", "BOOLEAN", "DATE", "DATETIME", "INTEGER", "NUMERIC", "STRING", "TIMESTAMP"]
)


def primary_key(body: Body) -> list[str]:
    """Return the columns of the primary key; none without one."""
    return ((body.get("tableConstraints") or {}).get("primaryKey") or {}).get("columns") or []


def foreign_keys(body: Body) -> list[Body]:
    """Return the foreign keys."""
    return (body.get("tableConstraints") or {}).get("foreignKeys") or []


def check_free(ref: Ref, body: Body, name: str, done: str) -> None:
    """Refuse to drop, rename or retype a column that a key of its table is made of."""
    if name.lower() in map(str.lower, primary_key(body)):
        raise Refused(
            f"{legacy(ref)}: column {name} is part of the primary key; it can't be {done}."
        )
    for key in foreign_keys(body):
        if name.lower() in (pair["referencingColumn"].lower() for pair in _pairs(key)):
            raise Refused(
                f"{legacy(ref)}: column {name} is part of foreign key {key['name']}; it can't be "
                f"{done}."
            )


def _pairs(key: Body) -> list[Body]:
    return key.get("columnReferences") or []


def check(ref: Ref, body: Body) -> None:
    """Refuse keys that the table's own columns don't allow."""
    names = primary_key(body)
    _check_columns(ref, body, names, "primary key")
    for name in names:
        found = column(fields_of(body), name)
        if found is not None and "defaultValueExpression" in found:
            # https://docs.cloud.google.com/bigquery/docs/default-values#limitations
            raise Refused(f"{legacy(ref)}: primary key column {name} can't have a default value.")
    keys = foreign_keys(body)
    if len(keys) > MAX_FOREIGN_KEYS:
        raise Refused(f"{legacy(ref)} has more than {MAX_FOREIGN_KEYS} foreign keys.")
    taken = [key["name"].lower() for key in keys]
    for key in keys:
        if taken.count(key["name"].lower()) > 1:
            raise Refused(f"{legacy(ref)}: constraint {key['name']} already exists.")
        referencing = [pair["referencingColumn"] for pair in _pairs(key)]
        _check_columns(ref, body, referencing, f"foreign key {key['name']}")


def _check_columns(ref: Ref, body: Body, names: list[str], what: str) -> None:
    if len(names) > MAX_KEY_COLUMNS:
        raise Refused(f"{legacy(ref)}: a {what} has at most {MAX_KEY_COLUMNS} columns.")
    if len({name.lower() for name in names}) < len(names):
        raise Refused(f"{legacy(ref)}: the {what} names a column twice.")
    for name in names:
        found = column(fields_of(body), name)
        if found is None:
            raise Refused(f"{legacy(ref)}: column {name} of the {what} is not a top-level column.")
        if found["mode"] == "REPEATED" or found["type"] not in _TYPES:
            raise Refused(
                f"{legacy(ref)}: column {name} of the {what} is {found['mode']} {found['type']}, "
                "which is not supported for a key."
            )


def check_references(catalog: Catalog, ref: Ref, body: Body) -> None:
    """Refuse a foreign key to what is not the primary key of another table."""
    for key in foreign_keys(body):
        target = _target(key)
        if target == ref:
            raise Refused(f"{legacy(ref)}: foreign key {key['name']} refers to its own table.")
        if target.dataset != ref.dataset:
            raise Refused(
                f"{legacy(ref)}: foreign key {key['name']} refers to {target.id}; both tables "
                "must be in the same dataset."
            )
        found = catalog.find(target)
        if found is None:
            raise NotFound(f"Not found: {legacy(target)} (foreign key {key['name']})")
        _check_reference(ref, body, key, found.body)


def _target(key: Body) -> Ref:
    table = key["referencedTable"]
    return Ref("table", f"{table['projectId']}.{table['datasetId']}.{table['tableId']}")


def _check_reference(ref: Ref, body: Body, key: Body, target: Body) -> None:
    referenced = [pair["referencedColumn"].lower() for pair in _pairs(key)]
    if not referenced or sorted(referenced) != sorted(map(str.lower, primary_key(target))):
        raise Refused(
            f"{legacy(ref)}: foreign key {key['name']} must refer to the primary key of "
            f"{_target(key).id}, which is ({', '.join(primary_key(target))})."
        )
    for pair in _pairs(key):
        own = column(fields_of(body), pair["referencingColumn"])
        other = column(fields_of(target), pair["referencedColumn"])
        if own is None or other is None or own["type"] != other["type"]:
            raise Refused(
                f"{legacy(ref)}: column {pair['referencingColumn']} of foreign key {key['name']} "
                f"has another type than {pair['referencedColumn']} of {_target(key).id}."
            )


def added(ref: Ref, body: Body, given: Body) -> Body:
    """Return the table with a primary key or a foreign key more (ALTER TABLE … ADD)."""
    before = body.get("tableConstraints") or {}
    if "primaryKey" in given and "primaryKey" in before:
        raise Refused(f"{legacy(ref)} has a primary key already; drop it first.")
    keys = [*foreign_keys(body), *(given.get("foreignKeys") or [])]
    after = {**before, **given, **({"foreignKeys": keys} if keys else {})}
    return {**body, "tableConstraints": after}


def dropped(ref: Ref, body: Body, name: str | None, *, if_exists: bool) -> Body:
    """Return the table without a constraint; None is the primary key, which is called `pk$`."""
    short = "pk$" if name is None else name.rsplit(".", 1)[-1]
    before = dict(body.get("tableConstraints") or {})
    kept = [key for key in foreign_keys(body) if key["name"].lower() != short.lower()]
    if short == "pk$" and primary_key(body):
        del before["primaryKey"]
    elif len(kept) < len(foreign_keys(body)):
        before["foreignKeys"] = kept
    elif not if_exists:
        raise Refused(f"{legacy(ref)} has no constraint {short}.")
    return {**body, "tableConstraints": before}
