"""What BigQuery accepts of a PATCH of a table's columns, and what then is in the table.

Source: https://docs.cloud.google.com/bigquery/docs/managing-table-schemas
"""

from datoria_dagster.warehouse.local.catalog import legacy
from datoria_dagster.warehouse.local.resources import column, walk
from datoria_dagster.warehouse.port import Body, Ref, Refused

# What a PATCH doesn't repeat, it removes.
_METADATA = ("description", "defaultValueExpression", "roundingMode")
# What a PATCH doesn't repeat, it keeps: "If you delete the policyTags field, it has no effect".
# https://docs.cloud.google.com/bigquery/docs/column-level-security
_KEPT = ("policyTags",)
_NOT_IN_VIEWS = {"collation", "defaultValueExpression", "policyTags", "roundingMode"}


def amended(ref: Ref, before: list[Body], after: list[Body]) -> list[Body]:
    """Return the columns after a PATCH from `before` (both in REST's normal form), or refuse."""
    return _Amendment(ref).fields(before, after, "")


def described(ref: Ref, before: list[Body], after: list[Body]) -> list[Body]:
    """Return a view's columns after a PATCH of its schema, which can only describe them."""
    result = amended(ref, before, after)
    if len(result) != len(before):
        extra = result[len(before)]["name"]
        raise mismatch(ref, f"Cannot add fields (field: {extra})")
    for path, field in walk(result):
        if kept := sorted(field.keys() & _NOT_IN_VIEWS):
            raise Refused(f"{legacy(ref)} is a view; its column {path} can't have {kept[0]}.")
    return result


def mismatch(ref: Ref, reason: str) -> Refused:
    """Return the error of columns that don't fit a table."""
    return Refused(f"Provided Schema does not match {legacy(ref)}. {reason}")


class _Amendment:
    def __init__(self, ref: Ref) -> None:
        self.ref = ref

    def fields(self, before: list[Body], after: list[Body], parent: str) -> list[Body]:
        kept: list[Body] = []
        for old in before:
            new = column(after, old["name"])
            path = f"{parent}{old['name']}"
            if new is None:
                raise mismatch(self.ref, f"Field {path} is missing in new schema")
            if new["name"] != old["name"]:
                # A change of case alone: https://github.com/mozilla/bigquery-etl/pull/4121
                raise Refused(f"Field {parent}{new['name']} already exists in schema")
            kept.append(self._field(old, new, path))
        names = {old["name"].lower() for old in before}
        added = [new for new in after if new["name"].lower() not in names]
        # The order of existing columns has no effect, but a new one must come last.
        tail = after[len(after) - len(added) :]
        if added != tail:
            raise Refused(
                f"Precondition Failed: new field {parent}{added[0]['name']} of {legacy(self.ref)} "
                "must be at the end of the schema."
            )
        for new in added:
            self._check_added(new, parent)
        return kept + added

    def _field(self, old: Body, new: Body, path: str) -> Body:
        self._check_type(old, new, path)
        self._check_mode(old, new, path)
        self._check_collation(old, new, path)
        # maxLength, precision and scale stay: BigQuery answers 200 and changes nothing.
        # https://github.com/hashicorp/terraform-provider-google/issues/12095
        result = {key: value for key, value in old.items() if key not in _METADATA}
        result["mode"] = new["mode"]
        result.update({key: new[key] for key in (*_METADATA, *_KEPT) if key in new})
        if old["type"] == "RECORD":
            result["fields"] = self.fields(old["fields"], new.get("fields") or [], f"{path}.")
        return result

    def _check_type(self, old: Body, new: Body, path: str) -> None:
        same_element = old.get("rangeElementType") == new.get("rangeElementType")
        if old["type"] != new["type"] or not same_element:
            raise mismatch(
                self.ref, f"Field {path} has changed type from {old['type']} to {new['type']}"
            )

    def _check_collation(self, old: Body, new: Body, path: str) -> None:
        if new.get("collation", old.get("collation", "")) != old.get("collation", ""):
            # https://docs.cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#alter_column_set_data_type_statement
            raise Refused(
                f"You cannot update an existing collation specification on column {path} of "
                f"{legacy(self.ref)}."
            )

    def _check_mode(self, old: Body, new: Body, path: str) -> None:
        pair = (old["mode"], new["mode"])
        if pair[0] != pair[1] and pair != ("REQUIRED", "NULLABLE"):
            raise mismatch(self.ref, f"Field {path} has changed mode from {pair[0]} to {pair[1]}")

    def _check_added(self, new: Body, parent: str) -> None:
        path = f"{parent}{new['name']}"
        if new["mode"] == "REQUIRED":
            # Only inside a RECORD that is itself new may a column be REQUIRED.
            raise mismatch(
                self.ref, f"Cannot add required fields to an existing schema. (field: {path})"
            )
        if "defaultValueExpression" in new:
            # https://docs.cloud.google.com/bigquery/docs/default-values#add-column
            raise Refused(
                "Add field with default value to an existing table schema is not supported "
                f"(field: {path}). Add the field first, then set its default value."
            )
