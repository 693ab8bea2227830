"""Takes everything down again: the service, what it wrote, its stacks, and those that nobody else uses.

What is lost is counted before anybody is asked. Stacks go in the order in which nothing hangs on them any more.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ninelives.bootstrap.apply import Session, delete_stack
from ninelives.bootstrap.cloudformation import StackSeen, all_stacks, find_stack, users_of
from ninelives.bootstrap.errors import BootstrapError, StackFailed
from ninelives.bootstrap.github_trust import github_stack_name
from ninelives.bootstrap.plan import pace_of
from ninelives.bootstrap.stacks import KIND_TAG, PROVIDER_STACK, cluster_stack_name, network_stack_name
from ninelives.bootstrap.survey import left_by_name
from ninelives.bootstrap.template import Kind
from ninelives.deploy.aws import Aws, error_code, pages
from ninelives.deploy.clock import Clock
from ninelives.deploy.reading import Definition
from ninelives.deploy.reports import Act, Tell
from ninelives.deploy.service_file import ServiceFile
from ninelives.deploy.stack_outputs import service_stack_name

IMAGES_A_CALL, OBJECTS_A_CALL, DEFINITIONS_A_CALL = 100, 1000, 10
ATTEMPTS_MAX = 3
"""A load balancer may write its last access log after the bucket was emptied."""
SERVICE_LOOKS_MAX = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What goes with the stacks, and cannot be brought back."""

    tasks: int = 0
    images: int = 0
    objects: int = 0
    log_group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Demolition:
    """What would be taken down. ``stacks`` in the order in which they go; ``kept`` says why a shared one stays."""

    stacks: tuple[StackSeen, ...]
    kept: tuple[tuple[str, str], ...]
    has_service: bool
    losses: Losses

    @property
    def is_empty(self) -> bool:
        return not self.stacks and not self.has_service


def plan_demolition(aws: Aws, definition: Definition) -> Demolition:
    """What is there of the service. Raises ``BootstrapError`` for a stack that is protected or not ours."""
    file = definition.file
    stacks, kept = [], []
    for name, kind in _in_order(file):
        seen = find_stack(aws, name)
        if seen is None:
            continue
        _require_ours(seen, kind)
        users = _other_users(aws, file, kind)
        if users:
            kept.append((name, f"used by {', '.join(users)}"))
        else:
            stacks.append(seen)
    service = _service(aws, file)
    outputs = next((one.outputs for one in stacks if one.name == service_stack_name(file)), {})
    return Demolition(
        stacks=tuple(stacks),
        kept=tuple(kept),
        has_service=service is not None,
        losses=Losses(
            tasks=int(service["runningCount"]) if service is not None else 0,
            images=len(_image_digests(aws, outputs)),
            objects=sum(1 for _ in _objects(aws, outputs)),
            log_group=outputs.get("LogGroupName"),
        ),
    )


def _in_order(file: ServiceFile) -> tuple[tuple[str, Kind], ...]:
    return (
        (github_stack_name(file), Kind.GITHUB),
        (service_stack_name(file), Kind.SERVICE),
        (PROVIDER_STACK, Kind.GITHUB_PROVIDER),
        (cluster_stack_name(file), Kind.CLUSTER),
        (network_stack_name(file), Kind.NETWORK),
    )


def _require_ours(seen: StackSeen, kind: Kind) -> None:
    if seen.status != "REVIEW_IN_PROGRESS" and seen.tags.get(KIND_TAG) != kind:
        raise BootstrapError(f"The stack {seen.name} was not made by ninelives.", hint="It is left alone, as is all else.")
    if seen.is_protected:
        raise BootstrapError(
            f"The stack {seen.name} is protected against deletion.",
            hint="`aws cloudformation update-termination-protection --no-enable-termination-protection "
            f"--stack-name {seen.name}` takes the protection away.",
        )


def _other_users(aws: Aws, file: ServiceFile, kind: Kind) -> Sequence[str]:
    """Who else stands on a shared stack."""
    own = {service_stack_name(file), github_stack_name(file)}
    match kind:
        case Kind.NETWORK:
            return [one for one in users_of(aws, f"{network_stack_name(file)}-VpcId") if one not in own]
        case Kind.GITHUB_PROVIDER:
            return [one for one in users_of(aws, f"{PROVIDER_STACK}-ProviderArn") if one not in own]
        case Kind.CLUSTER:
            stacks = [
                one.name
                for one in all_stacks(aws)
                if one.tags.get(KIND_TAG) == Kind.SERVICE and one.parameters.get("ClusterName") == file.cluster_name
            ]
            return [*(one for one in stacks if one not in own), *_other_services(aws, file)]
        case _:
            return []


def _other_services(aws: Aws, file: ServiceFile) -> Iterator[str]:
    try:
        for arn in pages(aws.ecs.list_services, "serviceArns", cluster=file.cluster_name):
            name = arn.rpartition("/")[2]
            if name != file.service:
                yield f"service {name}"
    except Exception as error:
        if error_code(error) != "ClusterNotFoundException":
            raise


def _service(aws: Aws, file: ServiceFile) -> Mapping[str, Any] | None:
    try:
        found = aws.ecs.describe_services(cluster=file.cluster_name, services=[file.service])["services"]
    except Exception as error:
        if error_code(error) == "ClusterNotFoundException":
            return None
        raise
    return next((one for one in found if one["status"] != "INACTIVE"), None)


# Doing it.


def demolish(session: Session, definition: Definition, demolition: Demolition, tell: Tell) -> list[str]:
    """Take it all down; what is left, in words. Raises ``StackFailed``."""
    aws, file = session.aws, definition.file
    if demolition.has_service:
        _end_service(aws, file, session.clock, tell)
    _forget_task_definitions(aws, file, tell)
    for stack in demolition.stacks:
        if stack.name == service_stack_name(file):
            _delete_emptied(session, stack, tell)
        else:
            delete_stack(session, stack.name, stack.id)
    if any(stack.name == cluster_stack_name(file) for stack in demolition.stacks):
        _forget_insights(aws, file, tell)
    return list(_left(aws, file, demolition))


def _end_service(aws: Aws, file: ServiceFile, clock: Clock, tell: Tell) -> None:
    """Delete the service and wait until its tasks have drained: their network interfaces hold the network."""
    service = _service(aws, file)
    if service is not None and service["status"] == "ACTIVE":
        aws.ecs.delete_service(cluster=file.cluster_name, service=file.service, force=True)
    for _ in range(SERVICE_LOOKS_MAX):
        service = _service(aws, file)
        tasks = aws.ecs.list_tasks(cluster=file.cluster_name, serviceName=file.service)["taskArns"] if service else []
        if service is None and not tasks:
            tell(Act.CHANGED, f"service {file.service}: ended, with its tasks")
            return
        clock.wait(pace_of(aws))
    raise BootstrapError(
        f"Service {file.service} has not ended; nothing else was deleted.",
        hint="Wait until its tasks are gone, then run it again.",
    )


def _forget_task_definitions(aws: Aws, file: ServiceFile, tell: Tell) -> None:
    known: list[str] = []
    for status in ("ACTIVE", "INACTIVE"):
        found = pages(aws.ecs.list_task_definitions, "taskDefinitionArns", familyPrefix=file.service, status=status)
        ours = [arn for arn in found if f":task-definition/{file.service}:" in arn]
        if status == "ACTIVE":
            for arn in ours:
                aws.ecs.deregister_task_definition(taskDefinition=arn)
        known += ours
    for start in range(0, len(known), DEFINITIONS_A_CALL):
        aws.ecs.delete_task_definitions(taskDefinitions=known[start : start + DEFINITIONS_A_CALL])
    if known:
        tell(Act.CHANGED, f"task definitions of {file.service}: {len(known)} deleted")


def _delete_emptied(session: Session, stack: StackSeen, tell: Tell) -> None:
    """Empty what CloudFormation deletes only when it is empty, and try again where something was written meanwhile."""
    _stop_access_logs(session.aws, stack.outputs)
    for attempt in range(ATTEMPTS_MAX):
        _empty(session.aws, stack.outputs, tell)
        try:
            delete_stack(session, stack.name, stack.id)
        except StackFailed as failed:
            if attempt == ATTEMPTS_MAX - 1 or "mpty" not in failed.cause:
                raise
        else:
            return


def _stop_access_logs(aws: Aws, outputs: Mapping[str, str]) -> None:
    if "AccessLogBucket" not in outputs or "LoadBalancerArn" not in outputs:
        return
    try:
        aws.elbv2.modify_load_balancer_attributes(
            LoadBalancerArn=outputs["LoadBalancerArn"], Attributes=[{"Key": "access_logs.s3.enabled", "Value": "false"}]
        )
    except Exception as error:
        if error_code(error) != "LoadBalancerNotFound":  # gone in an earlier attempt
            raise


def _empty(aws: Aws, outputs: Mapping[str, str], tell: Tell) -> None:
    keys = list(_objects(aws, outputs))
    for start in range(0, len(keys), OBJECTS_A_CALL):
        doomed = [{"Key": key} for key in keys[start : start + OBJECTS_A_CALL]]
        aws.s3.delete_objects(Bucket=outputs["AccessLogBucket"], Delete={"Objects": doomed, "Quiet": True})
    if keys:
        tell(Act.CHANGED, f"bucket {outputs['AccessLogBucket']}: {len(keys)} access logs deleted")
    deleted = _delete_images(aws, outputs)
    if deleted:
        tell(Act.CHANGED, f"repository {_repository(outputs)}: {deleted} images deleted")


def _delete_images(aws: Aws, outputs: Mapping[str, str]) -> int:
    """What an index names goes only after it: whatever goes, goes, until nothing does."""
    before = digests = _image_digests(aws, outputs)
    while digests:
        for start in range(0, len(digests), IMAGES_A_CALL):
            doomed = [{"imageDigest": digest} for digest in digests[start : start + IMAGES_A_CALL]]
            aws.ecr.batch_delete_image(repositoryName=_repository(outputs), imageIds=doomed)
        left = _image_digests(aws, outputs)
        if len(left) == len(digests):
            break
        digests = left
    return len(before) - len(digests)


def _repository(outputs: Mapping[str, str]) -> str:
    return outputs["RepositoryUri"].partition("/")[2]


def _image_digests(aws: Aws, outputs: Mapping[str, str]) -> list[str]:
    if "RepositoryUri" not in outputs:
        return []
    return _unless_gone(
        lambda: sorted(
            {str(one["imageDigest"]) for one in pages(aws.ecr.list_images, "imageIds", repositoryName=_repository(outputs))}
        ),
        "RepositoryNotFoundException",
    )


def _objects(aws: Aws, outputs: Mapping[str, str]) -> list[str]:
    if "AccessLogBucket" not in outputs:
        return []
    paginator = aws.s3.get_paginator("list_objects_v2")
    return _unless_gone(
        lambda: [
            str(one["Key"])
            for page in paginator.paginate(Bucket=outputs["AccessLogBucket"])
            for one in page.get("Contents") or ()
        ],
        "NoSuchBucket",
    )


def _unless_gone(look: Callable[[], list[str]], gone: str) -> list[str]:
    try:
        return look()
    except Exception as error:
        if error_code(error) == gone:
            return []
        raise


def _forget_insights(aws: Aws, file: ServiceFile, tell: Tell) -> None:
    """Container Insights makes a log group of its own, outside of any stack."""
    prefix = f"/aws/ecs/containerinsights/{file.cluster_name}/"
    for group in list(pages(aws.logs.describe_log_groups, "logGroups", logGroupNamePrefix=prefix)):
        aws.logs.delete_log_group(logGroupName=group["logGroupName"])
        tell(Act.CHANGED, f"log group {group['logGroupName']}: deleted")


def _left(aws: Aws, file: ServiceFile, demolition: Demolition) -> Iterator[str]:
    """What is there all the same, in words."""
    for stack in demolition.stacks:
        seen = find_stack(aws, stack.name)
        if seen is not None:
            yield f"stack {seen.name} ({seen.status})"
    if any(stack.name == service_stack_name(file) for stack in demolition.stacks):
        yield from left_by_name(aws, file)
