"""How an image and a set-up age, and what to do about it: findings, each with what was found, where, and the next step."""

from ninelives.insight.maintenance.findings import Finding, Report, Severity

__all__ = ["Finding", "Report", "Severity"]
