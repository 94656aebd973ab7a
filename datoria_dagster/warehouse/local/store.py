"""The DuckDB file: who may hold it, and for how long.

DuckDB lets one process open a file. So a process holds it only while an operation (or a session)
runs, behind a lock file, and its threads share one connection.
"""

import threading
import weakref
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datoria_dagster.warehouse.local.catalog import Catalog
from datoria_dagster.warehouse.local.failures import plain
from datoria_dagster.warehouse.port import Unavailable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

WAIT_SECONDS = 60.0
FORMAT = 1
_RESOURCES = "kind VARCHAR, dataset VARCHAR, id VARCHAR, etag VARCHAR, body VARCHAR"
_PARTITIONS = 'id VARCHAR, "partition" VARCHAR, "rows" BIGINT, modified TIMESTAMP'
_INITIALIZE = (
    "CREATE SCHEMA _datoria",
    "CREATE TABLE _datoria.format (version INTEGER)",
    f"INSERT INTO _datoria.format VALUES ({FORMAT})",
    f"CREATE TABLE _datoria.resources ({_RESOURCES})",
    f"CREATE TABLE _datoria.partitions ({_PARTITIONS})",
)


class _Database:
    """One database of this process: a file, or memory. Threads share it."""

    def __init__(self, path: Path | None, wait: float) -> None:
        self.path = path
        self.wait = wait
        self.writer = threading.RLock()
        self._mutex = threading.Lock()
        self._users = 0
        self._connection: Connection | None = None
        self._cursors: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._lock: Any = None

    @property
    def absent(self) -> bool:
        """Whether nothing was ever written."""
        if self._connection is not None:
            return False
        return self.path is None or not (self.path.exists() or self.path.is_symlink())

    def hold(self) -> None:
        """Keep the connection, once something opens it, until `release`."""
        with self._mutex:
            self._users += 1

    def release(self) -> None:
        """Let go; the last one of the process closes the file. Memory is kept."""
        with self._mutex:
            self._users -= 1
            if not self._users and self.path is not None:
                self._close()

    def close(self) -> None:
        """Close when nobody works with it."""
        with self._mutex:
            if not self._users:
                self._close()

    def cursor(self) -> "Connection":
        """Return this thread's own cursor. Call it between `hold` and `release`."""
        with self._mutex:
            if self._connection is None:
                self._connection = self._open()
            found = self._connection.cursor()
            self._cursors.add(found)
            return found

    def interrupt(self) -> None:
        """Interrupt what runs in any thread."""
        import duckdb  # noqa: PLC0415

        with self._mutex:
            for cursor in tuple(self._cursors):
                with suppress(duckdb.ConnectionException):  # it is closed by now
                    cursor.interrupt()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                connection.close()
        finally:
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    def _open(self) -> "Connection":
        if self.path is None:
            return _connect(":memory:")
        self._take_lock(self.path)
        try:
            return _open_file(self.path)
        except BaseException:
            self._close()
            raise

    def _take_lock(self, path: Path) -> None:
        from filelock import FileLock, Timeout  # noqa: PLC0415  # 15 ms, and memory needs none

        if path.is_dir():
            raise Unavailable(f"{path} is a folder; the embedded warehouse is a file in one.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Not thread-local: the thread that closes need not be the one that opened.
            lock = FileLock(f"{path}.lock", thread_local=False)
            lock.acquire(timeout=self.wait, poll_interval=0.01)
        except Timeout:
            raise Unavailable(
                f"{path} has been in use by another process for {self.wait:g} s. "
                "Wait until it is done, or end it, and try again."
            ) from None
        except OSError as error:
            raise Unavailable(f"{path} can't be opened: {error.strerror or error}.") from None
        self._lock = lock


_databases: dict[Path, _Database] = {}
_databases_mutex = threading.Lock()


def _database(path: Path | None, wait: float) -> _Database:
    if path is None:
        return _Database(None, wait)
    with _databases_mutex:
        return _databases.setdefault(path.resolve(), _Database(path, wait))


class Store:
    """The resources, partition facts and rows of one database."""

    def __init__(self, path: Path | None, wait: float = WAIT_SECONDS) -> None:
        self.path = path
        self._database = _database(path, wait)

    @property
    def absent(self) -> bool:
        """Whether nothing was ever written, so that there is nothing to read."""
        return self._database.absent

    @contextmanager
    def session(self) -> Generator[None]:
        """Keep the file open from the first operation inside to the end of the block."""
        self._database.hold()
        try:
            yield
        finally:
            self._database.release()

    @contextmanager
    def reading(self) -> Generator[Catalog]:
        """Give one consistent view of everything; what is written there is lost."""
        if self.absent:
            with _transaction(_blank().cursor(), "ROLLBACK") as catalog:
                yield catalog
            return
        with self.session(), _transaction(self._database.cursor(), "ROLLBACK") as catalog:
            yield catalog

    @contextmanager
    def writing(self) -> Generator[Catalog]:
        """Give a transaction: all of it happens, or on an exception none. One at a time."""
        with (
            self.session(),
            self._database.writer,
            _transaction(self._database.cursor(), "COMMIT") as catalog,
        ):
            yield catalog

    def cancel(self) -> None:
        """Interrupt what runs in any thread."""
        self._database.interrupt()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


@contextmanager
def _transaction(cursor: "Connection", end: str) -> Generator[Catalog]:
    import duckdb  # noqa: PLC0415  # 0.2 s

    try:
        cursor.execute("BEGIN")
        yield Catalog(cursor)
        cursor.execute(end)
    except duckdb.Error as error:
        _undo(cursor)
        raise plain(error) from None
    except RuntimeError as error:
        _undo(cursor)
        # DuckDB takes ^C for itself.
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from None
        raise
    except BaseException:
        _undo(cursor)
        raise
    finally:
        cursor.close()


def _undo(cursor: "Connection") -> None:
    import duckdb  # noqa: PLC0415

    with suppress(duckdb.Error):
        cursor.execute("ROLLBACK")


def _connect(address: str) -> "Connection":
    import duckdb  # noqa: PLC0415

    # Nothing is downloaded: a function of an extension that is not there is an error.
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    if address == ":memory:":
        config["threads"] = 1  # what is little is quicker without others
    connection = duckdb.connect(address, config=config)
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    if address == ":memory:":
        _initialize(connection)
    return connection


@cache
def _blank() -> "Connection":
    """Return a database in which there is nothing."""
    return _connect(":memory:")


def _initialize(connection: "Connection") -> None:
    connection.execute("BEGIN")
    for statement in _INITIALIZE:
        connection.execute(statement)
    connection.execute("COMMIT")


def _open_file(path: Path) -> "Connection":
    import duckdb  # noqa: PLC0415

    try:
        connection = _connect(str(path))
    except duckdb.Error as error:
        raise _unavailable(path, str(error)) from None
    try:
        _check(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: "Connection", path: Path) -> None:
    import duckdb  # noqa: PLC0415

    try:
        row = connection.execute("SELECT max(version) FROM _datoria.format").fetchone()
    except duckdb.CatalogException:
        _adopt(connection, path)
        return
    if row != (FORMAT,):
        raise Unavailable(
            f"{path} was written by another version of datoria_dagster (format {row and row[0]}, "
            f"this one is {FORMAT}); nothing was changed. Use that version, or another file."
        )


def _adopt(connection: "Connection", path: Path) -> None:
    found = connection.execute(
        "SELECT (SELECT count(*) FROM duckdb_tables()) + "
        "(SELECT count(*) FROM duckdb_views() WHERE NOT internal)"
    ).fetchone()
    if found != (0,):
        raise Unavailable(
            f"{path} is a DuckDB database of something else; nothing was changed. "
            "Give the embedded warehouse a file of its own."
        )
    _initialize(connection)


def _unavailable(path: Path, reason: str) -> Unavailable:
    if "not a valid DuckDB database" in reason:
        return Unavailable(
            f"{path} is not a DuckDB database; nothing was changed. "
            "Move it away, or give the embedded warehouse another file."
        )
    if "lock" in reason.lower():
        return Unavailable(f"{path} is open in another program. Close it there, and try again.")
    first = reason.splitlines()[0].removeprefix("IO Error: ") if reason else "no reason given"
    return Unavailable(f"{path} can't be opened: {first}")
