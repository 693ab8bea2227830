"""A region's guard, put together: its keys, IAM's records, what the region knows of its resources, the log of decisions."""

import logging
import logging.handlers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ninelives.api.authorization import sts
from ninelives.api.authorization.decision_log import write_decision
from ninelives.api.authorization.guard import Guard
from ninelives.api.authorization.known import RegionFacts
from ninelives.api.authorization.registry_gate import RegistryGate, registry_password
from ninelives.api.authorization.task_roles import AwsCall, TaskRoles
from ninelives.api.authorization.web_identity import FetchedKeys
from ninelives.api.call import Call, Operations
from ninelives.cli.access_keys import keys_of
from ninelives.cli.settings import HOST, RegionSettings
from ninelives.registry import Registry, RegistryError, Repository

if TYPE_CHECKING:
    from ninelives.access import Decision, Policies, Request
    from ninelives.api.moto_bridge import MotoBridge
    from ninelives.region.region import Region

LOG: Final = "access.jsonl"
LOG_BYTES_MAX: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcement:
    """The parts of a region that enforces IAM: who guards the door, the registry and the tasks."""

    guard: Guard
    gate: RegistryGate
    roles: TaskRoles
    sts: Operations

    def registry_password(self, call: Call) -> str:
        """What the caller of GetAuthorizationToken logs in to the registry with."""
        assert call.caller is not None, "the door knows who calls"
        return registry_password(self.guard, call.caller)


def enforcement_of(
    settings: RegionSettings, region: "Region", moto: "MotoBridge", registry: Registry, call: AwsCall
) -> Enforcement | None:
    """What enforces IAM; None in a region that does not. ``call`` reaches every operation of the region."""
    if not settings.enforce_iam:
        return None
    guard = _guard(settings, region, moto, registry)
    return Enforcement(
        guard=guard,
        gate=RegistryGate(guard),
        roles=TaskRoles(guard, call, registry=f"{HOST}:{settings.port}"),
        sts=sts.operations(guard, FetchedKeys(settings.identity_providers)),
    )


def _guard(settings: RegionSettings, region: "Region", moto: "MotoBridge", registry: Registry) -> Guard:
    repositories = _Repositories(registry, region.place.arn("ecr", "repository/"))
    return Guard(
        place=region.place,
        keys=keys_of(settings.state_directory),
        now=region.now,
        facts=RegionFacts(region, repository_tags=repositories.tags),
        source=moto,
        resource_policy=repositories.policy,
        noted=_decision_log(settings, region),
    )


class _Repositories:
    """What ECR's repositories have to do with who may use them."""

    def __init__(self, registry: Registry, prefix: str) -> None:
        self._registry = registry
        self._prefix = prefix

    def tags(self, arn: str) -> Mapping[str, str] | None:
        found = self._find(arn)
        return None if found is None else found.tags

    def policy(self, arn: str) -> str | None:
        found = self._find(arn)
        return None if found is None else found.policy

    def _find(self, arn: str) -> Repository | None:
        if not arn.startswith(self._prefix):
            return None
        try:
            return self._registry.repository(arn.removeprefix(self._prefix))
        except RegistryError:
            return None


def _decision_log(settings: RegionSettings, region: "Region") -> "Callable[[Request, Policies, Decision], None]":
    """Every decision a line of the state folder's log, which is bounded."""
    to = logging.getLogger(f"ninelives.decisions.{settings.instance}")
    to.propagate = False
    handler = logging.handlers.RotatingFileHandler(
        settings.state_directory / LOG, maxBytes=LOG_BYTES_MAX, backupCount=1, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(message)s"))
    to.handlers = [handler]
    to.setLevel(logging.INFO)

    def noted(request: "Request", _: "Policies", decision: "Decision") -> None:
        to.info(write_decision(request, decision, region.now()))

    return noted
