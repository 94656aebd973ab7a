"""GoogleSQL as text: what is changed in it before the warehouse sees it."""

import re
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from datoria_dagster.warehouse.port import Ref, Refused

_QUALIFIED = 3
LITERALS = (
    r"[rRbB]{0,2}'''(?:\\.|[^\\])*?'''"
    r'|[rRbB]{0,2}"""(?:\\.|[^\\])*?"""'
    r"|[rRbB]{0,2}'(?:\\.|[^'\\])*'"
    r'|[rRbB]{0,2}"(?:\\.|[^"\\])*"'
    r"|--[^\n]*|\#[^\n]*|/\*.*?\*/"
)
QUOTED = r"`(?:\\.|[^`\\])*`"


def replaced(text, pattern, replace, *, inside_quotes=False):
    """Replace what matches outside of literals, comments and (mostly) quoted names."""
    kept = LITERALS if inside_quotes else f"{LITERALS}|{QUOTED}"
    both = re.compile(f"(?P<_kept>{kept})|(?:{pattern})", re.DOTALL)
    return both.sub(lambda m: m[0] if m["_kept"] is not None else replace(m), text)


@lru_cache(maxsize=256)
def parsed(text):
    """Return the tree of a statement, which is cached; None for what sqlglot can't parse."""
    try:
        tree = sqlglot.parse_one(text, dialect="bigquery")
    except (SqlglotError, RecursionError):
        return None
    return None if isinstance(tree, exp.Command) else tree


def tables(tree):
    """Yield the tables that a statement names, with their parts."""
    if tree is None:
        return
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    found = list(tree.find_all(exp.Table))
    aliases = {table.alias.lower() for table in found if table.alias}
    for table in found:
        parts = [part.name for part in table.parts]
        local = len(parts) == 1 and parts[0].lower() in ctes
        array = len(parts) > 1 and parts[0].lower() in aliases
        # Neither a new name nor the name of a constraint is that of a table.
        renamed = table.find_ancestor(exp.AlterRename) is not None
        dropped = isinstance(table.parent, exp.Drop) and isinstance(table.parent.parent, exp.Alter)
        if isinstance(table.this, exp.Identifier) and not (local or array or renamed or dropped):
            yield table, parts


def refs(tree):
    """Return the qualified tables that a statement names, each once, in order."""
    found = [".".join(parts) for _, parts in tables(tree) if len(parts) >= _QUALIFIED]
    names = [name for name in found if ".INFORMATION_SCHEMA." not in name.upper()]
    return [Ref("table", name) for name in dict.fromkeys(names)]


def qualified(text, project, default, target=None):
    """Give names the project of the job, and those without a dataset the default one.

    The target of a statement that sqlglot can't parse is known from its first words.
    """
    found = []
    if target is None or target.reads:
        short = _short(text)
        found = [(t.parts[0].meta.get("start"), _QUALIFIED - len(parts)) for t, parts in short]
    if target is not None:
        found.append((target.start, target.missing))
    for start, missing in sorted(set(found), key=lambda place: place[0] or 0, reverse=True):
        if start is not None and missing > 0:
            text = text[:start] + _prefix(missing, project, default) + text[start:]
    return text


def _short(text):
    return [found for found in tables(parsed(text)) if len(found[1]) < _QUALIFIED]


def _prefix(missing, project, default):
    if missing == 1:
        return f"`{project}`."
    if not default:
        raise Refused("A table must be qualified with a dataset (e.g. dataset.table).")
    return f"`{default.get('projectId') or project}`.`{default['datasetId']}`."
