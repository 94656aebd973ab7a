"""What stands in the parentheses of CREATE TABLE: columns and keys.

Source: https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#create_table_statement
"""

from datoria_dagster.warehouse.local.resources import normal_fields
from datoria_dagster.warehouse.local.syntax import options
from datoria_dagster.warehouse.local.syntax.tokens import Tokens
from datoria_dagster.warehouse.port import Body, Ref, Refused

_CONSTRAINT = (("PRIMARY", "KEY"), ("FOREIGN", "KEY"), ("CONSTRAINT",))


def table(tokens: Tokens, ref: Ref) -> tuple[list[Body], Body]:
    """Consume `( … )` if it comes next: the columns, and the `tableConstraints`."""
    fields: list[Body] = []
    keys: list[Body] = []
    if not tokens.accept("("):
        return fields, {}
    while not tokens.accept(")"):
        if any(tokens.peek(*words) for words in _CONSTRAINT):
            keys.append(constraint(tokens, ref)[0])
        else:
            fields.append(_column(tokens, ref, keys))
        if not tokens.peek(")"):
            tokens.expect(",")
    return normal_fields(fields), _together(ref, keys)


def _column(tokens: Tokens, ref: Ref, keys: list[Body]) -> Body:
    field, given = tokens.column(lambda name: keys.append(_of_column(tokens, ref, name)))
    return options.described(field, given)


def _of_column(tokens: Tokens, ref: Ref, name: str) -> Body:
    if tokens.accept("PRIMARY", "KEY"):
        found: Body = {"primaryKey": {"columns": [name]}}
    else:
        found = _references(tokens, ref, [name])
    tokens.expect("NOT", "ENFORCED")
    return found


def _together(ref: Ref, keys: list[Body]) -> Body:
    primary = [key["primaryKey"] for key in keys if "primaryKey" in key]
    if len(primary) > 1:
        raise Refused(f"{ref.id} has more than one primary key.")
    foreign = [inner for key in keys for inner in key.get("foreignKeys", ())]
    result: Body = {"primaryKey": primary[0]} if primary else {}
    return {**result, "foreignKeys": foreign} if foreign else result


def constraint(tokens: Tokens, ref: Ref) -> tuple[Body, bool]:
    """Consume a key of a table: the piece of `tableConstraints`, and whether IF NOT EXISTS."""
    name, absent = None, False
    if tokens.accept("CONSTRAINT"):
        absent = tokens.accept("IF", "NOT", "EXISTS")
        name = tokens.word()
    if name is None and tokens.accept("PRIMARY", "KEY"):
        found: Body = {"primaryKey": {"columns": _names(tokens)}}
    else:
        tokens.expect("FOREIGN", "KEY")
        found = _references(tokens, ref, _names(tokens), name)
    tokens.expect("NOT", "ENFORCED")
    return found, absent


def _references(tokens: Tokens, ref: Ref, columns: list[str], name: str | None = None) -> Body:
    tokens.expect("REFERENCES")
    # A name that isn't qualified is in the dataset of the table itself.
    given = tokens.path().split(".")
    target = Ref("table", ".".join([*ref.parts[:2][: max(0, 3 - len(given))], *given]))
    referenced = _names(tokens)
    if len(referenced) != len(columns):
        raise Refused(f"{ref.id}: a foreign key of {len(columns)} columns refers to {referenced}.")
    project, dataset, table_name = target.parts
    key: Body = {
        "referencedTable": {"projectId": project, "datasetId": dataset, "tableId": table_name},
        "columnReferences": [
            {"referencingColumn": own, "referencedColumn": other}
            for own, other in zip(columns, referenced, strict=True)
        ],
    }
    return {"foreignKeys": [{"name": name, **key} if name else key]}


def _names(tokens: Tokens) -> list[str]:
    tokens.expect("(")
    names = [tokens.word()]
    while tokens.accept(","):
        names.append(tokens.word())
    tokens.expect(")")
    return names
