"""An account for releases to be made in: moto's, with the records of service deployments that moto has not."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from ninelives.deploy.aws import Aws, error_code
from ninelives.deploy.clock import WallClock
from ninelives.deploy.follow import Progress
from ninelives.deploy.host_image import MANIFEST_TYPE
from ninelives.deploy.options import Builder, Options
from ninelives.deploy.reading import Definition, parse_service_file
from ninelives.deploy.release import Release, Report, Session, deploy
from ninelives.deploy.reports import Act, Step

REGION = "eu-west-1"
SESSION = boto3.Session(region_name=REGION)
"""One for all tests: it reads botocore's models once."""
TEXT = """
service: cats
cluster: Staging-Cluster
image: {build: .}
port: 4567
count: 2
health: {path: /health, interval: 7s}
drain: {deregistration_delay: 12s, stop_timeout: 9s}
load_balancer: {port: 8080}
variables: {RACK_ENV: production}
deploy: {rollback: {failures: 2}}
environments: {staging: {}}
"""


class ServiceDeployments:
    """ECS as moto has it, and the records of service deployments, which moto has not: every change of task definition
    is one, and succeeds at once.
    """

    def __init__(self, ecs: Any) -> None:
        self.ecs = ecs
        self.made: list[dict[str, Any]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ecs, name)

    def create_service(self, **request: Any) -> Any:
        self.calls.append(("CreateService", request))
        return self._with_number(self.ecs.create_service(**request), request)

    def update_service(self, **request: Any) -> Any:
        self.calls.append(("UpdateService", request))
        members = {name: value for name, value in request.items() if name != "deploymentConfiguration"}
        return self._with_number(self.ecs.update_service(**members), request)

    def describe_services(self, **request: Any) -> Any:
        answer = self.ecs.describe_services(**request)
        for service in answer["services"]:
            self._number(service)
        return answer

    def list_service_deployments(self, **_: Any) -> Any:
        return {"serviceDeployments": [{**one, "targetServiceRevisionArn": one["revision"]} for one in reversed(self.made)]}

    def describe_service_deployments(self, serviceDeploymentArns: list[str]) -> Any:  # noqa: N803 (boto3's spelling)
        found = [one for one in self.made if one["serviceDeploymentArn"] in serviceDeploymentArns]
        return {"serviceDeployments": [{**one, "targetServiceRevision": {"arn": one["revision"]}} for one in found]}

    def describe_service_revisions(self, serviceRevisionArns: list[str]) -> Any:  # noqa: N803 (boto3's spelling)
        found = [one for one in self.made if one["revision"] in serviceRevisionArns]
        return {
            "serviceRevisions": [{"serviceRevisionArn": one["revision"], "taskDefinition": one["definition"]} for one in found]
        }

    def _with_number(self, answer: Any, request: Mapping[str, Any]) -> Any:
        definition = request["taskDefinition"]
        if not self.made or self.made[-1]["definition"] != definition or request.get("forceNewDeployment"):
            number = str(len(self.made) + 1)
            when = WallClock().now()
            self.made.append(
                {
                    "serviceDeploymentArn": f"arn:aws:ecs:{REGION}:1:service-deployment/c/cats/sd-{number}",
                    "revision": f"arn:aws:ecs:{REGION}:1:service-revision/c/cats/{number}",
                    "definition": definition,
                    "status": "SUCCESSFUL",
                    "createdAt": when,
                    "finishedAt": when,
                }
            )
        self._number(answer["service"])
        return answer

    def _number(self, service: dict[str, Any]) -> None:
        """One PRIMARY deployment, that of the last service deployment."""
        last = self.made[-1]
        service["deployments"] = [
            {
                "id": f"ecs-svc/{last['revision'].rsplit('/', 1)[-1]}",
                "status": "PRIMARY",
                "rolloutState": "COMPLETED",
                "taskDefinition": last["definition"],
            }
        ]


class Stacks:
    """CloudFormation with no stack but those of ``outputs``."""

    def __init__(self) -> None:
        self.outputs: dict[str, dict[str, str]] = {}
        self.status = "CREATE_COMPLETE"

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 (boto3's own)
        if StackName not in self.outputs:
            refusal: Any = {"Code": "ValidationError", "Message": f"Stack with id {StackName} does not exist"}
            raise ClientError({"Error": refusal}, "DescribeStacks")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs[StackName].items()]
        return {"Stacks": [{"StackName": StackName, "StackStatus": self.status, "Outputs": outputs}]}


class World:
    """An account, the tool's session in it, and what the tool said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clients: dict[str, Any] = {
            name: SESSION.client(name, region_name=REGION) for name in ("ecr", "elbv2", "ec2", "iam", "logs")
        }
        self.stacks = self.clients["cloudformation"] = Stacks()
        self.ecs = ServiceDeployments(SESSION.client("ecs", region_name=REGION))
        self.steps: list[Step] = []
        self.seen: list[Progress] = []

    def client(self, name: str) -> Any:
        if name == "ecs":
            return self.ecs
        return self.clients.get(name) or SESSION.client(name, region_name=REGION)  # type: ignore[call-overload]  # any service

    def session(self, text: str = TEXT, environment: str = "local") -> Session:
        definition = Definition(
            path=self.folder / "ninelives.yml", environment=environment, file=parse_service_file(text, environment)
        )
        aws = Aws(self.client, region=REGION, is_local=environment == "local")
        return Session(aws=aws, definition=definition, clock=WallClock(), listener=self._heard)

    def _heard(self, report: Report) -> None:
        if isinstance(report, Step):
            self.steps.append(report)
        else:
            self.seen.append(report)

    def said(self, act: Act) -> list[str]:
        return [step.text for step in self.steps if step.act is act]

    def has_image(self, version: str) -> None:
        """Put an image under a tag, as if it had been pushed."""
        try:
            self.clients["ecr"].create_repository(repositoryName="cats")
        except Exception as error:
            if error_code(error) != "RepositoryAlreadyExistsException":
                raise
        manifest = json.dumps(
            {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "annotations": {"version": version}, "layers": []}
        )
        self.clients["ecr"].put_image(repositoryName="cats", imageManifest=manifest, imageTag=version)

    def deploy(self, version: str, text: str = TEXT, *, force: bool = False) -> Release:
        return deploy(self.session(text), version, Options(builder=Builder.HOST, timeout=timedelta(seconds=20), force=force))

    def definition(self) -> dict[str, Any]:
        """The newest task definition, as ECS describes it."""
        found: dict[str, Any] = self.ecs.describe_task_definition(taskDefinition="cats", include=["TAGS"])
        return found
