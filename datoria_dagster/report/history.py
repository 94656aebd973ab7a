"""The migrations of the past: rows of all, one of them in full, and both as JSON."""

from collections.abc import Sequence
from typing import Any

from datoria_dagster.ledger.history import Event, Migration
from datoria_dagster.report.words import count

Rows = tuple[Sequence[str], Sequence[Sequence[Any]]]
_COMMIT = 10
_MINUTE, _HOUR = 60, 3600


def rows(migrations: Sequence[Migration]) -> Rows:
    """Return a row per migration, the newest first."""
    columns = ("migration", "started (UTC)", "took", "by", "status", "steps", "commit")
    return columns, [
        (
            found.sequence,
            f"{found.started:%Y-%m-%d %H:%M:%S}",
            _took(found),
            found.who,
            found.status,
            _steps(found),
            _short(found.commit),
        )
        for found in reversed(migrations)
    ]


def document(found: Migration) -> dict[str, Any]:
    """Return all that the ledger knows of a migration, for JSON."""
    return {
        "migration": found.sequence,
        "status": found.status,
        "started": found.started.isoformat(),
        "ended": found.ended.isoformat() if found.ended else None,
        "by": found.who,
        "commit": found.commit,
        "declaration": found.fingerprint,
        "selected": list(found.selected),
        "approval": dict(found.approval),
        "changes": [dict(change) for change in found.changes],
        "steps": len(found.events),
        "done": found.done,
        "outcomes": [_outcome(event) for event in found.events],
    }


def _declaration(found: Migration) -> str:
    if not found.fingerprint:
        return "none: a table was restored"
    part = f", of which {' '.join(found.selected)}" if found.selected else ""
    return f"{found.fingerprint}{part}"


def summary(found: Migration) -> str:
    """Return what there is to say of a migration before its changes and steps."""
    took = f", took {_took(found)}" if found.ended else ""
    lines = [
        f"Migration {found.sequence}: {found.status}, {_steps(found)} steps.",
        f"started      {found.started:%Y-%m-%d %H:%M:%S} UTC by {found.who}{took}",
        f"commit       {found.commit or 'not known'}",
        f"declaration  {_declaration(found)}",
        f"approved     {_approved(found)}",
    ]
    return "\n".join(lines)


def changes(found: Migration) -> Rows:
    """Return a row per change."""
    names = ("object", "path", "severity", "rule", "says")
    return names, [tuple(change.get(name, "") for name in names) for change in found.changes]


def steps(found: Migration) -> Rows:
    """Return a row per step."""
    return ("step", "object", "outcome", "error"), [
        (event.step, event.object, event.status, " ".join(event.error.split()))
        for event in found.events
    ]


def backups(found: Migration) -> tuple[str, ...]:
    """Return the snapshots that were taken."""
    return tuple(event.backup for event in found.events if event.backup and event.status == "done")


def _outcome(event: Event) -> dict[str, Any]:
    return {
        "step": event.step,
        "object": event.object,
        "object_kind": event.object_kind,
        "status": event.status,
        "statement": event.statement,
        "error": event.error,
        "backup": event.backup or None,
    }


def _approved(found: Migration) -> str:
    said = ["every incompatible change (--force)"] if found.approval.get("force") else []
    said += [f"--allow {name}" for name in found.approval.get("allow", ())]
    if found.approval.get("backup_days") == 0:
        said.append("no snapshots (--no-backup)")
    return ", ".join(said) or "nothing incompatible"


def _steps(found: Migration) -> str:
    total = len(found.events)
    return f"{total}" if found.done == total else f"{found.done} of {total}"


def _short(commit: str) -> str:
    sha, dirty, _ = commit.partition("-dirty")
    return sha[:_COMMIT] + dirty


def _took(found: Migration) -> str:
    if found.ended is None:
        return ""
    seconds = (found.ended - found.started).total_seconds()
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return count(round(seconds / _MINUTE), "minute")
    return f"{seconds / _HOUR:.1f} hours"
