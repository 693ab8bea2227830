"""Whether what a base image brings is still supported by its makers, from a table with a date (``end_of_life.yml``)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from ninelives.insight.maintenance.base_images import BaseImage, read_variant
from ninelives.insight.maintenance.findings import Finding, Severity

SOON: Final = timedelta(days=180)
"""How long before its end support is told to end."""
DISTRIBUTIONS: Final = ("debian", "alpine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What is supported for how long; ``long_term`` by others than its makers' security team."""

    key: str
    name: str
    source: str
    cycles: Mapping[str, date]
    codenames: Mapping[str, str] = field(default_factory=dict)
    long_term: Mapping[str, date] = field(default_factory=dict)


@cache
def products() -> Mapping[str, Product]:
    given: Any = yaml.safe_load(files(__package__).joinpath("end_of_life.yml").read_text(encoding="utf-8"))
    return {key: Product(key=key, **one) for key, one in given["products"].items()}


@cache
def as_of() -> date:
    """When the table was made."""
    given: Any = yaml.safe_load(files(__package__).joinpath("end_of_life.yml").read_text(encoding="utf-8"))
    found: date = given["as_of"]
    return found


def brought_by(image: BaseImage) -> Iterator[tuple[Product, str]]:
    """The runtime and the distribution that an image's name and tag tell of, each with its cycle.

    >>> from ninelives.insight.maintenance.base_images import read_base_image
    >>> [(one.key, cycle) for one, cycle in brought_by(read_base_image("ruby:3.4.5-slim-bookworm"))]
    [('ruby', '3.4'), ('debian', '12')]
    """
    known, tag = products(), image.tag or ""
    variant = read_variant(tag)
    own = known.get(image.repository.rsplit("/", 1)[-1])
    if own is not None and variant is not None:
        written = [str(part) for part in variant.version]
        cycle = next((".".join(written[:size]) for size in (2, 1) if ".".join(written[:size]) in own.cycles), None)
        if cycle is not None:
            yield own, cycle
    for word in re.split(r"[-_]", tag):
        for product in (known[key] for key in DISTRIBUTIONS if own is None or key != own.key or word.isalpha()):
            cycle = product.codenames.get(word)
            numbered = re.fullmatch(rf"{product.key}(\d+\.\d+|\d+)", word)
            cycle = cycle or (numbered[1] if numbered and numbered[1] in product.cycles else None)
            if cycle is not None:
                yield product, cycle


def ended(image: BaseImage, today: date) -> Iterator[Finding]:
    """What of an image is no longer supported, or will not be in half a year."""
    for product, cycle in dict.fromkeys((one.key, cycle) for one, cycle in brought_by(image)):
        known = products()[product]
        end, long_term = known.cycles[cycle], known.long_term.get(cycle)
        if today <= end - SOON:
            continue
        yield Finding(
            check="end-of-life",
            severity=_severity(end, long_term, today),
            what=_words(f"{known.name} {cycle}", end, long_term, today),
            where=image.where,
            next=f"Move to a newer one. Source: {known.source}, as of {as_of():%Y-%m-%d}.",
        )


def _severity(end: date, long_term: date | None, today: date) -> Severity:
    """An error where nobody mends it any more; a warning where somebody else does, or it ends soon."""
    last = long_term or end
    return Severity.ERROR if today > last else Severity.WARNING if today > end else Severity.NOTE


def _words(name: str, end: date, long_term: date | None, today: date) -> str:
    if today <= end:
        return f"{name} is supported until {end:%Y-%m-%d} only"
    if long_term is None or today > long_term:
        return f"{name} gets no security fixes any more, since {long_term or end:%Y-%m-%d}"
    return f"{name} has left its security team's hands, since {end:%Y-%m-%d}; long-term support ends {long_term:%Y-%m-%d}"
