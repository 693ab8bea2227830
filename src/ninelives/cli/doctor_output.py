"""How ``ninelives doctor`` prints its findings."""

import json
from typing import Final

import click

from ninelives.cli.page import page
from ninelives.insight.maintenance import Finding, Report, Severity

STYLES: Final = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def print_report(report: Report, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_as_json(report), indent=2))
        return
    from rich.text import Text

    out = page()
    for one in report.findings:
        line = Text.assemble((f"{one.severity.value:<8}", STYLES[one.severity]), _sentence(one.what))
        out.print(line, soft_wrap=True)
        out.print(Text(f"        {one.where}  [{one.check}]", "dim"), soft_wrap=True)
        if one.next:
            out.print(Text(f"        → {one.next}"), soft_wrap=True)
    counts = ", ".join(_counted(report.count(severity), severity) for severity in Severity)
    out.print(Text(f"Looked at {', '.join(report.looked_at)}: {counts}."), soft_wrap=True)


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _counted(count: int, severity: Severity) -> str:
    return f"{count or 'no'} {severity.value}{'' if count == 1 else 's'}"


def _as_json(report: Report) -> dict[str, object]:
    return {
        "looked_at": list(report.looked_at),
        "counts": {severity.value: report.count(severity) for severity in Severity},
        "findings": [_finding_json(one) for one in report.findings],
    }


def _finding_json(one: Finding) -> dict[str, str]:
    return {
        "check": one.check,
        "severity": one.severity.value,
        "what": one.what,
        "where": one.where,
        "next": one.next,
    }
