"""CloudFormation as ``bootstrap`` asks it: stacks, change sets and events in its words, with failures on demand.

It makes no resource. What it says of them comes from the templates, as CloudFormation's own answers would.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from ninelives.bootstrap.template import Kind, resources_of, template_data, template_text

ACCOUNT, REGION = "123456789012", "eu-west-1"
BEGUN = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


def refusal(code: str, message: str, operation: str) -> ClientError:
    error: Any = {"Code": code, "Message": message}
    return ClientError({"Error": error}, operation)


@dataclass
class FakeStack:
    name: str
    id: str
    status: str = "REVIEW_IN_PROGRESS"
    kind: Kind | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class FakeChangeSet:
    id: str
    stack: FakeStack
    kind: Kind
    parameters: dict[str, str]
    tags: dict[str, str]
    changes: list[dict[str, Any]]


@dataclass(frozen=True)
class Failure:
    """What goes wrong when a resource is made, updated or deleted."""

    logical_id: str
    reason: str


class FakeCloudFormation:
    """``fails`` holds what goes wrong; ``refuses`` what change sets are refused with; ``calls`` what was asked."""

    def __init__(self) -> None:
        self.stacks: dict[str, FakeStack] = {}
        self.gone: list[FakeStack] = []
        self.change_sets: dict[str, FakeChangeSet] = {}
        self.executed: list[str] = []
        self.calls: list[str] = []
        self.fails: Failure | None = None
        self.refuses: str | None = None
        self.foreseen: dict[str, list[dict[str, Any]]] = {}
        """Changes that an update's change set foretells, by stack; by default each resource is modified."""
        self.later: dict[str, dict[str, str]] = {}
        """Outputs that a stack has after its next change."""
        self.once_changed: dict[str, list[dict[str, Any]]] = {}
        """As ``foreseen``, but only for parameters that differ from the stack's."""
        self.imports: dict[str, list[str]] = {}
        self.drifts: dict[str, list[dict[str, Any]]] = {}
        self._number = 0

    def has(self, name: str, kind: Kind, status: str = "CREATE_COMPLETE", **more: Any) -> FakeStack:
        """A stack that is there from the beginning."""
        stack = FakeStack(name=name, id=self._id("stack", name), status=status, kind=kind, **more)
        stack.tags.setdefault("ninelives:stack", kind)
        self.stacks[name] = stack
        return stack

    # The API.

    def describe_stacks(self, StackName: str | None = None, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.calls.append("DescribeStacks")
        if StackName is None:
            return {"Stacks": [self._described(stack) for stack in self.stacks.values()]}
        return {"Stacks": [self._described(self._find(StackName, "DescribeStacks"))]}

    def create_change_set(self, **request: Any) -> dict[str, Any]:
        self.calls.append("CreateChangeSet")
        name, kind = request["StackName"], kind_of(request["TemplateBody"])
        if request["ChangeSetType"] == "CREATE":
            stack = self.stacks.setdefault(name, FakeStack(name=name, id=self._id("stack", name)))
            if stack.status != "REVIEW_IN_PROGRESS":
                raise refusal("AlreadyExistsException", f"Stack [{name}] already exists", "CreateChangeSet")
            self._tell(stack, name, "AWS::CloudFormation::Stack", "REVIEW_IN_PROGRESS")
        else:
            stack = self._find(name, "CreateChangeSet")
        parameters = {one["ParameterKey"]: one["ParameterValue"] for one in request["Parameters"]}
        tags = {one["Key"]: one["Value"] for one in request["Tags"]}
        changes = self._changes(stack, kind, parameters)
        made = FakeChangeSet(
            id=self._id("changeSet", request["ChangeSetName"]),
            stack=stack, kind=kind, parameters=parameters, tags=tags, changes=changes,
        )  # fmt: skip
        self.change_sets[made.id] = made
        return {"Id": made.id, "StackId": stack.id}

    def describe_change_set(self, ChangeSetName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        made = self.change_sets[ChangeSetName]
        if self.refuses is not None:
            return {"Status": "FAILED", "StatusReason": self.refuses, "Changes": []}
        if not made.changes:
            why = "The submitted information didn't contain changes. Submit different information to create a change set."
            return {"Status": "FAILED", "StatusReason": why, "Changes": []}
        return {"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE", "Changes": made.changes}

    def delete_change_set(self, ChangeSetName: str) -> None:  # noqa: N803
        self.calls.append("DeleteChangeSet")
        del self.change_sets[ChangeSetName]

    def execute_change_set(self, ChangeSetName: str) -> None:  # noqa: N803
        self.calls.append("ExecuteChangeSet")
        made = self.change_sets.pop(ChangeSetName)
        stack, self.executed = made.stack, [*self.executed, made.stack.name]
        verb = "CREATE" if stack.status == "REVIEW_IN_PROGRESS" else "UPDATE"
        self._stack_becomes(stack, f"{verb}_IN_PROGRESS")
        for change in made.changes:
            resource = change["ResourceChange"]
            logical_id, type_ = resource["LogicalResourceId"], resource["ResourceType"]
            if self.fails is not None and self.fails.logical_id == logical_id:
                self._tell(stack, logical_id, type_, f"{verb}_FAILED", self.fails.reason)
                self._tell(stack, "Other", "AWS::Any::Thing", f"{verb}_FAILED", f"Resource {verb.lower()[:-1]}ion cancelled")
                rolled = "ROLLBACK" if verb == "CREATE" else "UPDATE_ROLLBACK"
                self._stack_becomes(stack, f"{rolled}_IN_PROGRESS", f"The following resource(s) failed: [{logical_id}].")
                self._stack_becomes(stack, f"{rolled}_COMPLETE")
                stack.tags = made.tags if verb == "CREATE" else stack.tags
                return
            self._tell(stack, logical_id, type_, f"{verb}_COMPLETE")
        stack.kind, stack.parameters, stack.tags = made.kind, made.parameters, made.tags
        stack.outputs = {**outputs_of(made.kind), **(self.later.pop(stack.name, {}) if verb == "UPDATE" else {})}
        self._stack_becomes(stack, f"{verb}_COMPLETE")

    def delete_stack(self, StackName: str) -> None:  # noqa: N803
        self.calls.append("DeleteStack")
        stack = self._find(StackName, "DeleteStack")
        self._stack_becomes(stack, "DELETE_IN_PROGRESS")
        if self.fails is not None and stack.kind is not None:
            resources = [one.logical_id for one in resources_of(stack.kind, stack.parameters)]
            if self.fails.logical_id in resources:
                self._tell(stack, self.fails.logical_id, "AWS::Any::Thing", "DELETE_FAILED", self.fails.reason)
                self._stack_becomes(stack, "DELETE_FAILED")
                return
        self._stack_becomes(stack, "DELETE_COMPLETE")
        self.gone.append(self.stacks.pop(stack.name))

    def describe_stack_events(self, StackName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        stack = next(one for one in [*self.stacks.values(), *self.gone] if StackName in {one.id, one.name})
        return {"StackEvents": stack.events[::-1]}

    def list_imports(self, ExportName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        if not self.imports.get(ExportName):
            raise refusal("ValidationError", f"Export '{ExportName}' is not imported by any stack.", "ListImports")
        return {"Imports": self.imports[ExportName]}

    def detect_stack_drift(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        return {"StackDriftDetectionId": StackName}

    def describe_stack_drift_detection_status(self, StackDriftDetectionId: str) -> dict[str, Any]:  # noqa: N803
        return {"DetectionStatus": "DETECTION_COMPLETE", "StackId": StackDriftDetectionId}

    def describe_stack_resource_drifts(self, StackName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        return {"StackResourceDrifts": self.drifts.get(StackName, [])}

    # How it does it.

    def _id(self, what: str, name: str) -> str:
        self._number += 1
        return f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:{what}/{name}/{self._number}"

    def _find(self, name: str, operation: str) -> FakeStack:
        found = next((one for one in self.stacks.values() if name in {one.name, one.id}), None)
        if found is None:
            raise refusal("ValidationError", f"Stack with id {name} does not exist", operation)
        return found

    def _changes(self, stack: FakeStack, kind: Kind, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
        resources = resources_of(kind, parameters)
        if stack.status == "REVIEW_IN_PROGRESS":
            return [change("Add", one.logical_id, one.type) for one in resources]
        if stack.name in self.foreseen:
            return self.foreseen[stack.name]
        if stack.parameters == parameters:
            return []
        if stack.name in self.once_changed:
            return self.once_changed[stack.name]
        return [change("Modify", one.logical_id, one.type) for one in resources]

    def _described(self, stack: FakeStack) -> dict[str, Any]:
        return {
            "StackName": stack.name,
            "StackId": stack.id,
            "StackStatus": stack.status,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in stack.parameters.items()],
            "Tags": [{"Key": key, "Value": value} for key, value in stack.tags.items()],
            "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in stack.outputs.items()],
        }

    def _stack_becomes(self, stack: FakeStack, status: str, reason: str = "") -> None:
        stack.status = status
        self._tell(stack, stack.name, "AWS::CloudFormation::Stack", status, reason, physical_id=stack.id)

    def _tell(
        self, stack: FakeStack, logical_id: str, type_: str, status: str, reason: str = "", *, physical_id: str = "physical"
    ) -> None:
        self._number += 1
        stack.events.append(
            {
                "EventId": str(self._number),
                "StackId": stack.id,
                "StackName": stack.name,
                "LogicalResourceId": logical_id,
                "PhysicalResourceId": physical_id,
                "ResourceType": type_,
                "ResourceStatus": status,
                "ResourceStatusReason": reason,
                "Timestamp": BEGUN + timedelta(seconds=self._number),
            }
        )


def change(
    action: str, logical_id: str, type_: str, *, replacement: str = "False", properties: tuple[str, ...] = ()
) -> dict[str, Any]:
    """An entry of a change set."""
    told: dict[str, Any] = {"Action": action, "LogicalResourceId": logical_id, "ResourceType": type_}
    if action == "Modify":
        told["Replacement"] = replacement
        told["Details"] = [{"Target": {"Attribute": "Properties", "Name": name}} for name in properties]
    return {"Type": "Resource", "ResourceChange": told}


def kind_of(template: str) -> Kind:
    return next(kind for kind in Kind if template_text(kind) == template)


def outputs_of(kind: Kind) -> dict[str, str]:
    """Values of the right form for each output that the template has."""
    names = template_data(kind).get("Outputs", {})
    known = {
        "PublicSubnets": "subnet-0c,subnet-0d",
        "TaskSubnets": "subnet-0a,subnet-0b",
        "AssignPublicIp": "DISABLED",
        "TaskSecurityGroup": "sg-0a",
        "AccessLogBucket": "cats-access-logs",
        "RepositoryUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/cats",
        "LogGroupName": "/ecs/cats",
        "LoadBalancerArn": f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/cats/0123456789abcdef",
    }
    return {name: known.get(name, f"{kind}-{name}") for name in names}
