"""A release under a steady load on the service's own address: every request counted, so that the release proves itself."""

import http.client
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ninelives.cli.options import Proving
from ninelives.deploy.aws import Aws
from ninelives.deploy.release import Release, Session
from ninelives.deploy.reports import Act
from ninelives.deploy.service_call import live_service
from ninelives.deploy.service_file import ServiceFile
from ninelives.deploy.status import service_url
from ninelives.rehearsal.channel import unverified
from ninelives.rehearsal.proof import Proof
from ninelives.rehearsal.rehearse import Rehearsed, Script, rehearse
from ninelives.rehearsal.sample import Kind, Target

BEFORE_SECONDS = 2.0
AFTER_SECONDS = 3.0
FIRST_ANSWER_SECONDS = 10.0
FRESH_SHARE = 0.25
"""Of the requests that come over connections of their own: they meet a closed port, kept ones a closed connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A release and what its load showed. Without a proof, ``why_not`` says why where one was asked for."""

    release: Release
    proof: Proof | None = None
    why_not: str | None = None
    rehearsed: Rehearsed[Release] | None = None
    """What the proof was made of."""

    @property
    def lost(self) -> int:
        return self.proof.lost if self.proof is not None else 0


def release_under_load(session: Session, release: Callable[[], Release], proving: Proving) -> Proven:
    """Release under load. Where nothing can be proven it is released all the same: a service that is down needs its release.

    Raises ``LoadFailed``.
    """
    file = session.definition.file
    path = proving.path or file.health.path
    target, why_not = _target(session.aws, file, path)
    if target is None:
        session.tell(Act.NOTE, f"no proof: {why_not}")
        return Proven(release=release(), why_not=why_not)
    script = Script(
        target=target,
        kinds=steady_traffic(proving.rate, path),
        before_seconds=BEFORE_SECONDS,
        after_seconds=AFTER_SECONDS,
    )
    session.tell(Act.NOTE, f"{proving.rate:g} requests a second to {target.url}{path}, each one counted")
    with tempfile.TemporaryDirectory(prefix="ninelives-proof-") as folder:
        rehearsed = rehearse(script, release, folder=Path(folder), clock=session.clock)
    return Proven(release=rehearsed.released, proof=rehearsed.proof, rehearsed=rehearsed)


def steady_traffic(rate: float, path: str) -> tuple[Kind, ...]:
    """``rate`` requests a second in all, over kept and over fresh connections.

    >>> [(kind.name, kind.rate) for kind in steady_traffic(20, "/")]
    [('keep-alive', 15.0), ('fresh', 5.0)]
    """
    fresh = rate * FRESH_SHARE
    return (
        Kind(name="keep-alive", rate=rate - fresh, path=path, connections=4),
        Kind(name="fresh", rate=fresh, path=path),
    )


def _target(aws: Aws, file: ServiceFile, path: str) -> tuple[Target | None, str]:
    """Where the load goes, or why there can be none."""
    if live_service(aws, file) is None:
        return None, "the service is new, so nobody was served before"
    url = service_url(aws, file)
    if url is None:
        return None, "the service's load balancer has no listener that the file names"
    address = urlsplit(url)
    tls = address.scheme == "https"
    assert address.hostname is not None, "a load balancer's address has a host"
    target = Target(host=address.hostname, port=address.port or (443 if tls else 80), tls=tls)
    problem = _first_answer(target, path)
    return (target, "") if problem is None else (None, f"{target.url}{path} {problem} before the release begins")


def _first_answer(target: Target, path: str) -> str | None:
    """What is wrong with the answer to one request; None for a good one."""
    connection = (
        http.client.HTTPSConnection(target.host, target.port, timeout=FIRST_ANSWER_SECONDS, context=unverified())
        if target.tls
        else http.client.HTTPConnection(target.host, target.port, timeout=FIRST_ANSWER_SECONDS)
    )
    try:
        connection.request("GET", path, headers={"User-Agent": "ninelives-rehearsal"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"does not answer here ({error})"
    finally:
        connection.close()
    return None if 200 <= status < 300 else f"answers {status}"  # noqa: PLR2004 (HTTP's own)
