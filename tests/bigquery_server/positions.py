"""Names that a query gets wrong, told as BigQuery tells them: with line and column.

Source: https://docs.cloud.google.com/bigquery/docs/troubleshoot-queries
"""

import re
from contextlib import contextmanager

from datoria_dagster.warehouse.port import Refused
from tests.bigquery_server.sqltext import LITERALS

_UNKNOWN = re.compile(r'Referenced column "(?P<name>[^"]+)" not found')
_NOT_INSIDE = re.compile(r'"(?P<owner>[^"]+)" does not have a column named "(?P<name>[^"]+)"')


@contextmanager
def told(text):
    """Tell of an unknown column as BigQuery does."""
    try:
        yield
    except Refused as error:
        if found := _NOT_INSIDE.search(str(error)):
            said = f"Name {found['name']} not found inside {found['owner']}"
        elif found := _UNKNOWN.search(str(error)):
            said = f"Unrecognized name: {found['name']}"
        else:
            raise
        raise Refused(f"{said} at [{_place(text, found['name'])}]") from None


def _place(text, name):
    word = re.compile(
        rf"{LITERALS}|(?P<name>(?<!\w)`?{re.escape(name)}\b)", re.DOTALL | re.IGNORECASE
    )
    start = next((m.start() for m in word.finditer(text) if m["name"]), 0)
    return f"{text.count(chr(10), 0, start) + 1}:{start - text.rfind(chr(10), 0, start)}"
