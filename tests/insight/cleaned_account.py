"""An account to be cleaned up: ECS's and ECR's answers as far as a clean-up asks, in memory; what it deletes is gone.

Answers have the members that botocore's models name; ``ninelives prune`` runs against the region itself in
``tests/live/test_prune.py``.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from ninelives.deploy.aws import Aws

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
URI = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/cats"
ARN = "arn:aws:ecs:eu-west-1:123456789012"


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def client_error(operation: str, code: str, message: str = "refused") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class StoppedClock:
    def now(self) -> datetime:
        return NOW

    def wait(self, seconds: float) -> None:
        raise AssertionError(seconds)


class Account:
    """One cluster ``c`` with services, tasks, task definitions and a repository ``cats``."""

    def __init__(self) -> None:
        self.images: dict[str, dict[str, Any]] = {}
        self.manifests: dict[str, dict[str, Any]] = {}
        self.definitions: dict[str, dict[str, Any]] = {}
        self.services: list[dict[str, Any]] = []
        self.tasks: list[dict[str, Any]] = []
        self.deployments: dict[str, list[dict[str, Any]]] = {}
        self.revisions: dict[str, dict[str, Any]] = {}
        self.rules: dict[str, str] = {}
        self.policy: str | None = None
        self.calls: list[tuple[str, Any]] = []
        self.before: Callable[[str], None] = lambda _: None
        """Called before each call with the operation's name: to refuse it, or to change the world behind one's back."""
        self.schedules: dict[str, dict[str, Any]] = {}
        self.untold: dict[str, str] = {}
        """Reason of the failure that an operation answers with instead of what was asked for."""
        self.page_size = 100

    def aws(self) -> Aws:
        return Aws(lambda service: Client(self, service), region="eu-west-1", is_local=False)

    # What there is.

    def image(self, digest: str, *tags: str, age: float = 100, **document: Any) -> str:
        self.images[digest] = {"imageDigest": digest, "imageTags": list(tags), "imagePushedAt": ago(age)}
        layers = [{"digest": name, "size": size} for name, size in (("base", 1000), (f"own-{digest}", 10))]
        self.manifests[digest] = document or {"config": layers[0], "layers": layers[1:]}
        return digest

    def definition(self, revision: int, image: str, *, family: str = "cats", status: str = "ACTIVE") -> str:
        arn = f"{ARN}:task-definition/{family}:{revision}"
        self.definitions[arn] = {
            "taskDefinitionArn": arn,
            "family": family,
            "revision": revision,
            "status": status,
            "registeredAt": ago(100),
            "containerDefinitions": [{"name": "web", "image": image}],
        }
        return arn

    def releases(self, count: int) -> None:
        """So many releases of the service ``cats``, each of an image and a definition of its own; the last one runs."""
        for n in range(1, count + 1):
            self.image(f"sha256:{n}", f"{n}.0", age=100 - n)
            self.definition(n, f"{URI}:{n}.0")
            self.proven("cats", n, age=90 - n)
        self.services.append({"serviceName": "cats", "taskDefinition": f"{ARN}:task-definition/cats:{count}"})

    def proven(self, service: str, revision: int, *, age: float) -> None:
        arn = f"{ARN}:service-revision/c/{service}/{revision}"
        self.revisions[arn] = {
            "serviceRevisionArn": arn,
            "taskDefinition": f"{ARN}:task-definition/cats:{revision}",
            "containerImages": [{"containerName": "web", "image": URI, "imageDigest": f"sha256:{revision}"}],
        }
        brief = {"serviceDeploymentArn": f"{ARN}:d/{service}/{revision}", "targetServiceRevisionArn": arn}
        self.deployments.setdefault(service, []).append({**brief, "status": "SUCCESSFUL", "finishedAt": ago(age)})

    @property
    def active(self) -> list[str]:
        return [arn.rsplit("/", 1)[-1] for arn, one in self.definitions.items() if one["status"] == "ACTIVE"]


class Client:
    """A boto3 client of one service, as ``Account`` answers."""

    def __init__(self, account: Account, service: str) -> None:
        self._account = account
        self._service = service

    def __getattr__(self, name: str) -> Callable[..., Any]:
        answer = getattr(_Answers(self._account), name)

        def call(**request: Any) -> Any:
            self._account.calls.append((name, dict(request)))
            self._account.before(name)
            if name in self._account.untold:
                return self._nothing_of(request, self._account.untold[name])
            is_paged = name.startswith("list_") or name == "describe_images"
            return self._page(answer, request) if is_paged else answer(**request)

        return call

    def _page(self, answer: Callable[..., Any], request: dict[str, Any]) -> Any:
        """A part of the list that is the answer, and where the next begins, as ECS, ECR and EventBridge spell it."""
        start = int(request.pop("nextToken", None) or request.pop("NextToken", None) or 0)
        end = start + min(request.pop("maxResults", 100), self._account.page_size)
        ((key, items),) = answer(**request).items()
        token = "NextToken" if key[0].isupper() else "nextToken"
        return {key: items[start:end], **({token: str(end)} if end < len(items) else {})}

    def _nothing_of(self, request: dict[str, Any], reason: str) -> Any:
        asked = next(value for value in request.values() if isinstance(value, list))
        lists = ("tasks", "services", "serviceDeployments", "serviceRevisions")
        return {**dict.fromkeys(lists, ()), "failures": [{"arn": one, "reason": reason} for one in asked]}


class _Answers:
    def __init__(self, account: Account) -> None:
        self._account = account

    # ECS.

    def list_clusters(self) -> Any:
        return {"clusterArns": [f"{ARN}:cluster/c"]}

    def list_services(self, cluster: str) -> Any:
        return {"serviceArns": [f"{cluster}/{one['serviceName']}" for one in self._account.services]}

    def describe_services(self, cluster: str, services: list[str]) -> Any:
        wanted = {arn.rsplit("/", 1)[-1] for arn in services}
        assert cluster
        return {"services": [one for one in self._account.services if one["serviceName"] in wanted], "failures": []}

    def list_tasks(self, cluster: str, desiredStatus: str) -> Any:  # noqa: N803 (boto3's spelling)
        assert cluster
        assert desiredStatus == "RUNNING"
        return {"taskArns": [one["taskArn"] for one in self._account.tasks]}

    def describe_tasks(self, cluster: str, tasks: list[str]) -> Any:
        assert cluster
        return {"tasks": [one for one in self._account.tasks if one["taskArn"] in tasks]}

    def list_task_definitions(self, familyPrefix: str, status: str, sort: str) -> Any:  # noqa: N803
        found = [
            one for one in self._account.definitions.values() if one["family"] == familyPrefix and one["status"] == status
        ]
        assert sort == "DESC"
        newest = sorted(found, key=lambda one: one["revision"], reverse=True)
        return {"taskDefinitionArns": [one["taskDefinitionArn"] for one in newest]}

    def list_task_definition_families(self, status: str) -> Any:
        return {"families": sorted({one["family"] for one in self._account.definitions.values() if one["status"] == status})}

    def describe_task_definition(self, taskDefinition: str, include: list[str]) -> Any:  # noqa: N803
        assert include == ["TAGS"]
        by_name = {arn.rsplit("/", 1)[-1]: one for arn, one in self._account.definitions.items()}
        exactly = self._account.definitions.get(taskDefinition) or by_name.get(taskDefinition)
        found = exactly or self._newest(taskDefinition)
        if found is None:
            raise client_error("DescribeTaskDefinition", "ClientException", "Unable to describe task definition.")
        return {"taskDefinition": dict(found), "tags": []}

    def _newest(self, family: str) -> dict[str, Any] | None:
        name = family.rsplit("/", 1)[-1]
        found = [one for one in self._account.definitions.values() if one["family"] == name and one["status"] == "ACTIVE"]
        return max(found, key=lambda one: one["revision"], default=None)

    def list_service_deployments(self, cluster: str, service: str) -> Any:
        assert cluster
        return {"serviceDeployments": self._account.deployments.get(service, [])}

    def describe_service_deployments(self, serviceDeploymentArns: list[str]) -> Any:  # noqa: N803
        found = [one for of in self._account.deployments.values() for one in of]
        return {"serviceDeployments": [one for one in found if one["serviceDeploymentArn"] in serviceDeploymentArns]}

    def describe_service_revisions(self, serviceRevisionArns: list[str]) -> Any:  # noqa: N803
        return {"serviceRevisions": [self._account.revisions[arn] for arn in serviceRevisionArns]}

    def deregister_task_definition(self, taskDefinition: str) -> Any:  # noqa: N803
        self._account.definitions[taskDefinition]["status"] = "INACTIVE"
        return {}

    def delete_task_definitions(self, taskDefinitions: list[str]) -> Any:  # noqa: N803
        for arn in taskDefinitions:
            assert self._account.definitions[arn]["status"] == "INACTIVE"
            self._account.definitions[arn]["status"] = "DELETE_IN_PROGRESS"
        return {"taskDefinitions": [], "failures": []}

    # EventBridge.

    def list_event_buses(self) -> Any:
        return {"EventBuses": [{"Name": "default"}]}

    def list_rules(self, EventBusName: str) -> Any:  # noqa: N803
        assert EventBusName == "default"
        return {"Rules": [{"Name": name} for name in self._account.rules]}

    def list_targets_by_rule(self, Rule: str, EventBusName: str) -> Any:  # noqa: N803
        assert EventBusName
        return {"Targets": [{"EcsParameters": {"TaskDefinitionArn": self._account.rules[Rule]}}]}

    def list_schedules(self) -> Any:
        return {"Schedules": [{"Name": name, "Target": {"Arn": one["Arn"]}} for name, one in self._account.schedules.items()]}

    def get_schedule(self, Name: str, GroupName: str) -> Any:  # noqa: N803
        assert GroupName == "default"
        return {"Target": self._account.schedules[Name]}

    # ECR.

    def describe_images(self, repositoryName: str, filter: Any) -> Any:  # noqa: A002, N803
        assert repositoryName == "cats"
        assert filter == {"tagStatus": "ANY"}
        return {"imageDetails": [dict(one) for one in self._account.images.values()]}

    def batch_get_image(self, repositoryName: str, imageIds: Any, acceptedMediaTypes: Any) -> Any:  # noqa: N803
        assert repositoryName
        assert acceptedMediaTypes
        digests = [one["imageDigest"] for one in imageIds]
        images = [
            {"imageId": {"imageDigest": one}, "imageManifest": json.dumps(self._account.manifests[one])} for one in digests
        ]
        return {"images": images, "failures": []}

    def batch_delete_image(self, repositoryName: str, imageIds: list[dict[str, str]]) -> Any:  # noqa: N803
        assert repositoryName
        assert len(imageIds) <= 100
        failures = []
        for one in imageIds:
            digest = one["imageDigest"]
            listed = [
                name
                for name in self._account.images
                if any(part["digest"] == digest for part in self._account.manifests[name].get("manifests", ()))
            ]
            code = "ImageReferencedByManifestList" if listed else None
            code = "ImageNotFound" if digest not in self._account.images else code
            if code is None:
                del self._account.images[digest]
            else:
                failures.append({"imageId": one, "failureCode": code, "failureReason": code})
        return {"failures": failures}

    def get_repository_policy(self, repositoryName: str) -> Any:  # noqa: N803
        if self._account.policy is None:
            raise client_error("GetRepositoryPolicy", "RepositoryPolicyNotFoundException", repositoryName)
        return {"policyText": self._account.policy}
