"""Which platform, which warehouse: options, then the environment, then `[tool.datoria]`."""

import importlib
import os
import sys
import tomllib
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datoria_dagster.judge.verdict import BACKUP_DAYS
from datoria_dagster.model.base import DatoriaError
from datoria_dagster.model.ident import check_project
from datoria_dagster.model.platform import Platform
from datoria_dagster.warehouse.port import Warehouse

WAREHOUSES = ("local", "bigquery")
_KEYS = (
    *("platform", "warehouse", "backup-days", "project", "credentials", "impersonate"),
    "maximum-bytes-billed",
)


class SettingsError(DatoriaError):
    """What to work on is not said, or not well."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What to work on. `root` is the folder of the nearest pyproject.toml, or the current one.

    Snapshots are kept for `backup_days`. The rest is BigQuery's: the project that jobs run in
    (None: that of what they are about), the file of a service account (None: application default
    credentials), the service account to impersonate, the most bytes of one job.
    """

    root: Path
    platform: str
    warehouse: str
    backup_days: int = BACKUP_DAYS
    project: str | None = None
    credentials: Path | None = None
    impersonate: str | None = None
    maximum_bytes_billed: int | None = None

    @staticmethod
    def load(platform: str | None = None, warehouse: str | None = None) -> "Settings":
        """Return the settings that hold in the current folder. Raises SettingsError."""
        root, table = _project(Path.cwd())
        chosen = (
            warehouse
            or os.environ.get("DATORIA_WAREHOUSE")
            or _text(table, "warehouse", root)
            or "local"
        )
        if chosen not in WAREHOUSES:
            raise SettingsError(f"There is no warehouse {chosen!r}; use {' or '.join(WAREHOUSES)}.")
        named = platform or os.environ.get("DATORIA_PLATFORM") or _text(table, "platform", root)
        return Settings(
            root,
            named or "",
            chosen,
            _backup_days(table, root),
            _project_id(table, root),
            _file(table, "credentials", root),
            _text(table, "impersonate", root),
            _bytes(table, root),
        )

    @property
    def state(self) -> Path:
        """The folder of what datoria keeps on this machine."""
        return self.root / ".datoria"

    @property
    def warehouse_path(self) -> Path:
        """The file of the embedded warehouse."""
        moved = os.environ.get("DATORIA_WAREHOUSE_PATH")
        return Path(moved) if moved else self.state / "warehouse.duckdb"


def load_platform(settings: Settings) -> Platform:
    """Import the platform. Raises SettingsError, or what the declaration raised."""
    module_name, _, attribute = settings.platform.partition(":")
    if module_name and not attribute:
        raise SettingsError(
            f"{settings.platform!r} does not say which attribute is the platform: write "
            f"{module_name}:platform, say."
        )
    if not module_name:
        raise SettingsError(
            "Which platform? Say --platform module:attribute, set DATORIA_PLATFORM, "
            'or write platform = "module:attribute" under [tool.datoria] in pyproject.toml.'
        )
    for folder in (str(settings.root), str(Path.cwd())):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    module = _import(module_name)
    found = getattr(module, attribute, None)
    if not isinstance(found, Platform):
        what = "does not exist" if found is None else f"is a {type(found).__name__}"
        raise SettingsError(
            f"{settings.platform}: {attribute!r} {what}; it must be a Platform, "
            f"for example Platform.discover({module_name!r})."
        )
    return found


def open_warehouse(settings: Settings) -> Warehouse:
    """Open the warehouse that the settings name. Nothing is created before something is written."""
    if settings.warehouse == "bigquery":
        from datoria_dagster.warehouse.bigquery import BigQueryWarehouse, Options

        return BigQueryWarehouse(
            Options(
                settings.project,
                settings.credentials,
                settings.impersonate,
                settings.maximum_bytes_billed,
            )
        )
    from datoria_dagster.warehouse.local import LocalWarehouse

    return LocalWarehouse(settings.warehouse_path)


def _project(start: Path) -> tuple[Path, dict[str, Any]]:
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            try:
                content = tomllib.loads(file.read_text(encoding="utf-8"))
            except (ValueError, OSError) as error:  # TOML is UTF-8
                raise SettingsError(f"{file}: cannot read it: {error}.") from None
            tool = content.get("tool", {})
            found = tool.get("datoria", {}) if isinstance(tool, dict) else {}
            return folder, _known(found, file)
    return start, {}


def _known(table: Any, file: Path) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise SettingsError(f"{file}: tool.datoria is {table!r}; it must be a table.")
    unknown = [key for key in table if key not in _KEYS]
    if unknown:
        raise SettingsError(
            f"{file}: [tool.datoria] has no {unknown[0]!r}; it has {', '.join(_KEYS)}."
        )
    return table


def _backup_days(table: dict[str, Any], root: Path) -> int:
    days = table.get("backup-days", BACKUP_DAYS)
    if type(days) is int and days > 0:
        return days
    raise SettingsError(
        f"{root / 'pyproject.toml'}: backup-days is {days!r}; it must be a number of days, at "
        "least 1. To take no snapshots, say --no-backup each time."
    )


def _text(table: dict[str, Any], key: str, root: Path) -> str | None:
    value = table.get(key)
    if value is None or (isinstance(value, str) and value):
        return value
    raise SettingsError(f"{root / 'pyproject.toml'}: {key} is {value!r}; it must be a text.")


def _project_id(table: dict[str, Any], root: Path) -> str | None:
    project = _text(table, "project", root)
    try:
        return None if project is None else check_project(project)
    except ValueError as error:
        raise SettingsError(f"{root / 'pyproject.toml'}: project: {error}") from None


def _file(table: dict[str, Any], key: str, root: Path) -> Path | None:
    path = _text(table, key, root)
    return None if path is None else root / Path(path).expanduser()


def _bytes(table: dict[str, Any], root: Path) -> int | None:
    count = table.get("maximum-bytes-billed")
    if count is None or (type(count) is int and count > 0):
        return count
    raise SettingsError(
        f"{root / 'pyproject.toml'}: maximum-bytes-billed is {count!r}; it must be a number of "
        "bytes, at least 1."
    )


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise SettingsError(
                f"There is no module {name!r} in {Path.cwd()}. Run datoria from the folder that "
                "holds it, or name another one with --platform module:attribute."
            ) from None
        raise SettingsError(f"{_place(error, name)}: {error}.") from None
    except DatoriaError as error:
        raise type(error)(f"{_place(error, name)}: {error}") from None
    except Exception as error:  # noqa: BLE001 - a user's module may raise anything
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        reason = f"{type(error).__name__}: {said}"
        raise SettingsError(f"{_place(error, name)}: {reason}") from None


def _place(error: BaseException, module: str) -> str:
    """Return `file:line` of the innermost line of the user's own code."""
    here = str(Path(__file__).parent)
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((here, "<"))
        and "site-packages" not in frame.filename
        and not frame.filename.endswith("importlib/__init__.py")
    ]
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(error.filename)}:{error.lineno}"
    if not own:
        return module
    return f"{_short(own[-1].filename)}:{own[-1].lineno}"


def _short(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
