"""A release's record as one HTML page: nothing is loaded, no script runs, and the record stands in it as JSON.

The page is for whoever was not there: its first screen says whether anything was lost, how long it took, what happened.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from ninelives.deploy.quantities import write_duration
from ninelives.deploy.release_record import Quantiles, ReleaseRecord
from ninelives.insight.release_drawing import OPEN_VERDICTS, draw

DATA_ID = "ninelives-release"
"""Of the script element that bears the record."""
ANSWERS_FOR_P99 = 100
"""Of fewer the p99 is but the slowest one."""
MARKS = {"good": "✓", "bad": "✕", "open": "…"}


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure of the first screen."""

    name: str
    figure: str
    about: str
    tone: str = ""


def release_page(record: ReleaseRecord) -> str:
    """The page."""
    template = _environment().get_template("release.html.jinja")
    tone = tone_of(record)
    return template.render(
        release=record,
        drawing=draw(record),
        tone=tone,
        mark=MARKS[tone],
        tiles=tuple(tiles(record)),
        style=Markup(_read("release.css")),  # noqa: S704 (our own file)
        data_id=DATA_ID,
        data=Markup(embedded(record)),  # noqa: S704 (escaped for where it stands)
    )


def tone_of(record: ReleaseRecord) -> str:
    if record.is_good:
        return "good"
    return "open" if record.verdict in OPEN_VERDICTS else "bad"


def embedded(record: ReleaseRecord) -> str:
    """The record as JSON that may stand in a script element: it holds no ``<``.

    Source: HTML Living Standard, "Restrictions for contents of script elements".
    """
    text = json.dumps(record.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def read_page(page: str) -> ReleaseRecord:
    """The record that a page bears. Raises ``ValueError`` where there is none."""
    found = re.search(rf'<script type="application/json" id="{DATA_ID}">(.*?)</script>', page, re.DOTALL)
    if found is None:
        raise ValueError("this is no release report: it bears no record")
    return ReleaseRecord.model_validate_json(found[1])


def tiles(record: ReleaseRecord) -> Iterator[Tile]:
    """Was anything lost, how long did it take, how fast were the answers, what was released."""
    traffic = record.traffic
    if traffic is None:
        yield Tile("Requests lost", "not measured", record.no_traffic or "", "unknown")
    else:
        source = "that the probe sent" if traffic.source == "probe" else "that CloudWatch counted; answers with 5xx"
        yield Tile("Requests lost", f"{traffic.lost:,}", f"of {traffic.total:,} {source}", "bad" if traffic.lost else "good")
    scale = f"; waits of policy {record.time_scale:g} times shorter" if record.time_scale != 1 else ""
    duration = timedelta(seconds=record.duration_s)
    about = f"{record.finished_at:%H:%M:%S} UTC" + scale
    if record.deployed_at is not None:
        about = f"{write_duration(record.finished_at - record.deployed_at)} of it in ECS{scale}"
    yield Tile("Took", write_duration(duration), about)
    if traffic is not None and traffic.phases["during"].p99 is not None:
        yield _latency_tile(traffic.phases["before"], traffic.phases["during"])
    side = [one for one in record.timeline.tasks if one.side == "new"]
    failed = sum(one.has_failed for one in side)
    figure = f"{failed} failed" if failed else f"{len(side) + record.timeline.tasks_left_out} new"
    about = f"of {len(side)} new; {record.strategy}" if failed else f"strategy {record.strategy}"
    yield Tile("Tasks", figure, about, "bad" if failed else "")


def _latency_tile(before: Quantiles, during: Quantiles) -> Tile:
    """The p99, or what it is of few answers: the slowest of them."""
    is_few = during.count < ANSWERS_FOR_P99
    compared = "nothing was asked before"
    if before.p99 is not None:
        known = before.max if is_few and before.max is not None else before.p99
        compared = f"{milliseconds(known)} before"
    if is_few and during.max is not None:
        return Tile("Slowest while it went on", milliseconds(during.max), f"of {during.count} answers; {compared}")
    return Tile("p99 while it went on", milliseconds(during.p99), compared)


def milliseconds(value: float | None) -> str:
    """A latency for people.

    >>> milliseconds(0.4213), milliseconds(12.34), milliseconds(1234.5), milliseconds(None)
    ('0.42 ms', '12.3 ms', '1.23 s', '-')
    """
    if value is None:
        return "-"
    return f"{value / 1000:.3g} s" if value >= 1000 else f"{value:.3g} ms" if value >= 1 else f"{value:.2f} ms"  # noqa: PLR2004


def with_code(text: str) -> Markup:
    """Text with what stands in backquotes as code.

    >>> str(with_code("Read `ninelives logs` & <see>"))
    'Read <code>ninelives logs</code> &amp; &lt;see&gt;'
    """
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 (escaped just now)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("ninelives.insight", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"milliseconds": milliseconds, "code": with_code, "count": lambda number: f"{number:,}"}
    return made


def _read(name: str) -> str:
    return (files("ninelives.insight") / "templates" / name).read_text(encoding="utf-8")
