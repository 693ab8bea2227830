"""Reads what needs images and task definitions in an account and region: services, tasks, releases, schedules, the repository.

What cannot be read raises, for nothing may be deleted that was not checked. What cannot be seen from here at all (other
accounts and regions, functions, clusters that are not ECS's) is told as a limit.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from ninelives.deploy.aws import Aws, error_code, pages
from ninelives.deploy.errors import DeployError, NotFound
from ninelives.deploy.task_definition import DIGEST_TAG, tags_of
from ninelives.insight.retention import (
    Definition,
    Facts,
    Hold,
    ProvenRelease,
    Reason,
    StoredImage,
    Use,
)
from ninelives.model.images import read_reference

SERVICES_A_CALL: Final = 10
TASKS_A_CALL: Final = 100
IMAGES_A_CALL: Final = 100
REVISIONS_A_CALL: Final = 20
DEPLOYMENTS_A_CALL: Final = 20
DEFINITIONS_A_PAGE: Final = 100

MANIFEST_TYPES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ENDED: Final = frozenset({"SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"})
DENIED: Final = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"})
NO_RELEASES: Final = frozenset({"UnsupportedFeatureException", "InvalidParameterException", "ClientException"})
"""What ECS answers who asks for the releases of a service that it does not deploy itself."""

ABOUT: Final = re.compile(r"sha256-([0-9a-f]{64})(?:\..+)?")
"""A tag that says what an image is about. Source: cosign, "Signature spec"; OCI distribution, "Referrers tag schema"."""


class CannotCheck(DeployError):
    """Something could not be read, so nothing is deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be cleaned, and how far one looks."""

    repository: str
    family: str
    looks_at_schedules: bool = True
    looks_at_inactive: bool = False
    """Whether revisions of the family that are INACTIVE already are asked for: there may be thousands."""
    revisions_of_others: int = 10
    """Of each other family, how many of the newest revisions are looked at beside those in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    facts: Facts
    limits: tuple[str, ...]
    """What cannot be known from here."""


@dataclass(slots=True)
class _Found:
    uses: list[Use] = field(default_factory=list)
    releases: list[ProvenRelease] = field(default_factory=list)
    services: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    """Each with its cluster's ARN."""
    limits: list[str] = field(default_factory=list)


class Surveyor:
    """Reads anew at each call; only task definitions, which never change but for their status, are remembered."""

    def __init__(self, aws: Aws, asked: Asked) -> None:
        self._aws = aws
        self._asked = asked
        self._definitions: dict[str, Definition] = {}
        self._blobs: dict[str, tuple[Mapping[str, int], tuple[str, ...], str | None]] = {}
        """Layers, listed digests and subject of each manifest, by digest: a digest never means another one."""

    def survey(self) -> Survey:
        """Everything, now. Raises ``CannotCheck``, ``NotFound``."""
        found = _Found()
        images = tuple(self._images())
        known: dict[str, Definition] = {}
        for status in ("ACTIVE", "INACTIVE") if self._asked.looks_at_inactive else ("ACTIVE",):
            arns = self._of_family(self._asked.family, status)
            known |= {arn: one for arn in arns if (one := self._definition(arn, status)) is not None}
        self._see_services(found)
        self._see_tasks(found)
        if self._asked.looks_at_schedules:
            self._see_schedules(found)
        else:
            found.limits.append("scheduled tasks were not looked at, as asked for")
        self._know_what_is_used(found, known)
        known |= self._of_other_families(known)
        self._see_releases(found, known)
        self._know_what_is_used(found, known)
        for release in found.releases:
            past = self._definition(release.definition)
            if past is not None:
                known.setdefault(release.definition, past)
        facts = Facts(
            repository=self._asked.repository,
            family=self._asked.family,
            images=images,
            definitions=known,
            uses=tuple(found.uses),
            releases=tuple(found.releases),
        )
        return Survey(facts=facts, limits=(*found.limits, *self._limits()))

    def _know_what_is_used(self, found: _Found, known: dict[str, Definition]) -> None:
        for use in found.uses:
            if use.definition is not None and use.definition not in known:
                known[use.definition] = self._required(use.definition, use.hold)

    # The repository.

    def _images(self) -> Iterator[StoredImage]:
        ecr, name = self._aws.ecr, self._asked.repository
        try:
            details = list(pages(ecr.describe_images, "imageDetails", repositoryName=name, filter={"tagStatus": "ANY"}))
        except Exception as error:
            if error_code(error) == "RepositoryNotFoundException":
                raise NotFound(f"There is no repository {name}.", hint="The first `ninelives deploy` makes it.") from None
            raise
        unread = [one["imageDigest"] for one in details if one["imageDigest"] not in self._blobs]
        for start in range(0, len(unread), IMAGES_A_CALL):
            self._read_manifests(unread[start : start + IMAGES_A_CALL])
        for one in details:
            if one["imageDigest"] not in self._blobs:
                continue  # it has gone meanwhile
            blobs, named, subject = self._blobs[one["imageDigest"]]
            tags = tuple(one.get("imageTags") or ())
            yield StoredImage(
                digest=one["imageDigest"],
                pushed_at=one["imagePushedAt"],
                tags=tags,
                blobs=blobs,
                named=named,
                subject=subject or subject_of(tags),
            )

    def _read_manifests(self, digests: Sequence[str]) -> None:
        answer = self._aws.ecr.batch_get_image(
            repositoryName=self._asked.repository,
            imageIds=[{"imageDigest": digest} for digest in digests],
            acceptedMediaTypes=list(MANIFEST_TYPES),
        )
        for image in answer["images"]:
            self._blobs[image["imageId"]["imageDigest"]] = read_manifest(image["imageManifest"])
        unread = [one for one in answer.get("failures") or () if one.get("failureCode") != "ImageNotFound"]
        if unread:
            raise CannotCheck(
                f"The manifest of {unread[0]['imageId'].get('imageDigest')} cannot be read: {unread[0].get('failureReason')}.",
                hint="What it names is not known, so nothing was deleted.",
            )

    # Who needs what.

    def _see_services(self, found: _Found) -> None:
        ecs = self._aws.ecs
        for cluster in pages(ecs.list_clusters, "clusterArns"):
            arns = list(pages(ecs.list_services, "serviceArns", cluster=cluster))
            for start in range(0, len(arns), SERVICES_A_CALL):
                answer = ecs.describe_services(cluster=cluster, services=arns[start : start + SERVICES_A_CALL])
                _require_all(answer, "ecs:DescribeServices")
                for service in answer["services"]:
                    found.services.append((cluster, service))
                    found.uses += _of_service(cluster, service)

    def _see_tasks(self, found: _Found) -> None:
        ecs = self._aws.ecs
        for cluster in pages(ecs.list_clusters, "clusterArns"):
            arns = list(pages(ecs.list_tasks, "taskArns", cluster=cluster, desiredStatus="RUNNING"))
            for start in range(0, len(arns), TASKS_A_CALL):
                answer = ecs.describe_tasks(cluster=cluster, tasks=arns[start : start + TASKS_A_CALL])
                _require_all(answer, "ecs:DescribeTasks")
                found.uses += [_of_task(task) for task in answer["tasks"]]

    def _see_schedules(self, found: _Found) -> None:
        try:
            named = [*self._rules(), *self._schedules()]
        except Exception as error:
            if error_code(error) not in DENIED:
                raise
            raise CannotCheck(
                f"Scheduled tasks cannot be read: {error}",
                hint="Allow the action, or leave schedules aside with --no-schedules. Nothing was deleted.",
            ) from None
        for by, definition in named:
            newest = self._describe(definition) or self._describe(_last(definition))
            if newest is not None:
                self._definitions[newest.arn] = newest
                found.uses.append(Use(hold=Hold(reason=Reason.SCHEDULED, by=by), definition=newest.arn))

    def _rules(self) -> Iterator[tuple[str, str]]:
        """Rules of EventBridge that start tasks, each with the task definition that it names."""
        events = self._aws.events
        for bus in pages(events.list_event_buses, "EventBuses", continuation="NextToken"):
            for rule in pages(events.list_rules, "Rules", continuation="NextToken", EventBusName=bus["Name"]):
                asked = {"Rule": rule["Name"], "EventBusName": bus["Name"]}
                for target in pages(events.list_targets_by_rule, "Targets", continuation="NextToken", **asked):
                    definition = (target.get("EcsParameters") or {}).get("TaskDefinitionArn")
                    if definition:
                        yield f"rule {rule['Name']}", definition

    def _schedules(self) -> Iterator[tuple[str, str]]:
        """Schedules of EventBridge Scheduler that start tasks."""
        scheduler = self._aws.scheduler
        for one in pages(scheduler.list_schedules, "Schedules", continuation="NextToken"):
            if ":ecs:" not in str((one.get("Target") or {}).get("Arn", ":ecs:")):
                continue
            schedule = scheduler.get_schedule(Name=one["Name"], GroupName=one.get("GroupName", "default"))
            definition = (schedule["Target"].get("EcsParameters") or {}).get("TaskDefinitionArn")
            for named in [definition] if definition else named_in_request(schedule["Target"].get("Input", "")):
                yield f"schedule {one['Name']}", named

    def _see_releases(self, found: _Found, known: Mapping[str, Definition]) -> None:
        """Releases that are under way, and those that were proven, of the services that use the repository or the family."""
        for cluster, service in found.services:
            name = f"{_last(cluster)}/{service['serviceName']}"
            used = [known[arn] for arn in _definitions_of(service) if arn in known]
            if any(self._is_ours(one) for one in used):
                self._see_releases_of(found, cluster, service, name)

    def _see_releases_of(self, found: _Found, cluster: str, service: Mapping[str, Any], name: str) -> None:
        asked = {"cluster": cluster, "service": service["serviceName"]}
        try:
            brief = list(pages(self._aws.ecs.list_service_deployments, "serviceDeployments", **asked))
        except Exception as error:
            if error_code(error) not in NO_RELEASES or _is_deployed_by_ecs(service):
                raise
            found.limits.append(f"service {name} is not deployed by ECS itself: its past releases are not known")
            return
        under_way = [one["serviceDeploymentArn"] for one in brief if one["status"] not in ENDED]
        needed = {
            one["arn"]: Hold(reason=Reason.RUNS, by=f"service {name}") for one in service.get("currentServiceRevisions") or ()
        }
        needed |= {arn: Hold(reason=Reason.UNDER_WAY, by=f"service {name}") for arn in self._revisions_under_way(under_way)}
        ended = {
            one["targetServiceRevisionArn"]: one["finishedAt"]
            for one in brief
            if one["status"] == "SUCCESSFUL" and one.get("targetServiceRevisionArn") and one.get("finishedAt")
        }
        for revision in self._revisions([*needed, *ended]):
            arn, definition = revision["serviceRevisionArn"], revision["taskDefinition"]
            digests = tuple(one["imageDigest"] for one in revision.get("containerImages") or () if one.get("imageDigest"))
            if arn in needed:
                found.uses.append(Use(hold=needed[arn], definition=definition, digests=digests))
            if arn in ended:
                found.releases.append(
                    ProvenRelease(service=f"service {name}", definition=definition, finished_at=ended[arn], digests=digests)
                )

    def _revisions_under_way(self, deployments: Sequence[str]) -> Iterator[str]:
        """Where deployments that have not ended come from, go to, and would go back to."""
        for start in range(0, len(deployments), DEPLOYMENTS_A_CALL):
            part = list(deployments[start : start + DEPLOYMENTS_A_CALL])
            answer = self._aws.ecs.describe_service_deployments(serviceDeploymentArns=part)
            _require_all(answer, "ecs:DescribeServiceDeployments")
            for one in answer["serviceDeployments"]:
                ends = [one.get("targetServiceRevision") or {}, *(one.get("sourceServiceRevisions") or ())]
                back = (one.get("rollback") or {}).get("serviceRevisionArn")
                yield from (str(end["arn"]) for end in ends if end.get("arn"))
                yield from [back] if back else []

    def _revisions(self, arns: Iterable[str]) -> Iterator[Mapping[str, Any]]:
        wanted = sorted(set(arns))
        for start in range(0, len(wanted), REVISIONS_A_CALL):
            part = wanted[start : start + REVISIONS_A_CALL]
            answer = self._aws.ecs.describe_service_revisions(serviceRevisionArns=part)
            _require_all(answer, "ecs:DescribeServiceRevisions")
            yield from answer["serviceRevisions"]

    # Task definitions.

    def _is_ours(self, definition: Definition) -> bool:
        names = [read_reference(image).repository for image in definition.images]
        return definition.family == self._asked.family or self._asked.repository in names

    def _of_family(self, family: str, status: str) -> list[str]:
        """ARNs of a family's revisions, the newest first."""
        request = {"familyPrefix": family, "status": status, "sort": "DESC"}
        arns = pages(self._aws.ecs.list_task_definitions, "taskDefinitionArns", **request)
        return [arn for arn in arns if _family_of(arn) == family]

    def _of_other_families(self, known: Collection[str]) -> dict[str, Definition]:
        """The newest active revisions of other families that name an image of the repository."""
        families = pages(self._aws.ecs.list_task_definition_families, "families", status="ACTIVE")
        found: dict[str, Definition] = {}
        for family in families:
            if family == self._asked.family:
                continue
            request = {"familyPrefix": family, "status": "ACTIVE", "sort": "DESC"}
            newest = self._asked.revisions_of_others
            listed = pages(
                self._aws.ecs.list_task_definitions,
                "taskDefinitionArns",
                **request,
                maxResults=min(newest, DEFINITIONS_A_PAGE),
            )
            for arn in islice(listed, newest):
                one = self._definition(arn) if arn not in known and _family_of(arn) == family else None
                if one is not None and self._is_ours(one):
                    found[arn] = one
        return found

    def _definition(self, arn: str, status: str | None = None) -> Definition | None:
        """A revision by its ARN; None where it is no more. ``status``: what was just listed."""
        known = self._definitions.get(arn)
        if known is None or (status is not None and known.status != status):
            known = self._describe(arn)
            if known is not None:
                self._definitions[arn] = known
        return known

    def _required(self, arn: str, hold: Hold) -> Definition:
        found = self._definition(arn)
        if found is None:
            raise CannotCheck(
                f"{hold.by} needs task definition {_last(arn)}, which cannot be read.",
                hint="Its image is not known, so nothing was deleted.",
            )
        return found

    def _describe(self, name: str) -> Definition | None:
        try:
            answer = self._aws.ecs.describe_task_definition(taskDefinition=name, include=["TAGS"])
        except Exception as error:
            if error_code(error) in {"ClientException", "InvalidParameterException"}:
                return None
            raise
        given = answer["taskDefinition"]
        return Definition(
            arn=given["taskDefinitionArn"],
            family=given["family"],
            revision=given["revision"],
            status=given["status"],
            registered_at=given.get("registeredAt"),
            images=tuple(one["image"] for one in given["containerDefinitions"] if one.get("image")),
            digest=tags_of(answer).get(DIGEST_TAG),
        )

    # What cannot be seen.

    def _limits(self) -> Iterator[str]:
        others = sorted(self._others_that_may_pull())
        if others:
            yield f"the repository's policy lets others pull, and what they run is not known: {', '.join(others)}"
        yield (
            "not seen from here: other accounts and regions that pull from this repository, Lambda functions, AWS Batch, "
            "App Runner, EKS and other clusters, and what starts tasks by itself (Step Functions, EventBridge Pipes)"
        )
        newest = self._asked.revisions_of_others
        yield f"of other task definition families the newest {newest} revisions and those in use were read"

    def _others_that_may_pull(self) -> set[str]:
        """Accounts and services that the repository's policy names."""
        try:
            text = self._aws.ecr.get_repository_policy(repositoryName=self._asked.repository)["policyText"]
        except Exception as error:
            if error_code(error) == "RepositoryPolicyNotFoundException":
                return set()
            if error_code(error) in DENIED:
                return {"(its policy cannot be read: ecr:GetRepositoryPolicy)"}
            raise
        return set(principals(text))


def principals(policy: str) -> Iterator[str]:
    """Whom the statements of a policy allow something: accounts by number, everybody as ``*``, services by name.

    >>> list(principals('{"Statement": {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::210987654321:root"}}}'))
    ['210987654321']
    """
    statements = json.loads(policy).get("Statement", [])
    for one in [statements] if isinstance(statements, dict) else statements:
        given = one.get("Principal") if one.get("Effect") == "Allow" else None
        named = given.values() if isinstance(given, dict) else [given] if given else []
        for value in named:
            for text in [value] if isinstance(value, str) else value:
                account = re.search(r"\b\d{12}\b", text)
                yield account[0] if account else text


def read_manifest(text: str) -> tuple[Mapping[str, int], tuple[str, ...], str | None]:
    """Layers with their sizes (those that lie elsewhere left out), what it lists, and what it is about."""
    document = json.loads(text)
    layers = [document.get("config"), *(document.get("layers") or ())]
    blobs = {one["digest"]: int(one["size"]) for one in layers if one and not one.get("urls")}
    named = tuple(one["digest"] for one in document.get("manifests") or ())
    return blobs, named, (document.get("subject") or {}).get("digest")


def subject_of(tags: Iterable[str]) -> str | None:
    """What an image is about, if a tag alone says so: cosign's signatures, and what OCI's fallback lists the referrers by.

    >>> subject_of(["1.0", f"sha256-{'ab' * 32}.sig"])
    'sha256:abababababababababababababababababababababababababababababababab'
    """
    found = (ABOUT.fullmatch(tag) for tag in tags)
    return next((f"sha256:{one[1]}" for one in found if one), None)


def named_in_request(text: str) -> Iterator[str]:
    """The task definition in the request that a schedule makes itself (a "universal target").

    >>> list(named_in_request('{"Cluster": "c", "TaskDefinition": "nightly:3"}')), list(named_in_request("not JSON"))
    (['nightly:3'], [])
    """
    try:
        request = json.loads(text)
    except ValueError:
        return
    named = [value for key, value in request.items() if key.lower() == "taskdefinition"] if isinstance(request, dict) else []
    yield from (one for one in named if isinstance(one, str))


def _is_deployed_by_ecs(service: Mapping[str, Any]) -> bool:
    return (service.get("deploymentController") or {}).get("type", "ECS") == "ECS" and not service.get("taskSets")


def _of_service(cluster: str, service: Mapping[str, Any]) -> Iterator[Use]:
    hold = Hold(reason=Reason.RUNS, by=f"service {_last(cluster)}/{service['serviceName']}")
    for arn in _definitions_of(service):
        yield Use(hold=hold, definition=arn)


def _definitions_of(service: Mapping[str, Any]) -> list[str]:
    """Task definitions of a service's deployments and task sets."""
    parts = [service, *(service.get("deployments") or ()), *(service.get("taskSets") or ())]
    return sorted({part["taskDefinition"] for part in parts if part.get("taskDefinition")})


def _of_task(task: Mapping[str, Any]) -> Use:
    containers = task.get("containers") or ()
    return Use(
        hold=Hold(reason=Reason.RUNS, by=f"task {_last(task['taskArn'])}"),
        definition=task["taskDefinitionArn"],
        images=tuple(one["image"] for one in containers if one.get("image")),
        digests=tuple(one["imageDigest"] for one in containers if one.get("imageDigest")),
    )


def _require_all(answer: Mapping[str, Any], action: str) -> None:
    """ECS answers with ``failures`` what it does not tell of; what has gone meanwhile needs nothing."""
    unread = [one for one in answer.get("failures") or () if one.get("reason") != "MISSING"]
    if unread:
        raise CannotCheck(f"{action} does not tell of {unread[0].get('arn')}: {unread[0].get('reason')}.")


def _family_of(arn: str) -> str:
    return _last(arn).rsplit(":", 1)[0]


def _last(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]
