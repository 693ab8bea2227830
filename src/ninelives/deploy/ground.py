"""Looks at each piece that a service stands on: makes a missing one where that is ours to do, or notes that it is missing."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ninelives.deploy.aws import Aws, error_code
from ninelives.deploy.reading import Definition
from ninelives.deploy.reports import Act, Tell
from ninelives.deploy.stack_outputs import find_bootstrapped


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    public_ip: bool = True
    is_stated: bool = False
    """Whether the file or the service's stack says it; a service that is there keeps any other network."""

    def vpc(self, aws: Aws) -> str:
        return str(aws.ec2.describe_subnets(SubnetIds=[self.subnets[0]])["Subnets"][0]["VpcId"])


class Ground:
    """What is known so far; ``missing`` names each piece that is not there and not ours to make."""

    def __init__(self, aws: Aws, definition: Definition, tell: Tell) -> None:
        self.aws = aws
        self.file = definition.file
        self.bootstrapped = find_bootstrapped(aws, definition.file)
        self.makes = definition.is_local and self.bootstrapped is None
        self.tell = tell
        self.missing: list[str] = []

    def make(self, what: str, make: Callable[[], Any]) -> Any:
        """Make a missing piece, or note it and answer None."""
        if not self.makes:
            self.missing.append(what)
            return None
        made = make()
        self.tell(Act.MADE, what)
        return made

    def change(self, what: str, change: Callable[[], Any]) -> None:
        """Bring a piece to what the file says, where that is ours to do; elsewhere ``what`` is missing."""
        if not self.makes:
            self.missing.append(what)
            return
        change()
        self.tell(Act.CHANGED, what)

    def role(self, name: str, make: Callable[[], str] | None) -> str | None:
        """A role's ARN. ``make`` None: the file names it, so it must be there."""
        if name.startswith("arn:"):
            return name
        try:
            return str(self.aws.iam.get_role(RoleName=name)["Role"]["Arn"])
        except Exception as error:
            if error_code(error) != "NoSuchEntity":
                raise
        if make is None:
            self.missing.append(f"IAM role {name}")
            return None
        made = self.make(f"IAM role {name}", make)
        return str(made) if made else None

    def make_role(self, name: str, *, principal: str, policy: str, actions: Sequence[str], resources: Sequence[str]) -> str:
        """A role that an AWS service may assume, with one inline policy; its ARN."""
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}],
        }
        allowed = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}],
        }
        role = self.aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        self.aws.iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(allowed))
        return str(role["Arn"])
