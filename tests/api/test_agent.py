"""What a task's containers ask of the agent: metadata, protection, credentials; each by an id that only it knows."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ecs_world import NETWORK, NOW, PLACE, World, container, fargate

from ninelives.api.agent import Agent, agent_app
from ninelives.model.ecs import HealthStatus, LastStatus, Task, TaskAddress
from ninelives.region.tasks import launch_of

ROLE = "arn:aws:iam::111122223333:role/cats"
URL = "http://169.254.170.2:50000"


class Answer:
    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.body: Any = json.loads(body)


class Containers:
    """A region with tasks, and what their containers see of the agent."""

    def __init__(self) -> None:
        self.world = World()
        self.assumed: list[Mapping[str, Any]] = []
        self.agent = Agent(self.world.region, key=b"key", call=self._call)
        self.agent.statistics = self._statistics
        self.agent.url = self.agent.aws_url = URL

    async def _call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        assert (service, operation) == ("sts", "AssumeRole")
        self.assumed.append(parameters)
        keys = {"AccessKeyId": "ASIA1", "SecretAccessKey": "secret", "SessionToken": "token"}
        return {"Credentials": keys | {"Expiration": self.world.clock.time + timedelta(hours=1)}}

    async def _statistics(self, task_arn: str) -> Mapping[str, Mapping[str, Any]]:
        assert task_arn in self.world.region.state.tasks
        return {"web": {"memory_stats": {"usage": 1}}}

    def service_task(self, **members: Any) -> Task:
        self.world.call("CreateCluster", clusterName="c")
        definition = fargate(containerDefinitions=[container(cpu=128, **members)], taskRoleArn=ROLE)
        self.world.call("RegisterTaskDefinition", **definition)
        deployment_id = self.world.create(enableECSManagedTags=True)["deployments"][0]["id"]
        (task,) = self.world.tasks_of(deployment_id, LastStatus.RUNNING)
        return self.running(task)

    def lone_task(self) -> Task:
        self.world.call("CreateCluster", clusterName="lone")
        self.world.call("RegisterTaskDefinition", **fargate(family="lone"))
        self.world.call("RunTask", cluster="lone", taskDefinition="lone", launchType="FARGATE", networkConfiguration=NETWORK)
        (task,) = [one for one in self.world.region.state.tasks.values() if one.service_arn is None]
        return self.running(task)

    def running(self, task: Task) -> Task:
        (web,) = task.containers
        web = replace(
            web, last_status="RUNNING", runtime_id="0f3d", health_status=HealthStatus.HEALTHY, restart_count=2, started_at=NOW
        )
        task = replace(
            task,
            last_status=LastStatus.RUNNING,
            containers=(web,),
            address=TaskAddress(ip="172.17.0.2"),
            started_at=NOW,
            pull_started_at=NOW,
            pull_stopped_at=NOW,
        )
        self.world.put(task)
        return task

    def told(self, task: Task) -> dict[str, str]:
        return self.agent.variables(launch_of(self.world.region, task), "web")

    def ask(self, url: str, method: str = "GET", body: Any = None, client: str = "169.254.170.7") -> Answer:
        path = url.removeprefix(URL)
        sent: list[Mapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"" if body is None else json.dumps(body).encode()}

        async def send(message: Mapping[str, Any], /) -> None:
            sent.append(message)

        async def door(_scope: Any, _receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 299})
            await send({"type": "http.response.body", "body": b'"aws"'})

        aws: Any = door
        scope = {"type": "http", "method": method, "path": path, "headers": [], "client": (client, 1)}
        asyncio.run(agent_app(self.agent, network="169.254.170.0/24", aws=aws)(scope, receive, send))
        return Answer(sent[0]["status"], sent[1]["body"])


def test_a_container_finds_itself_and_its_task() -> None:
    seen = Containers()
    task = seen.service_task(restartPolicy={"enabled": True}, dockerLabels={"team": "cats"})
    url = seen.told(task)["ECS_CONTAINER_METADATA_URI_V4"]

    itself, whole = seen.ask(url).body, seen.ask(f"{url}/task").body

    assert (itself["Name"], itself["DockerId"], itself["KnownStatus"]) == ("web", "0f3d", "RUNNING")
    assert itself["Labels"]["com.amazonaws.ecs.task-arn"] == task.arn
    assert itself["Labels"]["team"] == "cats"
    assert itself["Networks"][0]["IPv4Addresses"] == ["172.17.0.2"]
    assert (itself["StartedAt"], whole["AvailabilityZone"]) == (NOW.isoformat().replace("+00:00", "Z"), "eu-west-1a")
    assert itself["ContainerARN"] == task.containers[0].arn
    assert (itself["Limits"], itself["RestartCount"]) == ({"CPU": 128}, 2)
    assert (whole["TaskARN"], whole["Cluster"]) == (task.arn, PLACE.cluster("c"))
    assert (whole["Family"], whole["Revision"], whole["ServiceName"]) == ("cats", "1", "s")
    assert (whole["LaunchType"], whole["Limits"]) == ("FARGATE", {"CPU": 0.25, "Memory": 512})
    assert whole["Containers"] == [itself]
    assert "TaskTags" not in whole
    assert "TaskTags" in seen.ask(f"{url}/taskWithTags").body


def test_statistics_are_those_of_the_runtime_by_docker_id() -> None:
    seen = Containers()
    url = seen.told(seen.service_task())["ECS_CONTAINER_METADATA_URI_V4"]

    assert seen.ask(f"{url}/stats").body == {"memory_stats": {"usage": 1}}
    assert seen.ask(f"{url}/task/stats").body == {"0f3d": {"memory_stats": {"usage": 1}}}


def test_an_id_that_was_guessed_is_not_answered() -> None:
    seen = Containers()
    task, lone = seen.service_task(), seen.lone_task()
    told = seen.told(task)
    url = told["ECS_CONTAINER_METADATA_URI_V4"]

    for guess in (url[:-1] + ("0" if url[-1] != "0" else "1"), f"{URL}/v4/{task.id}", f"{URL}/v4/", f"{URL}/v4/é"):
        assert seen.ask(guess).status == 404
    assert url != seen.told(lone)["ECS_CONTAINER_METADATA_URI_V4"]
    assert seen.ask(told["AWS_CONTAINER_CREDENTIALS_FULL_URI"].replace(task.id, lone.id)).status == 400


def test_only_callers_from_the_tasks_network_are_answered() -> None:
    seen = Containers()
    url = seen.told(seen.service_task())["ECS_CONTAINER_METADATA_URI_V4"]

    assert seen.ask(url, client="192.0.2.9").status == 403
    assert seen.ask(f"{URL}/", client="192.0.2.9").status == 403


def test_other_paths_are_those_of_the_aws_api() -> None:
    seen = Containers()

    assert seen.told(seen.service_task())["AWS_ENDPOINT_URL"] == URL
    assert seen.ask(f"{URL}/").status == 299


def test_a_service_s_task_protects_itself_for_a_while() -> None:
    seen = Containers()
    task = seen.service_task()
    url = f"{seen.told(task)['ECS_AGENT_URI']}/task-protection/v1/state"

    before = seen.ask(url).body
    protected = seen.ask(url, "PUT", {"ProtectionEnabled": True, "ExpiresInMinutes": 60}).body["protection"]
    shown = seen.world.call("GetTaskProtection", cluster="c", tasks=[task.arn])["protectedTasks"][0]
    after = seen.ask(url, "PUT", {"ProtectionEnabled": False}).body

    assert before == after == {"protection": {"ProtectionEnabled": False, "TaskArn": task.arn}}
    assert (protected["ProtectionEnabled"], protected["TaskArn"]) == (True, task.arn)
    assert protected["ExpirationDate"].endswith("Z")
    assert shown["protectionEnabled"] is True


def test_protection_that_cannot_be_is_told() -> None:
    seen = Containers()
    lone = f"{seen.told(seen.lone_task())['ECS_AGENT_URI']}/task-protection/v1/state"
    url = f"{seen.told(seen.service_task())['ECS_AGENT_URI']}/task-protection/v1/state"

    assert seen.ask(lone, "PUT", {"ProtectionEnabled": True}).body["failure"]["Reason"] == "TASK_NOT_VALID"
    for body in ({}, {"ProtectionEnabled": "yes"}, {"ProtectionEnabled": True, "ExpiresInMinutes": 0}, [1]):
        answer = seen.ask(url, "PUT", body)
        assert (answer.status, answer.body["error"]["Code"]) == (400, "InvalidParameterException")


def test_a_task_with_a_role_gets_its_credentials_and_renews_them_in_time() -> None:
    seen = Containers()
    task = seen.service_task()
    url = seen.told(task)["AWS_CONTAINER_CREDENTIALS_FULL_URI"]

    first = seen.ask(url).body
    seen.ask(url)
    assert len(seen.assumed) == 1
    seen.world.clock.time += timedelta(minutes=50)
    seen.ask(url)

    assert (first["RoleArn"], first["AccessKeyId"], first["Token"]) == (ROLE, "ASIA1", "token")
    assert seen.assumed == [{"RoleArn": ROLE, "RoleSessionName": task.id}] * 2
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" not in seen.told(seen.lone_task())


def test_before_the_agent_listens_nobody_is_told_of_it() -> None:
    seen = Containers()
    seen.agent.url = None

    assert seen.told(seen.service_task()) == {}
