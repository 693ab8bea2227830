"""The service file ``ninelives.yml`` as records: what may be written, what it means, and what is assumed where nothing is.

Durations are written ``30s``, ``5m``, ``1h`` (a bare number means seconds), percentages ``100%``. An unknown key is refused.
Limits are those of ECS and Elastic Load Balancing. Source: botocore ``ecs`` 2014-11-13 (``HealthCheck``,
``DeploymentConfiguration``, ``TaskDefinition``) and ``elbv2`` 2015-12-01 (``CreateTargetGroup``).
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from ninelives.deploy.bootstrap_part import (
    Bootstrap,
    BootstrapAlarms,
    BootstrapGitHub,
    BootstrapKeep,
    BootstrapNetwork,
)
from ninelives.deploy.deploy_part import (
    Canary,
    Deploy,
    ErrorRate,
    Hook,
    Latency,
    Linear,
    OwnAlarm,
    Rollback,
)
from ninelives.deploy.file_parts import Duration, Part, Port, whole_seconds
from ninelives.deploy.quantities import write_duration
from ninelives.deploy.scaling_part import Scaling, ScalingCooldown, ScalingMetric, ScalingSchedule
from ninelives.model.fargate import FARGATE_CPU, fargate_memory

VERSION_PLACEHOLDER = "{version}"
TAG_PATTERN = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
"""What may tag an image. Source: OCI distribution specification, "Pulling manifests"."""


class Image(Part):
    """Where the image comes from: built here, or another's repository."""

    build: str | None = Field(
        default=None, description="Folder that is sent to the build; `{version}` stands for the version."
    )
    repository: str | None = Field(
        default=None, description="A repository to take the image from, without a tag; by default the service's own in ECR."
    )
    dockerfile: str = Field(default="Dockerfile", description="Path of the Dockerfile within the build folder.")
    args: Mapping[str, str] = Field(default_factory=dict, description="Build arguments; `{version}` stands for the version.")
    platform: Literal["linux/amd64", "linux/arm64"] | None = Field(
        default=None, description="What the tasks run on; on AWS by default linux/amd64, locally what the machine is."
    )

    @model_validator(mode="after")
    def _comes_from_somewhere(self) -> "Image":
        if self.build is None and self.repository is None:
            raise ValueError("expected `build: <folder>` or `repository: <name>`")
        if self.repository is not None and re.search(r"(:[^/]*|@.*)$", self.repository.split("://")[-1]):
            raise ValueError("repository: expected a name without tag or digest; the version is the tag")
        return self


class CountRange(Part):
    """A service whose count scaling decides."""

    min: Annotated[int, Field(ge=0)] = Field(description="The fewest tasks; a new service begins with them.")
    max: Annotated[int, Field(ge=1)] = Field(description="The most tasks.")

    @model_validator(mode="after")
    def _in_order(self) -> "CountRange":
        if self.min > self.max:
            raise ValueError(f"min: expected at most max ({self.max}), found {self.min}")
        return self


class Health(Part):
    """When the load balancer calls a task healthy."""

    path: Annotated[str, Field(pattern=r"^/")] = Field(default="/", description="What the load balancer asks for.")
    interval: Duration = Field(default=timedelta(seconds=5), description="Between two checks: 5s to 300s.")
    timeout: Duration = Field(default=timedelta(seconds=2), description="For an answer: 2s to 120s, below the interval.")
    grace_period: Duration = Field(
        default=timedelta(seconds=60), description="How long after its start a task is not replaced for failed checks."
    )
    healthy_threshold: Annotated[int, Field(ge=2, le=10)] = Field(
        default=2, description="Good checks in a row that make an unhealthy target healthy; a new one needs one."
    )
    unhealthy_threshold: Annotated[int, Field(ge=2, le=10)] = Field(
        default=2, description="Failed checks in a row that make a target unhealthy."
    )
    matcher: Annotated[str, Field(pattern=r"^[234]\d\d([-,][234]\d\d)*$")] = Field(
        default="200", description='HTTP codes that mean healthy, such as "200" or "200-299".'
    )

    @field_validator("interval")
    @classmethod
    def _interval(cls, value: timedelta) -> timedelta:
        return whole_seconds(value, 5, 300)

    @field_validator("timeout")
    @classmethod
    def _timeout(cls, value: timedelta) -> timedelta:
        return whole_seconds(value, 2, 120)

    @field_validator("grace_period")
    @classmethod
    def _grace(cls, value: timedelta) -> timedelta:
        return whole_seconds(value, 0, 2_147_483_647)

    @field_validator("matcher", mode="before")
    @classmethod
    def _matcher_text(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _answers_before_the_next_check(self) -> "Health":
        if self.timeout >= self.interval:
            raise ValueError(
                f"timeout: expected less than the interval ({write_duration(self.interval)}), "
                f"found {write_duration(self.timeout)}"
            )
        return self


class Drain(Part):
    """How a task leaves: first out of the load balancer, then SIGTERM, then SIGKILL."""

    deregistration_delay: Duration = Field(
        default=timedelta(seconds=30), description="For requests in flight: as long as the longest request."
    )
    stop_timeout: Duration = Field(default=timedelta(seconds=30), description="Between SIGTERM and SIGKILL: up to 120s.")

    @field_validator("deregistration_delay")
    @classmethod
    def _delay(cls, value: timedelta) -> timedelta:
        return whole_seconds(value, 0, 3600)

    @field_validator("stop_timeout")
    @classmethod
    def _stop(cls, value: timedelta) -> timedelta:
        return whole_seconds(value, 1, 120)


BalancerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?$")]


class TestListener(Part):
    """Where the new version answers before the public gets it: a port of its own, or a header on the public one."""

    port: Port | None = Field(default=None, description="Of a listener of its own.")
    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,40}$")] | None = Field(
        default=None, description="Name of a header: requests that bear it go to the new version."
    )
    value: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        default="true", description="What the header says; `*` and `?` stand for any text and any character."
    )

    @model_validator(mode="after")
    def _is_somewhere(self) -> "TestListener":
        if (self.port is None) == (self.header is None):
            raise ValueError("expected either `port: <number>` or `header: <name>`")
        return self


class LoadBalancer(Part):
    """Where the public reaches the service."""

    name: BalancerName | None = Field(default=None, description="By default the service's name.")
    target_group: BalancerName | None = Field(default=None, description="By default the service's name.")
    alternate_target_group: BalancerName | None = Field(
        default=None,
        description="The second one, for strategies that shift traffic; by default the first one's name with `-alternate`.",
    )
    port: Port = Field(default=80, description="Of the listener.")
    test_listener: TestListener | None = Field(
        default=None, description="Where the new version answers before the public gets it, such as `{port: 8081}`."
    )


class Roles(Part):
    """IAM roles, by name or ARN."""

    execution: str | None = Field(default=None, description="For ECS itself: pulls images, writes logs.")
    task: str | None = Field(default=None, description="For the application.")
    infrastructure: str | None = Field(
        default=None,
        description="For ECS, to shift traffic at the load balancer; by default ecsInfrastructureRoleForLoadBalancers.",
    )
    hooks: str | None = Field(
        default=None, description="For ECS, to call the functions of hooks; by default ecsLifecycleHookRole."
    )


class Network(Part):
    """Where tasks run; by default (in `local`) the default VPC."""

    subnets: tuple[str, ...] = Field(default=(), strict=False, description="Ids of subnets, in two zones at least.")
    security_groups: tuple[str, ...] = Field(default=(), strict=False, description="Ids of security groups.")
    public_ip: bool = Field(default=True, description="Needed in public subnets to reach the registry.")


def _image_shorthand(value: object) -> object:
    return {"build": value} if isinstance(value, str) else value


def _count_kind(value: object) -> str:
    return "<range>" if isinstance(value, dict | CountRange) else "<number>"


def _one_or_many(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Count = Annotated[
    Annotated[int, Field(ge=0), Tag("<number>")] | Annotated[CountRange, Tag("<range>")], Discriminator(_count_kind)
]
TextMap = Annotated[Mapping[str, str], BeforeValidator(lambda given: {} if given is None else given)]
"""Names with text; a key that nothing follows (all its lines are comments, say) is an empty map."""
Command = Annotated[tuple[str, ...], BeforeValidator(_one_or_many), Field(min_length=1)]


class ServiceFile(Part):
    """A service: what it is, how it is released, and what differs where."""

    service: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?$")] = Field(
        description="Name of the service, its task definitions, repository, load balancer and log group: 1 to 32 letters, "
        "digits and hyphens."
    )
    image: Annotated[Image, BeforeValidator(_image_shorthand)] = Field(description="The build folder, or a mapping.")
    port: Port = Field(description="Where the application listens; it is also told by the variable PORT.")
    cpu: int = Field(default=256, description="Of a task, in units of 1024 a vCPU.")
    memory: int = Field(default=512, description="Of a task, in MiB.")
    count: Count = Field(default=2, description="Tasks; with {min, max}, scaling decides.")
    scaling: Scaling | None = Field(default=None, description="What the count follows, between its min and max.")
    command: Command | None = Field(default=None, description="Instead of the image's own, as a list.")
    health: Health = Field(default=Health(), description="When the load balancer calls a task healthy.")
    deploy: Deploy = Field(default=Deploy(), description="How one version follows another.")
    drain: Drain = Field(default=Drain(), description="How a task leaves: load balancer first, then SIGTERM, then SIGKILL.")
    load_balancer: LoadBalancer = Field(default=LoadBalancer(), description="Where the public reaches the service.")
    variables: TextMap = Field(default_factory=dict, description="Environment variables of the application.")
    secrets: TextMap = Field(
        default_factory=dict,
        description="Environment variables from `ssm:<name>`, `secretsmanager:<name>` or an ARN.",
    )
    cluster: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,255}$")] | None = Field(
        default=None, description="By default the service's name."
    )
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] | None = Field(default=None, description="AWS region.")
    roles: Roles = Field(default=Roles(), description="IAM roles, by name or ARN.")
    network: Network = Field(default=Network(), description="Where tasks run; by default (in `local`) the default VPC.")
    bootstrap: Bootstrap = Field(
        default=Bootstrap(), description="What `ninelives bootstrap` makes around the service, and for whom."
    )

    @field_validator("secrets")
    @classmethod
    def _secret_sources(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, source in value.items():
            if not source.startswith(("ssm:", "secretsmanager:", "arn:")):
                raise ValueError(f"{name}: expected ssm:<name>, secretsmanager:<name> or an ARN, found {source!r}")
        return value

    @model_validator(mode="after")
    def _is_a_fargate_size(self) -> "ServiceFile":
        sizes = fargate_memory(self.cpu)
        if not sizes:
            raise ValueError(f"cpu: Fargate has no {self.cpu} units; expected one of {', '.join(map(str, FARGATE_CPU))}")
        if self.memory not in sizes:
            raise ValueError(f"memory: with cpu {self.cpu} Fargate has {_as_range(sizes)} MiB, not {self.memory}")
        return self

    @model_validator(mode="after")
    def _scales_within_bounds(self) -> "ServiceFile":
        if self.scaling is not None and isinstance(self.count, int):
            raise ValueError(f"scaling: needs bounds; expected `count: {{min: {self.count}, max: …}}`, found {self.count}")
        return self

    @model_validator(mode="after")
    def _has_names_for_two_groups(self) -> "ServiceFile":
        if not self.deploy.shifts_traffic:
            return self
        if len(self.alternate_target_group_name) > GROUP_NAME_MAX:
            raise ValueError(
                f"load_balancer: the name {self.alternate_target_group_name!r} is longer than {GROUP_NAME_MAX}; "
                "name an alternate_target_group"
            )
        if self.alternate_target_group_name == self.target_group_name:
            raise ValueError("load_balancer: target_group and alternate_target_group must be two")
        test = self.load_balancer.test_listener
        if test is not None and test.port == self.load_balancer.port:
            raise ValueError(f"load_balancer: the test_listener needs a port of its own, not {test.port}; or take a `header`")
        return self

    @model_validator(mode="after")
    def _speaks_https_beside_the_redirect(self) -> "ServiceFile":
        if self.bootstrap.certificate is not None and self.load_balancer.port == HTTP_PORT:
            raise ValueError(
                "bootstrap: with a certificate the service speaks HTTPS; expected another port under `load_balancer:`, "
                f"such as `port: 443`, found {HTTP_PORT}, which redirects to it"
            )
        return self

    @property
    def cluster_name(self) -> str:
        return self.cluster or self.service

    @property
    def load_balancer_name(self) -> str:
        return self.load_balancer.name or self.service

    @property
    def target_group_name(self) -> str:
        return self.load_balancer.target_group or self.service

    @property
    def alternate_target_group_name(self) -> str:
        return self.load_balancer.alternate_target_group or f"{self.target_group_name}-alternate"

    @property
    def log_group(self) -> str:
        return f"/ecs/{self.service}"

    @property
    def plain_count(self) -> int | None:
        """The count, where the file decides it; None where scaling does."""
        return self.count if isinstance(self.count, int) else None

    @property
    def first_count(self) -> int:
        """The count of a service that is made now."""
        return self.count if isinstance(self.count, int) else self.count.min


GROUP_NAME_MAX = 32
HTTP_PORT = 80


def _as_range(sizes: tuple[int, ...]) -> str:
    if sizes == fargate_memory(FARGATE_CPU[0]):
        return ", ".join(map(str, sizes))
    return f"{sizes[0]} to {sizes[-1]} in steps of {sizes[1] - sizes[0]}"


def _write_defaults(properties: dict[str, Any], part: type[Part]) -> None:
    """Defaults as a file would write them: ``30s``, not pydantic's ``PT30S``; ``100%``, not 100."""
    written = part.model_construct().model_dump(mode="json", by_alias=True)
    for name, described in properties.items():
        if "default" in described:
            described["default"] = written[name]


def _overlay(part: Mapping[str, Any]) -> dict[str, Any]:
    """A part of the file as an environment may write it: nothing must be there, and null takes a key of the base away."""
    properties = {name: _or_null(described) for name, described in part["properties"].items()}
    return {**{key: value for key, value in part.items() if key != "required"}, "properties": properties}


def _or_null(described: Mapping[str, Any]) -> dict[str, Any]:
    """What may stand at a key of the file, or null; defaults are the file's to have."""
    told = {key: described[key] for key in ("description", "title") if key in described}
    choices = described.get("anyOf") or described.get("oneOf") or [described]
    kinds = [{key: value for key, value in one.items() if key not in {*told, "default"}} for one in choices]
    for kind in kinds:
        if "$ref" in kind:
            kind["$ref"] += "InEnvironment"
        if isinstance(kind.get("additionalProperties"), dict):
            kind["additionalProperties"] = {"anyOf": [kind["additionalProperties"], {"type": "null"}]}
    null = [] if {"type": "null"} in kinds else [{"type": "null"}]
    return {**told, "anyOf": [*kinds, *null]}


PARTS: tuple[type[Part], ...] = (
    Image, CountRange, Scaling, ScalingCooldown, ScalingMetric, ScalingSchedule, Health, ErrorRate, Latency, OwnAlarm,
    Rollback, Canary, Linear, Hook, Deploy, Drain, TestListener, LoadBalancer, Roles, Network, BootstrapNetwork,
    BootstrapGitHub, BootstrapAlarms, BootstrapKeep, Bootstrap,
)  # fmt: skip
"""All parts of the file but itself."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema of ``ninelives.yml``, for editors: an environment may say anew whatever the file says, but the name."""
    schema = ServiceFile.model_json_schema()
    for part in PARTS:
        _write_defaults(schema["$defs"][part.__name__]["properties"], part)
    _write_defaults(schema["properties"], ServiceFile)
    image = schema["properties"]["image"]
    schema["properties"]["image"] = {
        "anyOf": [{"type": "string"}, {"$ref": image["$ref"]}],
        "description": image["description"],
    }
    overlays = {f"{name}InEnvironment": _overlay(part) for name, part in schema["$defs"].items()}
    properties = {name: value for name, value in schema["properties"].items() if name != "service"}
    overlays["Environment"] = _overlay({"type": "object", "additionalProperties": False, "properties": properties})
    overlays["Environment"]["description"] = "What differs in this environment; null takes away what the file says."
    schema["$defs"] |= overlays
    schema["properties"]["environments"] = {
        "type": "object",
        "description": "Overlays by name; `local` always exists.",
        "additionalProperties": {"anyOf": [{"$ref": "#/$defs/Environment"}, {"type": "null"}]},
    }
    schema["patternProperties"] = {"^x-": {}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ninelives.yml",
        **{key: value for key, value in schema.items() if key != "title"},
    }
