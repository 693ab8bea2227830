"""List prices of AWS, from the dated table ``prices.yml`` beside this file. Pure but for reading the table.

A region without prices of its own is told with the nearest region's, and ``Prices.is_of_region`` says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from ninelives.model.fargate import TaskSize

HOURS_A_MONTH: Final = 730
"""365 days of 24 hours, by 12, as AWS's calculator counts."""
CPU_UNITS_A_VCPU, MIB_A_GB = 1024, 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a figure comes from."""

    date: str
    what: str
    is_verified: bool
    """Whether it was compared with what AWS publishes, by somebody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The figures of a region, in US dollars, by their names in the table."""

    region: str
    priced_in: str
    """The region whose prices these are."""
    as_of: str
    figures: Mapping[str, float]
    sources: Mapping[str, Source]
    """By group of figures: the beginning of their names, or ``rest``."""
    spot_share: tuple[float, float]
    """What Fargate Spot costs of the list price, at best and at worst."""

    @property
    def is_of_region(self) -> bool:
        return self.priced_in == self.region

    def __getitem__(self, name: str) -> float:
        return self.figures[name]

    def source_of(self, name: str) -> Source:
        """Where a figure comes from: the longest group that its name begins with."""
        groups = [group for group in self.sources if name.startswith(group)]
        return self.sources[max(groups, key=len, default="rest")]

    def task_hour(self, size: TaskSize, *, arm: bool = False) -> float:
        """A running task, an hour.

        >>> round(prices_of("us-east-1").task_hour(TaskSize(cpu=1024, memory=2048)), 5)
        0.04937
        """
        kind = "fargate_arm" if arm else "fargate"
        cpu, memory = size.cpu / CPU_UNITS_A_VCPU, size.memory / MIB_A_GB
        return cpu * self.figures[f"{kind}_vcpu_hour"] + memory * self.figures[f"{kind}_gb_hour"]

    def fargate_source(self, *, arm: bool = False) -> Source:
        return self.source_of("fargate_arm_vcpu_hour" if arm else "fargate_vcpu_hour")


@cache
def price_table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = yaml.safe_load(files("ninelives.deploy").joinpath("prices.yml").read_text(encoding="utf-8"))
    return table


def prices_of(region: str) -> Prices:
    """The prices of a region, or of the nearest that has any.

    >>> prices_of("eu-west-1").is_of_region, prices_of("eu-south-2").priced_in
    (True, 'eu-central-1')
    """
    table = price_table()
    nearest = table["nearest"]
    priced_in = region if region in table["regions"] else nearest.get(region.partition("-")[0], nearest["else"])
    known, everywhere = table["regions"][priced_in], table["everywhere"]
    return Prices(
        region=region,
        priced_in=priced_in,
        as_of=str(table["as_of"]),
        figures={name: float(value) for part in (everywhere, known) for name, value in part.items() if name != "sources"},
        sources={group: _source(table, name) for group, name in known["sources"].items()},
        spot_share=tuple(table["spot"]["share_of_price"]),
    )


def _source(table: Mapping[str, Any], name: str) -> Source:
    given = table["sources"][name]
    return Source(date=str(given["date"]), what=given["what"], is_verified=given["is_verified"])
