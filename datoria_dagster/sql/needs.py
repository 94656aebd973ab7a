"""What an object refers to, by its templates or written out in its SQL."""

import re

from datoria_dagster.model.base import DeclarationError
from datoria_dagster.model.jobs import Job
from datoria_dagster.model.platform import Object, reads
from datoria_dagster.model.relations import MaterializedView, View
from datoria_dagster.model.routines import Procedure, Routine
from datoria_dagster.sql.script import names

# A name of three parts, as `project.dataset.table`.
_QUALIFIED = re.compile(r"[\w-]`?\s*\.\s*`?\w+`?\s*\.\s*`?\w")


def needs(found: Object) -> tuple[str, ...]:
    """Return the ids that an object refers to; those of other platforms may be among them.

    A wildcard table is among them as it is written, `project.dataset.events_*`.
    """
    match found:
        case View() | MaterializedView():
            query, execution = found.query, None
        case Job():
            query, execution = found.query, found.start
        case Routine():
            query, execution = found.query, None
        case _:
            return reads(found)
    if query is None or not _QUALIFIED.search(query.own_text):
        return reads(found)  # without parsing: few queries name anything themselves
    if isinstance(found, Procedure):
        return (*reads(found), *names(query.render()))
    return (*reads(found), *_parsed(query.render(execution)))


def _parsed(text: str) -> tuple[str, ...]:
    from datoria_dagster.sql.references import references, routines

    try:
        return (*references(text), *routines(text))
    except DeclarationError:  # `datoria check` reports it, and so does the warehouse
        return names(text)
