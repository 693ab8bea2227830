"""The nouns of a rehearsal: kinds of requests, and what became of each request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A stream of requests of one sort, at a rate of its own."""

    name: str
    rate: float
    """Requests a second."""
    path: str = "/"
    connections: int = 0
    """Keep-alive connections to spread the requests over; more are opened when all are busy. 0: a fresh one each."""
    takes_seconds: float = 0.0
    """How long the service is asked to take; kinds that ask for time are left out of latencies and gaps."""
    timeout_seconds: float = 10.0

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise ValueError(f"{self.name}: expected a rate above 0, found {self.rate}")
        if self.timeout_seconds <= self.takes_seconds:
            raise ValueError(f"{self.name}: the timeout ({self.timeout_seconds} s) must be above what a request takes")


def mixed_traffic(rate: float, *, slow_path: str = "/slow?seconds=2", slow_seconds: float = 2.0) -> tuple[Kind, ...]:
    """The usual mix for ``rate`` requests a second in all: kept connections, a quarter fresh ones, a few slow requests.

    >>> [(kind.name, kind.rate) for kind in mixed_traffic(240)]
    [('keep-alive', 176.0), ('fresh', 60.0), ('slow', 4.0)]
    """
    fresh, slow = rate / 4, rate / 60
    return (
        Kind(name="keep-alive", rate=rate - fresh - slow, connections=16),
        Kind(name="fresh", rate=fresh),
        Kind(name="slow", rate=slow, path=slow_path, connections=4, takes_seconds=slow_seconds),
    )


class Sample(NamedTuple):
    """A request and what became of it. Instants are seconds of this machine's monotonic clock, the same in every process.

    A named tuple, because there are many, and each travels as a JSON array.
    """

    kind: str
    intended_at: float
    """When it was due, whether or not the generator was on time: latency counts from here."""
    lag: float
    """Seconds from then until the generator turned to it: not the service's fault."""
    latency: float
    """Seconds from ``intended_at`` to the end of the answer, or to the loss."""
    status: int | None
    version: str | None
    """The version that answered: header ``X-App-Version``, else what the body says."""
    error: str | None
    """Why it is lost, None for a complete 2xx answer: ``refused``, ``reset``, ``closed``, ``timeout``, ``malformed``,
    ``status_503`` …, ``unreachable``, or ``generator`` for a want of the generator's own.
    """
    reused: bool
    """Whether it went over a connection that had carried another before."""

    @property
    def ended_at(self) -> float:
        return self.intended_at + self.latency

    @property
    def is_lost(self) -> bool:
        return self.error is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the requests go, by HTTP/1.1, plain or in TLS."""

    host: str
    port: int
    tls: bool = False

    @property
    def authority(self) -> str:
        """What the Host header says; the scheme's own port is not told."""
        return self.host if self.port == (443 if self.tls else 80) else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://{self.authority}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOrder:
    """What a load generator is told to do."""

    target: Target
    kinds: tuple[Kind, ...]

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "LoadOrder":
        kinds: Sequence[Mapping[str, Any]] = found["kinds"]
        return cls(target=Target(**found["target"]), kinds=tuple(Kind(**kind) for kind in kinds))
