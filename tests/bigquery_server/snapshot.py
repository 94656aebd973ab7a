"""What exists, kept while nobody writes: a read costs BigQuery its latency, and us little else."""

import threading
from collections import defaultdict

# So many reads in a row are answered one by one before everything is read at once.
_PATIENCE = 16


class _Known:
    """All resources, and those of each dataset and kind."""

    def __init__(self, resources):
        self.resources = resources
        self.members = defaultdict(list)
        for ref in sorted(resources):
            self.members[ref.dataset, ref.kind].append(resources[ref])


class Snapshot:
    """Reads of resources. With `keep` all changes must come through this process."""

    def __init__(self, warehouse, *, keep):
        self._warehouse = warehouse
        self._known = None
        self._misses = 0
        self._version = 0
        self._mutex = threading.Lock()
        self._keep = keep
        if keep:
            database = warehouse._store._database
            database.writer = _Watched(database.writer, self._forget)

    def read(self, refs):
        """Return those of the resources that exist."""
        refs = tuple(refs)
        known = self._known
        if known is None and self._keep:
            known = self._missed()
        if known is None:
            return self._warehouse.read(refs)
        return {ref: known.resources[ref] for ref in refs if ref in known.resources}

    def members(self, dataset, kind):
        """Return what of a kind a dataset holds, in order of ids."""
        if self._keep:
            return self._whole().members.get((dataset, kind), [])
        refs = [ref for ref in self._warehouse.list(dataset.id) if ref.kind == kind]
        found = self._warehouse.read(refs)
        return [found[ref] for ref in refs if ref in found]

    def _missed(self):
        self._misses += 1
        return None if self._misses <= _PATIENCE else self._whole()

    def _whole(self):
        with self._mutex:
            if self._known is not None:
                return self._known
            version = self._version
            found = _Known(self._warehouse.resources())
            if version == self._version:
                self._known = found
            return found

    def _forget(self):
        # Before and after a write: what was read while it ran is kept by nobody.
        self._version += 1
        self._known = None
        self._misses = 0


class _Watched:
    """The lock of those who write, which tells of each of them. It may be taken repeatedly."""

    def __init__(self, lock, tell):
        self._lock = lock
        self._tell = tell

    def __enter__(self):
        self._lock.__enter__()
        self._tell()

    def __exit__(self, *error):
        self._tell()
        self._lock.__exit__(*error)
