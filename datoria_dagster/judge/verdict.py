"""What the rules said: a finding per change, and the worst of them."""

from typing import Literal

from pydantic import Field

from datoria_dagster.judge.rule import Means, Severity
from datoria_dagster.model.base import Model

Verdict = Literal["empty", "compatible", "incompatible", "impossible"]
BACKUP_DAYS = 7


class Finding(Model):
    """One change as judged. `breaks` names the declared readers that it breaks.

    `admitted`: it may be applied, being compatible or by force or allowance. `id` is the address
    with a hash of both sides and of the state of the object that the change was found in.
    `renamed_to` is the new last name of a column that is renamed.
    """

    id: str
    object: str
    object_kind: str
    path: str
    kind: str
    severity: Severity
    means: Means
    rule: str
    says: str
    instead: str
    source: str
    breaks: tuple[str, ...]
    admitted: bool
    renamed_to: str = ""

    @property
    def address(self) -> str:
        """What `--allow` names."""
        return f"{self.object}.{self.path}" if self.path else self.object


class Approval(Model):
    """What the person who migrates lets through: everything incompatible, or what `allow` names.

    `allow` holds addresses, with or without the project, or ids of findings. The rows of what is
    destroyed are kept for `backup_days`; for 0 they are not.
    """

    force: bool = False
    allow: tuple[str, ...] = ()
    backup_days: int = Field(default=BACKUP_DAYS, ge=0)


def verdict(findings: tuple[Finding, ...]) -> Verdict:
    """Return the verdict on all: impossible only when the means of some change is."""
    if any(finding.means is Means.IMPOSSIBLE for finding in findings):
        return "impossible"
    if any(not finding.severity.is_compatible for finding in findings):
        return "incompatible"
    return "compatible" if findings else "empty"
