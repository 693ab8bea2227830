"""What users do: they call the region's intents, as the API does, and live with refusals and with answers that never come."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ninelives.model.arns import listener_arn, rule_arn
from ninelives.model.ecs import Cluster, HookStatus, LastStatus, Service, ServiceDeployment, ServiceStatus, Strategy, Task
from ninelives.model.elbv2 import (
    Forward,
    Listener,
    LoadBalancer,
    Rule,
    Target,
    TargetGroup,
    TargetHealthCheck,
    WeightedTargetGroup,
)
from ninelives.model.errors import ApiError
from ninelives.region import (
    ecs_service_deployments,
    ecs_services,
    ecs_task_definitions,
    ecs_tasks,
    elbv2_target_groups,
)
from ninelives.region.ecs_services import ServiceChange
from ninelives.region.ecs_tasks import TasksWanted
from ninelives.region.elbv2_target_groups import TargetDescription
from ninelives.region.ports import Record
from ninelives.region.region import Region
from ninelives.simulator.alarms_and_hooks import ALARMS
from ninelives.simulator.applications import Application, draw_application
from ninelives.simulator.control_plane import PLACE, ControlPlane, Surroundings
from ninelives.simulator.faults import SimulatedFault
from ninelives.simulator.machine import APP, PORT, SIDECAR
from ninelives.simulator.options import BOUNDS, Fault, HookOptions, seconds, stream

CLUSTER = "Staging-Cluster"
TEST_PORTS = 1000
"""How much higher a test listener's port is than that of the production listener."""
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-a"]}}
Act = Callable[[Region], object]


class Users:
    """They reach whatever control plane lives now. ``note`` hears what they do."""

    def __init__(self, around: Surroundings, living: Callable[[], ControlPlane | None], note: Callable[[str], None]) -> None:
        self._options = around.options
        self._around = around
        self._living = living
        self._note = note
        self._random = stream(self._options.seed, "users")
        self._images = 0
        self.names = [f"cats-{number + 1}" for number in range(self._options.services)]

    # How they speak.

    def call(self, what: str, act: Act) -> bool:
        """Whether an answer came that was no refusal."""
        control_plane = self._living()
        if control_plane is None:
            self._note(f"{what}: nobody answers")
            return False
        answers: list[str] = []

        def called() -> None:
            try:
                act(control_plane.region)
                answers.append("done")
            except (ApiError, SimulatedFault) as refusal:
                answers.append(f"refused: {refusal}")

        control_plane.process.within(called)
        self._note(f"{what}: {answers[0] if answers else 'the control plane dies'}")
        return answers == ["done"]

    # Before anything happens.

    def prepare(self, region: Region) -> None:
        """The cluster, and a load balancer with a listener, a rule and target groups for each service."""
        options, now = self._options, region.now()
        balancer = LoadBalancer(
            arn=PLACE.load_balancer("front", "0123456789abcdef"),
            name="front",
            dns_name="127.0.0.2",
            address="127.0.0.2",
            scheme="internal",
            vpc_id="vpc-1",
            zones=(),
            security_groups=(),
            created_at=now,
        )
        with region.state.transaction() as changes:
            changes.put(Cluster(arn=PLACE.cluster(CLUSTER), name=CLUSTER, status="ACTIVE"), balancer)
            for place, name in enumerate(self.names):
                for number in range(options.target_groups):
                    changes.put(*self._front(balancer, name, number, 8000 + place * 10 + number, now))

    def _front(self, balancer: LoadBalancer, name: str, number: int, port: int, now: datetime) -> Iterator[Record]:
        """The target groups, listeners and rules of one load balancer of a service."""
        options = self._options
        pair = [self.target_group_arn(name, number, is_alternate=is_alternate) for is_alternate in (False, True)]
        groups = pair if options.is_shifting else pair[:1]
        for arn in groups:
            yield TargetGroup(
                arn=arn,
                name=arn.split("/")[1],
                protocol="HTTP",
                port=PORT,
                vpc_id="vpc-1",
                target_type="ip",
                protocol_version="HTTP1",
                health_check=TargetHealthCheck(interval=seconds(options.check_interval), healthy_threshold=2),
                created_at=now,
                attributes={"deregistration_delay.timeout_seconds": str(options.deregistration_delay)},
            )
        yield from self._listener(balancer, port, groups)
        if options.is_shifting and options.has_test_listener:
            yield from self._listener(balancer, port + TEST_PORTS, groups[::-1] if options.seed % 2 else groups)

    @staticmethod
    def _listener(balancer: LoadBalancer, port: int, groups: Sequence[str]) -> Iterator[Record]:
        """A listener that forwards to the first of ``groups``; the others have no weight."""
        listener = Listener(
            arn=listener_arn(balancer.arn, f"{port}"),
            load_balancer_arn=balancer.arn,
            port=port,
            bound_port=port,
            protocol="HTTP",
        )
        weighted = (WeightedTargetGroup(arn=arn, weight=100 * (place == 0)) for place, arn in enumerate(groups))
        yield listener
        yield Rule(
            arn=rule_arn(listener.arn, "default"),
            listener_arn=listener.arn,
            priority=None,
            conditions=(),
            action=Forward(target_groups=tuple(weighted), by_arn=False),
        )

    @staticmethod
    def target_group_arn(name: str, number: int, *, is_alternate: bool = False) -> str:
        return PLACE.target_group(f"{name}-{number}{'-alternate' if is_alternate else ''}", "0123456789abcdef")

    @staticmethod
    def rule_arn(port: int) -> str:
        return rule_arn(listener_arn(PLACE.load_balancer("front", "0123456789abcdef"), f"{port}"), "default")

    # Releases.

    def release(self, name: str, application: Application) -> bool:
        """Register a version and deploy it: CreateService the first time, else UpdateService."""
        self._images += 1
        image = f"{name}:{self._images}"
        self._around.machine.applications[image] = application

        def act(region: Region) -> None:
            definition = ecs_task_definitions.register_task_definition(
                region, self._definition(name, image), registered_by="user", tags={}
            )
            service = region.state.services.get(PLACE.service(CLUSTER, name))
            if service is None or service.status is ServiceStatus.INACTIVE:
                ecs_services.create_service(
                    region, CLUSTER, name=name, given=self._service(name, definition.arn), tags={}, created_by="user"
                )
            else:
                ecs_services.update_service(region, CLUSTER, name, ServiceChange(given={"taskDefinition": definition.arn}))

        return self.call(f"{name}: release {image}, which is {application.name}", act)

    def _definition(self, family: str, image: str) -> dict[str, Any]:
        options = self._options
        app: dict[str, Any] = {
            "name": APP,
            "image": image,
            "portMappings": [{"containerPort": PORT}],
            "stopTimeout": options.stop_timeout,
        }
        if options.has_health_check:
            app["healthCheck"] = {"command": ["CMD", "true"], "interval": 5}
        containers = [app]
        if options.has_sidecar:
            containers.append({"name": SIDECAR, "image": "sidecar:1", "essential": False, "stopTimeout": options.stop_timeout})
        return {
            "family": family,
            "requiresCompatibilities": ["FARGATE"],
            "networkMode": "awsvpc",
            "cpu": "256",
            "memory": "512",
            "containerDefinitions": containers,
        }

    def _service(self, name: str, definition: str) -> dict[str, Any]:
        options = self._options
        given: dict[str, Any] = {
            "taskDefinition": definition,
            "desiredCount": options.desired_count,
            "launchType": "FARGATE",
            "networkConfiguration": NETWORK,
            "deploymentConfiguration": self._configuration(),
        }
        if options.target_groups:
            given["healthCheckGracePeriodSeconds"] = options.grace_period
            given["loadBalancers"] = [self._load_balancer(name, number) for number in range(options.target_groups)]
        return given

    def _configuration(self) -> dict[str, Any]:
        options = self._options
        enable, rollback, reset = options.breaker
        kind, value = options.threshold
        is_on, rolls_back = options.alarms
        given: dict[str, Any] = {
            "strategy": str(options.strategy),
            "minimumHealthyPercent": options.minimum_healthy_percent,
            "maximumPercent": options.maximum_percent,
            "bakeTimeInMinutes": options.bake_minutes,
            "deploymentCircuitBreaker": {
                "enable": enable,
                "rollback": rollback,
                "resetOnHealthyTask": reset,
                "thresholdConfiguration": {"type": kind, "value": value},
            },
            "canaryConfiguration": {
                "canaryPercent": options.step_percent,
                "canaryBakeTimeInMinutes": options.step_bake_minutes,
            },
            "linearConfiguration": {"stepPercent": options.step_percent, "stepBakeTimeInMinutes": options.step_bake_minutes},
            "lifecycleHooks": [_hook(one) for one in options.hooks],
        }
        if is_on:
            given["alarms"] = {"alarmNames": list(ALARMS), "enable": True, "rollback": rolls_back}
        if options.early_success is not None:
            percent, clean_up = options.early_success
            given["earlySuccessCriteria"] = {
                "enable": True,
                "healthyPercent": percent,
                "sourceServiceRevisionCleanup": clean_up,
            }
        return given

    def _load_balancer(self, name: str, number: int) -> dict[str, Any]:
        given = {"targetGroupArn": self.target_group_arn(name, number), "containerName": APP, "containerPort": PORT}
        if not self._options.is_shifting:
            return given
        port = 8000 + self.names.index(name) * 10 + number
        advanced = {
            "alternateTargetGroupArn": self.target_group_arn(name, number, is_alternate=True),
            "productionListenerRule": self.rule_arn(port),
            "roleArn": "arn:aws:iam::123456789012:role/ecs",
        }
        if self._options.has_test_listener:
            advanced["testListenerRule"] = self.rule_arn(port + TEST_PORTS)
        return given | {"advancedConfiguration": advanced}

    # What else they do.

    def update(self, name: str, **given: Any) -> bool:
        def act(region: Region) -> None:
            ecs_services.update_service(region, CLUSTER, name, ServiceChange(given=given))

        return self.call(f"{name}: update {given}", act)

    def force(self, name: str) -> bool:
        def act(region: Region) -> None:
            ecs_services.update_service(region, CLUSTER, name, ServiceChange(force_new_deployment=True))

        return self.call(f"{name}: force a new deployment", act)

    def delete(self, name: str) -> bool:
        return self.call(
            f"{name}: delete the service", lambda region: ecs_services.delete_service(region, CLUSTER, name, force=True)
        )

    def roll_back(self, name: str) -> bool:
        def act(region: Region) -> None:
            service = region.state.services[PLACE.service(CLUSTER, name)]
            ecs_service_deployments.stop_service_deployment(region, service.current_service_deployment_arn or "")

        return self.call(f"{name}: roll back", act)

    def do_something(self) -> None:
        """One of the things that the users of this world do."""
        name = self._random.choice(self.names)
        kinds = [fault for fault in _DEEDS if self._options.has(fault)]
        kind = self._random.choice([*kinds, None])
        if kind is not None:
            _DEEDS[kind](self, name)

    def _deploy(self, name: str) -> None:
        if self._random.random() < 0.2:  # noqa: PLR2004 - a likelihood
            self.force(name)
        else:
            self.release(name, self.drawn_application())

    def drawn_application(self) -> Application:
        return draw_application(self._random, may_be_bad=self._options.has(Fault.BAD_RELEASES))

    def _scale(self, name: str) -> None:
        self.update(name, desiredCount=self._random.choice((0, 1, 1, 2, 2, 3, 4, 5)))

    def _stop_a_task(self, name: str) -> None:
        task = self._some_task(name)
        if task is not None:
            self.call(
                f"{name}: stop task {task.id}", lambda region: ecs_tasks.stop_task(region, CLUSTER, task.arn, reason=None)
            )

    def _protect(self, name: str) -> None:
        task = self._some_task(name)
        if task is not None:
            is_protected = self._random.random() < 0.8  # noqa: PLR2004 - a likelihood
            self.call(
                f"{name}: protect task {task.id}",
                lambda region: ecs_tasks.update_task_protection(
                    region, CLUSTER, [task.arn], is_protected=is_protected, expires_in_minutes=self._random.choice((1, 2))
                ),
            )

    def _reconfigure(self, name: str) -> None:
        minimum, maximum = self._random.choice(BOUNDS)
        configuration = {"minimumHealthyPercent": minimum, "maximumPercent": maximum}
        self.update(name, deploymentConfiguration=configuration)

    def _change_strategy(self, name: str) -> None:
        if self._options.is_shifting:
            strategy = self._random.choice(list(Strategy))
            self.update(name, deploymentConfiguration={"strategy": str(strategy)})

    def _decide(self, name: str) -> None:
        """Answer a pause."""
        action = self._random.choice(("CONTINUE", "CONTINUE", "ROLLBACK"))
        self.answer_pauses(name, action)

    def answer_pauses(self, name: str, action: str = "CONTINUE") -> None:
        for one in self.open_service_deployments(name):
            for hook in one.hooks:
                if hook.status is HookStatus.AWAITING_ACTION:
                    self.call(
                        f"{name}: {action} at {hook.stage}",
                        lambda region, one=one, hook=hook: ecs_service_deployments.continue_service_deployment(  # type: ignore[misc] # mypy knows no lambda with a default
                            region, one.arn, hook.hook_id, action=action
                        ),
                    )

    def _run_tasks(self, name: str) -> None:
        self._images += 1
        image = f"job:{self._images}"
        self._around.machine.applications[image] = replace(self.drawn_application(), life=self._random.choice((3.0, 30.0)))

        def act(region: Region) -> None:
            definition = ecs_task_definitions.register_task_definition(
                region, self._definition("job", image), registered_by="user", tags={}
            )
            wanted = TasksWanted(
                task_definition=definition.arn,
                overrides={},
                overrides_length=2,
                given={"launchType": "FARGATE", "networkConfiguration": NETWORK},
                tags={},
            )
            ecs_tasks.run_task(region, CLUSTER, wanted)

        self.call(f"run {image} beside {name}", act)

    def _tamper(self, name: str) -> None:
        groups = {
            self.target_group_arn(name, number, is_alternate=is_alternate)
            for number in range(self._options.target_groups)
            for is_alternate in (False, True)
        }
        targets: list[Target] = [one for one in self._around.disk.tables[Target].values() if one.target_group_arn in groups]
        if targets:
            target = self._random.choice(targets)
            described = TargetDescription(id=target.id, port=target.port)
            self.call(
                f"{name}: deregister {target.id}:{target.port} by hand",
                lambda region: elbv2_target_groups.deregister(region, target.target_group_arn, [described]),
            )

    def _some_task(self, name: str) -> Task | None:
        arn = PLACE.service(CLUSTER, name)
        tasks = [
            one
            for one in self._around.disk.tables[Task].values()
            if one.service_arn == arn and one.last_status is not LastStatus.STOPPED
        ]
        return self._random.choice(tasks) if tasks else None

    # Once faults have stopped.

    def put_right(self, name: str) -> None:
        """What an operator does when all is over: bounds that lock nothing, and a grace period that boots fit into."""
        service: Service = self._around.disk.tables[Service][PLACE.service(CLUSTER, name)]
        if service.status is not ServiceStatus.ACTIVE:
            return
        configuration = {
            "minimumHealthyPercent": 100,
            "maximumPercent": 200,
            "earlySuccessCriteria": {"enable": False, "healthyPercent": 100},
        }
        given: dict[str, Any] = {"deploymentConfiguration": configuration}
        if self._options.target_groups:
            given["healthCheckGracePeriodSeconds"] = 60
        self.update(name, **given)

    def give_all_traffic_to_one_side(self, name: str) -> None:
        """What an operator does where a deployment failed in its shift, with nothing to go back to: ECS asks for it."""

        def act(region: Region) -> None:
            with region.state.transaction() as changes:
                for number in range(self._options.target_groups):
                    rule = region.state.rules[self.rule_arn(8000 + self.names.index(name) * 10 + number)]
                    assert isinstance(rule.action, Forward)
                    first, *others = sorted(rule.action.target_groups, key=lambda group: group.weight, reverse=True)
                    groups = (replace(first, weight=100), *(replace(group, weight=0) for group in others))
                    changes.put(replace(rule, action=replace(rule.action, target_groups=groups)))
            region.wake()

        if self._options.is_shifting:
            self.call(f"{name}: give all traffic to one side", act)

    def open_service_deployments(self, name: str) -> list[ServiceDeployment]:
        arn = PLACE.service(CLUSTER, name)
        return [
            one
            for one in self._around.disk.tables[ServiceDeployment].values()
            if one.service_arn == arn and not one.status.is_terminal
        ]


def _hook(options: HookOptions) -> dict[str, Any]:
    given: dict[str, Any] = {
        "lifecycleStages": [str(stage) for stage in options.stages],
        "timeoutConfiguration": {"timeoutInMinutes": options.timeout_minutes, "action": options.action},
    }
    if options.function == 0:
        return given | {"targetType": "PAUSE"}
    return given | {
        "targetType": "AWS_LAMBDA",
        "hookTargetArn": f"arn:aws:lambda:eu-west-1:123456789012:function:hook-{options.function}",
        "roleArn": "arn:aws:iam::123456789012:role/hooks",
    }


_DEEDS: dict[Fault, Callable[[Users, str], object]] = {
    Fault.USERS_DEPLOY: Users._deploy,  # noqa: SLF001 - a table of its own methods
    Fault.USERS_SCALE: Users._scale,  # noqa: SLF001
    Fault.USERS_STOP_TASKS: Users._stop_a_task,  # noqa: SLF001
    Fault.USERS_ROLL_BACK: Users.roll_back,
    Fault.USERS_PROTECT: Users._protect,  # noqa: SLF001
    Fault.USERS_RECONFIGURE: Users._reconfigure,  # noqa: SLF001
    Fault.USERS_RUN_TASKS: Users._run_tasks,  # noqa: SLF001
    Fault.USERS_CHANGE_STRATEGY: Users._change_strategy,  # noqa: SLF001
    Fault.USERS_DECIDE: Users._decide,  # noqa: SLF001
    Fault.TARGETS_ARE_TAMPERED: Users._tamper,  # noqa: SLF001
}
