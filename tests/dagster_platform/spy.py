"""A warehouse that notes which verbs were called, and passes them on."""

from datoria_dagster.warehouse.port import Warehouse

# Verbs that send SQL, or change something.
CHANGING = ("create", "patch", "replace", "delete", "execute", "write", "append")
ACTING = frozenset((*CHANGING, "validate", "dry_run", "query"))


class Spy(Warehouse):
    """Passes every verb on to another warehouse, and keeps their names in `called`."""

    name = "spy"

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self.called: list[str] = []

    @property
    def acted(self) -> list[str]:
        """The verbs called that send SQL or change something."""
        return [verb for verb in self.called if verb in ACTING]

    def _pass_on(self, verb, *arguments):
        self.called.append(verb)
        return getattr(self._warehouse, verb)(*arguments)

    def read(self, refs):
        return self._pass_on("read", refs)

    def list(self, *datasets):
        return self._pass_on("list", *datasets)

    def create(self, ref, body):
        return self._pass_on("create", ref, body)

    def patch(self, ref, body, etag):
        return self._pass_on("patch", ref, body, etag)

    def replace(self, ref, body, etag):
        return self._pass_on("replace", ref, body, etag)

    def delete(self, ref, etag):
        return self._pass_on("delete", ref, etag)

    def execute(self, statement):
        return self._pass_on("execute", statement)

    def validate(self, statement):
        return self._pass_on("validate", statement)

    def dry_run(self, query):
        return self._pass_on("dry_run", query)

    def query(self, query):
        return self._pass_on("query", query)

    def write(self, query, destination, partition):
        return self._pass_on("write", query, destination, partition)

    def count(self, ref):
        return self._pass_on("count", ref)

    def partitions(self, refs):
        return self._pass_on("partitions", refs)

    def policies(self, refs):
        return self._pass_on("policies", refs)

    def append(self, ref, rows):
        return self._pass_on("append", ref, rows)

    def rows(self, ref):
        return self._pass_on("rows", ref)

    def close(self):
        return self._pass_on("close")
