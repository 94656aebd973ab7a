"""Changes of resources, each carried out once, whatever becomes of the answers.

When an answer was lost the resource is read back: what it is tells what happened. BigQuery has
been seen to answer 412 for an etag that is the current one: then the change is sent again
(https://github.com/SQLMesh/sqlmesh/pull/2256).
"""

from datoria_dagster.warehouse.bigquery import requests
from datoria_dagster.warehouse.bigquery.client import Client, Failed, pause
from datoria_dagster.warehouse.bigquery.likeness import holds
from datoria_dagster.warehouse.bigquery.requests import Request
from datoria_dagster.warehouse.port import Body, NotFound, PreconditionFailed, Ref, Refused

_TRIES = 4


class Changes:
    """Creates, changes and deletes resources, and returns what they are then."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def find(self, ref: Ref) -> Body | None:
        """Return a resource, None when it does not exist. Raises Failed."""
        try:
            return self._client.send(requests.get(ref))
        except Failed as failed:
            if isinstance(failed.error, NotFound):
                return None
            raise

    def create(self, ref: Ref, body: Body) -> Body:
        """Insert a resource. Raises Failed."""
        request = requests.insert(ref, body)
        try:
            return self._client.send(request)
        except Failed as failed:
            return self._read_back(ref, request.body or {}, failed)

    def change(self, request: Request, ref: Ref) -> Body:
        """Patch a resource, or replace it. Raises Failed."""
        tries = 0
        while True:
            tries += 1
            try:
                return self._client.send(request)
            except Failed as failed:
                if failed.unsure:
                    return self._read_back(ref, request.body or {}, failed)
                self._raise_unless_spurious(request, ref, failed, tries)
            self._client.quotas.clock.sleep(pause(tries))

    def delete(self, ref: Ref, etag: str | None) -> None:
        """Delete a resource. Raises Failed."""
        request = requests.delete(ref, etag)
        tries = 0
        while True:
            tries += 1
            try:
                self._client.send(request)
            except Failed as failed:
                if failed.unsure and self._gone(ref, failed):
                    return
                self._raise_unless_spurious(request, ref, failed, tries)
            else:
                return
            self._client.quotas.clock.sleep(pause(tries))

    def _read_back(self, ref: Ref, sent: Body, failed: Failed) -> Body:
        """Return the live resource when it is what was sent, else raise the failure."""
        if not failed.unsure:
            raise failed
        try:
            live = self.find(ref)
        except Failed:
            raise failed from None
        if live is None or not holds(live, sent):
            raise failed
        return live

    def _gone(self, ref: Ref, failed: Failed) -> bool:
        try:
            return self.find(ref) is None
        except Failed:
            raise failed from None

    def _raise_unless_spurious(
        self, request: Request, ref: Ref, failed: Failed, tries: int
    ) -> None:
        if not isinstance(failed.error, PreconditionFailed) or failed.unsure:
            raise failed
        live = self.find(ref)
        if live is None or request.etag is None or live.get("etag") != request.etag:
            raise failed
        if tries == _TRIES:
            # The etag is right: it is the change that BigQuery does not want.
            said = (failed.failure.message or "Precondition Failed").rstrip(".")
            error = Refused(
                f"{ref.id}: {said}. Nobody has changed it since it was read, so it is this change "
                "that BigQuery refuses. Declare another one, or try again later."
            )
            raise Failed(failed.failure, error, unsure=False) from None
