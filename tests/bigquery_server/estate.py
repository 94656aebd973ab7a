"""What the port has no verb for: which datasets there are, what a policy filters by, trial runs."""

import json

from datoria_dagster.warehouse.local.objects import statements
from datoria_dagster.warehouse.local.syntax import ddl
from datoria_dagster.warehouse.port import Ref, Resource


class Estate:
    """A view of the whole of an embedded warehouse."""

    def __init__(self, warehouse):
        self._store = warehouse._store

    def everything(self):
        """Return all resources."""
        found = self._query(
            "SELECT kind, id, etag, body FROM _datoria.resources WHERE kind <> 'policy'"
        )
        refs = ((Ref(kind, id_), etag, body) for kind, id_, etag, body in found)
        return {ref: Resource(ref, json.loads(body), etag) for ref, etag, body in refs}

    def datasets(self, project):
        """Return the datasets of a project (None: of all), sorted by name."""
        found = self._query(
            "SELECT body FROM _datoria.resources WHERE kind = 'dataset' ORDER BY id"
        )
        bodies = [json.loads(body) for (body,) in found]
        return [b for b in bodies if project in (None, b["datasetReference"]["projectId"])]

    def policies(self, ref):
        """Return the names and filters of a table's row access policies."""
        found = self._query(
            "SELECT id, body FROM _datoria.resources "
            "WHERE kind = 'policy' AND dataset = ? ORDER BY id",
            [ref.id],
        )
        return [(name, json.loads(body)["filterPredicate"]) for name, body in found]

    def _query(self, sql, parameters=()):
        if self._store.absent:
            return []
        with self._store.reading() as catalog:
            return catalog.cursor.execute(sql, list(parameters)).fetchall()

    def attempt(self, statement):
        """Carry out a statement and undo it, to find out whether it would be refused."""
        parsed = ddl.parse(statement)
        with self._store.reading() as catalog:
            statements.run(catalog, parsed)
