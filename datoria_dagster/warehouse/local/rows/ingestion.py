"""The pseudo-columns of a table partitioned by ingestion time: there when named, never in `*`.

Source: https://docs.cloud.google.com/bigquery/docs/querying-partitioned-tables
"""

from sqlglot import exp

from datoria_dagster.warehouse.local.resources import INGESTION, fields_of
from datoria_dagster.warehouse.port import Resource

_DATE = "_PARTITIONDATE"
PSEUDO = (INGESTION, _DATE)


def show_arrival(found: Resource, physical: exp.Table, place: exp.Table) -> exp.Expr:
    """Return what stands for the table in `place`, with its pseudo-columns if they are named."""
    select = place.find_ancestor(exp.Select)
    columns = [exp.column(field["name"], quoted=True) for field in fields_of(found.body)]
    if select is None or not _names_pseudo(select):
        return exp.Subquery(this=exp.select(*columns).from_(physical))
    _hide_from_stars(select, place.alias_or_name)
    arrival = exp.column(INGESTION, quoted=True)
    day = exp.alias_(exp.cast(arrival.copy(), "date"), _DATE, quoted=True)
    return exp.Subquery(this=exp.select(*columns, arrival, day).from_(physical))


def _names_pseudo(select: exp.Select) -> bool:
    return any(column.name.upper() in PSEUDO for column in select.find_all(exp.Column))


def _hide_from_stars(select: exp.Select, alias: str) -> None:
    for projection in select.expressions:
        star = projection
        if isinstance(projection, exp.Column):
            if projection.table.lower() != alias.lower():
                continue
            star = projection.this
        if isinstance(star, exp.Star):
            hidden = [exp.to_identifier(name, quoted=True) for name in PSEUDO]
            star.set("except_", [*(star.args.get("except_") or []), *hidden])
