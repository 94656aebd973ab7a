"""A plan as a value: what was found, what is to be done, and its fingerprint. Plan ⇄ JSON."""

import hashlib
import json
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from datoria_dagster.judge.rule import Severity
from datoria_dagster.judge.verdict import Approval, Finding, Verdict, verdict
from datoria_dagster.model.base import DatoriaError, DeclarationError, Model
from datoria_dagster.plan.step import Step
from datoria_dagster.warehouse.port import Ref

FORMAT = 3


class UnreadablePlan(DatoriaError):
    """A saved plan can't be read."""


class Plan(Model):
    """Findings and steps, in order. `unmanaged` counts what is in the datasets and is not ours.

    `approval` is what its findings were judged by. `platform_fingerprint` is that of the
    declaration; a plan without steps has none. `unvalidated` names what a warehouse could not
    validate beforehand. `selected` are the ids of the part of the declaration that it is for, none
    when it brings all of it.
    """

    findings: tuple[Finding, ...] = ()
    steps: tuple[Step, ...] = ()
    approval: Approval = Approval()
    platform_fingerprint: str = ""
    unmanaged: int = 0
    unvalidated: tuple[str, ...] = ()
    selected: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The verdict on all findings."""
        return verdict(self.findings)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to apply and nothing to note."""
        return not self.findings and not self.steps

    @property
    def unfinished(self) -> tuple[str, ...]:
        """The ids of what has steps although nothing is changed.

        A migration that was cut off has left them behind, or a table that was restored.
        """
        if self.findings:
            return ()
        steps = (step for step in self.steps if step.kind not in ("adopt", "release"))
        return tuple(dict.fromkeys(step.object for step in steps))

    @property
    def levels(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """The places of the steps: levels, in each of them chains of those on one object."""
        found: list[tuple[tuple[int, ...], ...]] = []
        for _, level in groupby(enumerate(self.steps), key=lambda placed: placed[1].level):
            chains: dict[Ref, tuple[int, ...]] = {}
            for place, step in level:
                chains[step.ref] = (*chains.get(step.ref, ()), place)
            found.append(tuple(chains.values()))
        return tuple(found)

    @property
    def applicable(self) -> bool:
        """Whether every change is admitted."""
        return all(finding.admitted for finding in self.findings)

    @property
    def forced(self) -> tuple[Finding, ...]:
        """The incompatible findings that were admitted."""
        return tuple(f for f in self.findings if f.admitted and not f.severity.is_compatible)

    @property
    def stopping(self) -> tuple[Finding, ...]:
        """The findings that stop the plan."""
        return tuple(finding for finding in self.findings if not finding.admitted)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything in the plan."""
        text = TypeAdapter(tuple[Step, ...]).dump_json(self.steps)
        text += TypeAdapter(tuple[Finding, ...]).dump_json(self.findings)
        text += self.approval.model_dump_json().encode()
        return hashlib.sha256(text).hexdigest()[:16]

    def count(self, severity: Severity) -> int:
        """Return how many findings have the severity."""
        return sum(finding.severity is severity for finding in self.findings)


class _Document(Model):
    datoria_plan: int
    fingerprint: str
    plan: Plan


def to_json(plan: Plan) -> str:
    """Return the plan as a file that `from_json` reads back."""
    document = _Document(datoria_plan=FORMAT, fingerprint=plan.fingerprint, plan=plan)
    return document.model_dump_json(indent=1) + "\n"


def read_plan(path: Path) -> Plan:
    """Read a saved plan. Raises UnreadablePlan for a file that is none, or was edited by hand."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadablePlan(f"{path}: cannot read the plan: {_reason(error)}.") from None
    return from_json(text, str(path))


def from_json(text: str, place: str) -> Plan:
    """Return the plan that a file holds. Raises UnreadablePlan."""
    _refuse_other_format(text, place)
    try:
        document = _Document.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UnreadablePlan(
            f"{place}: this is not a saved plan ({where}: {first['msg']}). "
            "Make one with `datoria migrate --plan --out FILE`."
        ) from None
    except DeclarationError as error:
        raise UnreadablePlan(
            f"{place}: this is not a saved plan ({str(error).partition(': ')[2]}) "
            "Make one with `datoria migrate --plan --out FILE`."
        ) from None
    if document.fingerprint != document.plan.fingerprint:
        raise UnreadablePlan(f"{place}: the plan was changed after it was made. Make it anew.")
    return document.plan


def _refuse_other_format(text: str, place: str) -> None:
    try:
        found: object = json.loads(text)
    except ValueError:
        return  # said by who reads it
    if (
        isinstance(found, dict)
        and cast("dict[str, Any]", found).get("datoria_plan", FORMAT) != FORMAT
    ):
        raise UnreadablePlan(f"{place}: made by another version of datoria. Make the plan anew.")


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not text"
