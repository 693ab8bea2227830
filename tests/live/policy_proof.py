"""Proves a role's policy: that it suffices for what is done with it, and that each of its parts is needed.

The proof by record runs a pipeline once in a region that enforces IAM, and judges what the role asked again without each part:

    requests = requests_of(region, role_arn)
    assert needless(document, requests) == []

The proof by trial runs the pipeline for each part: ``still_works`` puts the policy that it is given and runs.

    assert unneeded(document, still_works) == []
"""

from collections.abc import Iterable, Mapping
from typing import Any

from live_region import RegionUnderTest

from ninelives.access import Policies, Policy, Request
from ninelives.access.necessity import Part, suffices, unneeded
from ninelives.api.authorization.decision_log import read_request

NAME = "under proof"


def requests_of(region: RegionUnderTest, role_arn: str) -> list[Request]:
    """Everything that sessions of a role asked for and got, each once; the time is the first request's."""
    found: dict[tuple[str, str, str], Request] = {}
    for name in ("access.jsonl.1", "access.jsonl"):
        path = region.settings.state_directory / name
        for line in path.read_bytes().splitlines() if path.exists() else ():
            request, told = read_request(line)
            if request.principal.role_arn == role_arn and told["verdict"] == "allowed":
                keys = str(sorted((key, value) for key, value in request.context.items() if key not in OF_THE_MOMENT))
                found.setdefault((request.action, request.resource, keys), request)
    return list(found.values())


OF_THE_MOMENT = frozenset({"aws:currenttime", "aws:epochtime", "aws:tokenissuetime", "aws:useragent"})


def needless(document: Mapping[str, Any], requests: Iterable[Request], *, beside: tuple[Policy, ...] = ()) -> list[Part]:
    """The parts of a policy without which all the requests would be allowed; ``beside`` are the role's other policies."""
    known = [(request, Policies(identity=beside)) for request in requests]
    assert suffices(document, known, name=NAME), "the policy does not allow what was asked with it"
    return unneeded(document, lambda changed: suffices(changed, known, name=NAME))


__all__ = ["Part", "needless", "requests_of", "unneeded"]
