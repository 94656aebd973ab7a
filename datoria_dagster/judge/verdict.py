"""What the rules said: a finding per change, and the worst of them."""

from typing import Literal

from datoria_dagster.judge.rule import Means, Severity
from datoria_dagster.model.base import Model

Verdict = Literal["empty", "compatible", "incompatible", "impossible"]


class Finding(Model):
    """One change as judged. `breaks` names the declared readers that it breaks.

    `admitted`: it may be applied, being compatible or by force or allowance.
    """

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

    @property
    def address(self) -> str:
        """What `--allow` names."""
        return f"{self.object}.{self.path}" if self.path else self.object


class Approval(Model):
    """What the person who migrates lets through: everything incompatible, or these addresses."""

    force: bool = False
    allow: tuple[str, ...] = ()


def verdict(findings: tuple[Finding, ...]) -> Verdict:
    """Return the verdict on all: impossible only when the means of some change is."""
    if any(finding.means is Means.IMPOSSIBLE for finding in findings):
        return "impossible"
    if any(not finding.severity.is_compatible for finding in findings):
        return "incompatible"
    return "compatible" if findings else "empty"
