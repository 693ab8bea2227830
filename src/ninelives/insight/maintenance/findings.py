"""What a check finds, and what a whole examination comes to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters, the worst first."""

    ERROR = "error"
    """It fails, or will: mend it."""
    WARNING = "warning"
    """It is a risk: plan to mend it."""
    NOTE = "note"
    """Good to know, or what could not be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found. ``check`` is its name, for those who filter."""

    check: str
    severity: Severity
    what: str
    where: str
    next: str = ""
    """What to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The findings, the worst first, and what was looked at."""

    findings: tuple[Finding, ...]
    looked_at: tuple[str, ...]

    def count(self, severity: Severity) -> int:
        return sum(one.severity is severity for one in self.findings)

    def has_failed(self, *, strict: bool) -> bool:
        """Whether there is an error; with ``strict`` a warning counts, too."""
        return bool(self.count(Severity.ERROR) or (strict and self.count(Severity.WARNING)))


def report(findings: Iterable[Finding], looked_at: Sequence[str]) -> Report:
    """The report of all findings; of the same severity they stay in their order."""
    order = list(Severity)
    return Report(findings=tuple(sorted(findings, key=lambda one: order.index(one.severity))), looked_at=tuple(looked_at))
