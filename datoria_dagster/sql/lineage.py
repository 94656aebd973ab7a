"""Which columns a query reads."""

from collections.abc import Mapping
from functools import lru_cache

from datoria_dagster.model.types import Field
from datoria_dagster.sql.errors import SqlError
from datoria_dagster.sql.parse import parse
from datoria_dagster.sql.references import references


def columns_read(
    query: str, schemas: Mapping[str, tuple[Field, ...]]
) -> frozenset[tuple[str, str]]:
    """Return what a query reads, in any clause: relation and lower-cased column or struct path.

    A column that only a star brings in counts where it is used or returned. Of a query that can't
    be followed (PIVOT, a table function, an undeclared relation) every column counts whose name
    stands in the text. Raises SqlError when the text does not parse.
    """
    known = ((name, schemas[name]) for name in references(query) if name in schemas)
    return _columns_read(query, tuple(known))


@lru_cache(maxsize=4096)
def _columns_read(
    query: str, schemas: tuple[tuple[str, tuple[Field, ...]], ...]
) -> frozenset[tuple[str, str]]:
    from datoria_dagster.sql import qualified, reads

    known = dict(schemas)
    try:
        return reads.exact(qualified.resolve(query, known, {}))
    except (SqlError, qualified.Unsure):
        return reads.rough(parse(query), known)
