"""The service file's ``bootstrap``: what ``ninelives bootstrap`` makes around the service, and for whom.

Limits are those of EC2, ELB, CloudWatch Logs and IAM. Source: CloudFormation resource reference of the types in
``ninelives/bootstrap/templates``.
"""

import ipaddress
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from ninelives.deploy.deploy_part import ErrorRate, Latency
from ninelives.deploy.file_parts import WHOLE_PERCENT, Duration, Part, Percentage, whole_seconds
from ninelives.deploy.quantities import write_duration

LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""Source: ``logs`` ``PutRetentionPolicy.retentionInDays``."""
PREFIX_MIN, PREFIX_MAX = 16, 25
"""Of the VPC: EC2 takes /16 to /28, and eight subnets must find room, each /28 at the smallest."""
ZONES_MIN = 2
DAY = timedelta(days=1)

Nat = Literal["single", "per-zone", "none"]


def _in_quotes(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError('expected 12 digits in quotes, such as "123456789012"; YAML takes them for a number')  # noqa: TRY004 (as pydantic takes it)
    return value


Account = Annotated[str, BeforeValidator(_in_quotes), Field(pattern=r"^\d{12}$")]
Arn = Annotated[str, Field(pattern=r"^arn:[^,\s]+$")]
Subnet = Annotated[str, Field(pattern=r"^subnet-[0-9a-z]+$")]


def _a_name(value: str) -> str:
    if value.startswith("refs/"):
        raise ValueError(f"expected the name alone, without refs/heads/ or refs/tags/, found {value!r}")
    return value


Ref = Annotated[str, Field(pattern=r"^[^,\s:\[\\~^]+$"), AfterValidator(_a_name)]
"""A branch or tag, without ``refs/heads/``; ``*`` and ``?`` stand for any text and any character."""


class BootstrapNetwork(Part):
    """A new VPC with subnets in two or three zones; or, with ``vpc``, one that is there."""

    zones: Annotated[int, Field(ge=2, le=3)] = Field(default=2, description="Availability zones of a new VPC: 2 or 3.")
    nat: Nat = Field(
        default="single",
        description="How tasks of a new VPC reach the outside: through one NAT gateway, through one in each zone, or (`none`) "
        "from the public subnets with addresses of their own, which costs least.",
    )
    cidr: str = Field(default="10.0.0.0/16", description="Addresses of a new VPC: /16 to /25.")
    vpc: Annotated[str, Field(pattern=r"^vpc-[0-9a-z]+$")] | None = Field(
        default=None, description="An existing VPC, instead of a new one."
    )
    public_subnets: tuple[Subnet, ...] = Field(
        default=(), strict=False, description="Of the existing VPC, for the load balancer: in two zones at least."
    )
    private_subnets: tuple[Subnet, ...] = Field(
        default=(),
        strict=False,
        description="Of the existing VPC, for tasks; without any, these run in the public ones with addresses of their own.",
    )

    @field_validator("cidr")
    @classmethod
    def _is_a_range(cls, value: str) -> str:
        try:
            found = ipaddress.IPv4Network(value)
        except ValueError:
            raise ValueError(f"expected a range of IPv4 addresses such as 10.0.0.0/16, found {value!r}") from None
        if not PREFIX_MIN <= found.prefixlen <= PREFIX_MAX:
            raise ValueError(f"expected a range from /{PREFIX_MIN} to /{PREFIX_MAX}, found {value!r}")
        return value

    @model_validator(mode="after")
    def _is_new_or_there(self) -> "BootstrapNetwork":
        ours = sorted({"zones", "nat", "cidr"} & self.model_fields_set)
        if self.vpc is None:
            if self.public_subnets or self.private_subnets:
                raise ValueError("subnets are those of an existing VPC: name it with `vpc`")
            return self
        if ours:
            raise ValueError(f"{ours[0]}: is of a new VPC, and `vpc` names one that is there")
        if len(self.public_subnets) < ZONES_MIN:
            raise ValueError("expected `public_subnets` of the VPC, in two zones at least: the load balancer stands there")
        return self


class BootstrapGitHub(Part):
    """Whom the deploy role trusts: runs of one repository, by branch, tag or environment."""

    repository: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")] = Field(
        description="`owner/name`, with the capitals that GitHub shows."
    )
    owner_id: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="The owner's number: `gh api repos/OWNER/NAME --jq .owner.id`."
    )
    repository_id: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="The repository's number: `gh api repos/OWNER/NAME --jq .id`."
    )
    branches: tuple[Ref, ...] = Field(
        default=(), strict=False, description="Branches whose runs may deploy; `*` stands for any text."
    )
    tags: tuple[Ref, ...] = Field(default=(), strict=False, description="Tags whose runs may deploy, such as `v*`.")
    environments: tuple[Annotated[str, Field(pattern=r"^[^,:]+$")], ...] = Field(
        default=(), strict=False, description="GitHub environments whose jobs may deploy, whatever their branch or tag."
    )

    @model_validator(mode="after")
    def _trusts_somebody(self) -> "BootstrapGitHub":
        if not (self.branches or self.tags or self.environments):
            raise ValueError("expected `branches`, `tags` or `environments`: the role would trust nobody")
        if (self.owner_id is None) != (self.repository_id is None):
            raise ValueError("expected both `owner_id` and `repository_id`, or neither")
        return self


class BootstrapAlarms(Part):
    """When somebody is told; `5xx` and `latency` of `deploy.rollback.alarms` go before these."""

    error_rate: ErrorRate = Field(
        default=ErrorRate(above=1.0, evaluation_periods=3),
        alias="5xx",
        description="When too many requests are answered with 5xx.",
    )
    latency: Latency = Field(
        default=Latency(p99=timedelta(seconds=2), evaluation_periods=3), description="When answers take too long."
    )
    cpu: Percentage = Field(default=85, description="Of the service's CPU, for five minutes.")
    memory: Percentage = Field(default=85, description="Of the service's memory, for five minutes.")
    notify: tuple[Arn, ...] = Field(default=(), strict=False, description="SNS topics that are told, by ARN.")

    @field_validator("cpu", "memory")
    @classmethod
    def _a_share(cls, value: int) -> int:
        if not 1 <= value <= WHOLE_PERCENT:
            raise ValueError(f"expected a percentage from 1% to 100%, found {value}%")
        return value


class BootstrapKeep(Part):
    """How much is kept of what grows."""

    logs: Duration = Field(default=timedelta(days=30), description="The tasks' logs: as many days as CloudWatch Logs takes.")
    access_logs: Duration = Field(
        default=timedelta(days=90), description="The load balancer's access logs, in whole days; `0s` writes none."
    )
    images: Annotated[int, Field(ge=10, le=1000)] = Field(
        default=100, description="The newest images; the ones before them go. What runs, and what a rollback needs, is newer."
    )

    @field_validator("logs")
    @classmethod
    def _as_logs_takes(cls, value: timedelta) -> timedelta:
        if value % DAY or value // DAY not in LOG_RETENTION_DAYS:
            near = min(LOG_RETENTION_DAYS, key=lambda days: abs(days - value / DAY))
            raise ValueError(
                f"CloudWatch Logs keeps logs for certain numbers of days; the nearest to what is asked is {near}d"
            )
        return value

    @field_validator("access_logs")
    @classmethod
    def _whole_days(cls, value: timedelta) -> timedelta:
        if value % DAY:
            raise ValueError(f"expected whole days such as 90d, found {write_duration(value)}")
        return whole_seconds(value, 0, 3650 * 86400)


class Bootstrap(Part):
    """What `ninelives bootstrap` makes: network, load balancer, roles, repository, logs, alarms, trust in GitHub."""

    account: Account | None = Field(
        default=None, description="The AWS account, in quotes: in any other, `bootstrap` stops before it does anything."
    )
    network: BootstrapNetwork = Field(
        default=BootstrapNetwork(), description="A new VPC, or an existing one. Services of one cluster share it."
    )
    certificate: Annotated[str, Field(pattern=r"^arn:[\w-]+:(acm|iam):[^,\s]+$")] | None = Field(
        default=None,
        description="Its ARN: then the load balancer speaks HTTPS on `load_balancer.port`, and port 80 redirects.",
    )
    public_from: str = Field(default="0.0.0.0/0", description="Who reaches the service: a range of IPv4 addresses.")
    test_from: str = Field(default="0.0.0.0/0", description="Who reaches the test listener's port.")
    container_insights: Literal["enhanced", "enabled", "disabled"] = Field(
        default="enabled", description="Metrics of tasks and containers; `enhanced` tells the most and costs the most."
    )
    github: BootstrapGitHub | None = Field(
        default=None, description="Whom the deploy role trusts; without it, no such role is made."
    )
    task_policies: tuple[Arn, ...] = Field(
        default=(), strict=False, description="Managed policies of the application's own role, by ARN."
    )
    secret_keys: tuple[Arn, ...] = Field(
        default=(), strict=False, description="KMS keys of your own that secrets are encrypted with, by ARN."
    )
    keep: BootstrapKeep = Field(default=BootstrapKeep(), description="How much is kept of what grows.")
    alarms: BootstrapAlarms = Field(default=BootstrapAlarms(), description="When somebody is told.")

    @field_validator("public_from", "test_from")
    @classmethod
    def _is_a_range(cls, value: str) -> str:
        try:
            ipaddress.IPv4Network(value)
        except ValueError:
            raise ValueError(f"expected a range of IPv4 addresses such as 203.0.113.0/24, found {value!r}") from None
        return value
