"""Reads the API for the page: what cannot change is read once, what changes slowly is read seldom.

Everything here blocks; ``hub`` calls it from threads, one call at a time for each thing that is read.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from ninelives.console.charts import base_period, charts_view, queries, window_of
from ninelives.console.facts import Answer, Bake, MetricSource, ServiceFacts
from ninelives.console.troubles import Kind, trouble_of
from ninelives.deploy.aws import Aws, error_code, pages
from ninelives.deploy.clock import Clock
from ninelives.deploy.errors import NotFound
from ninelives.deploy.follow import Bakes
from ninelives.deploy.history import PastRelease, releases_of
from ninelives.deploy.observation import (
    TASKS_A_CALL,
    Observation,
    number_of,
    read_service,
    read_service_deployment,
    time_scale_of,
)
from ninelives.deploy.service_call import describe_task_definition
from ninelives.deploy.task_definition import version_of

T = TypeVar("T")
Named = tuple[str, str]
"""Cluster and service, by name."""

SERVICES_A_CALL = 10
LINES_AT_MOST = 1000
LINES_READ = 20_000
HALVED_AT_MOST = 10
"""How often a stretch of time with more lines than ``LINES_READ`` is halved for its end."""
RELEASES_SHOWN = 30
KEPT_AT_MOST = 2000
"""Entries of a memory of what does not change."""
CLIENTS = ("ecs", "elbv2", "cloudwatch", "logs", "scaling")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds between two looks: while a release is under way, and in quiet times."""

    busy: float
    quiet: float
    slow: float
    """For what seldom changes: alarms, bounds of scaling."""
    overview: float
    each_service: float
    """A list of many services is read more seldom: DescribeServices takes ten at once."""
    charts: float
    lines: float


NEAR = Pace(busy=0.5, quiet=1.0, slow=5.0, overview=2.0, each_service=0.02, charts=3.0, lines=1.0)
"""An embedded region: nothing is asked of anybody else."""
AWS = Pace(busy=3.0, quiet=10.0, slow=30.0, overview=30.0, each_service=0.25, charts=30.0, lines=3.0)


class Reader:
    """The API as the page reads it, with a memory."""

    def __init__(self, connect: Callable[[], Aws], clock: Clock) -> None:
        self._connect = connect
        self.clock = clock
        self.calls = 0
        """How many requests were made."""
        self.time_scale = 1.0
        self._aws: Aws | None = None
        self._versions: dict[str, str] = {}
        self._revisions: dict[str, Answer] = {}
        self._slow: dict[tuple[str, ...], tuple[float, Any]] = {}
        self._past: dict[Named, tuple[tuple[str, str], list[PastRelease]]] = {}
        self._bakes: dict[str, Bakes] = {}
        self._lock = threading.Lock()

    @property
    def aws(self) -> Aws:
        """The API, reached when it is first asked. Raises what ``connect`` raises."""
        with self._lock:  # clients may not be made by two threads at once
            if self._aws is None:
                aws = self._connect()
                for name in CLIENTS:
                    events = getattr(getattr(getattr(aws, name), "meta", None), "events", None)
                    if events is not None:
                        events.register("before-send", self._counted)
                self._aws = aws
            return self._aws

    @property
    def pace(self) -> Pace:
        """How often to look; until the API was reached, as often as at one that is near."""
        return AWS if self._aws is not None and not self._aws.is_near else NEAR

    def let_go(self) -> None:
        """Reach the API anew the next time: the credentials may be others then."""
        with self._lock:
            self._aws = None

    def _counted(self, **_: Any) -> None:
        self.calls += 1

    def overview(self) -> list[Answer]:
        """Every service of every cluster, as DescribeServices has it."""
        ecs = self.aws.ecs
        found: list[Answer] = []
        for cluster in pages(ecs.list_clusters, "clusterArns"):
            arns = list(pages(ecs.list_services, "serviceArns", cluster=cluster, maxResults=100))
            for start in range(0, len(arns), SERVICES_A_CALL):
                answer = ecs.describe_services(cluster=cluster, services=arns[start : start + SERVICES_A_CALL])
                self.time_scale = time_scale_of(answer)
                found += answer["services"]
        return found

    def service(self, named: Named) -> ServiceFacts:
        """A service as it is now. Raises ``NotFound`` where there is none."""
        cluster, name = named
        answer = self.aws.ecs.describe_services(cluster=cluster, services=[name])
        service: Answer | None = next(iter(answer["services"]), None)
        if service is None or service["status"] == "INACTIVE":
            raise NotFound(
                f"There is no service {name} in cluster {cluster}.", hint="Deploy it with `ninelives deploy VERSION`."
            )
        self.time_scale = time_scale_of(answer)
        troubles: dict[str, str] = {}
        deployment = self._newest(named)
        tasks = self._tasks(named)  # after the deployment: a task that ends in between is seen ended
        part = _Parts(troubles)
        nothing: dict[str, Any] = {}
        unscaled: tuple[Answer | None, list[Answer]] = (None, [])
        groups = read_service(service).target_groups
        targets = part.of("targets", nothing, lambda: {group: self._targets(group) for group in groups})
        rules = part.of("traffic", nothing, lambda: self._rules(service))
        revisions = part.of("revisions", nothing, lambda: self._revisions_of(deployment, tasks, service))
        definitions = {service["taskDefinition"], *(one["taskDefinition"] for one in revisions.values())}
        facts = ServiceFacts(
            at=self.clock.now(),
            service=service,
            deployment=deployment,
            tasks=tasks,
            targets=targets,
            rules=rules,
            revisions=revisions,
            versions=part.of("versions", nothing, lambda: {arn: self.version(arn) for arn in definitions if arn}),
            alarms=part.of("alarms", [], lambda: self._alarms(named, service, deployment)),
            past=part.of("history", [], lambda: self.past(named, deployment)),
            url=part.of("address", None, lambda: self._url(named, rules)),
            time_scale=self.time_scale,
            troubles=troubles,
        )
        target, activities = part.of("scaling", unscaled, lambda: self._scaling(named))
        return replace(facts, scalable_target=target, scaling_activities=activities, bake=self._bake(facts))

    def _newest(self, named: Named) -> Answer | None:
        ecs = self.aws.ecs
        brief = ecs.list_service_deployments(cluster=named[0], service=named[1], maxResults=10)["serviceDeployments"]
        newest: Answer | None = max(brief, key=lambda one: one["createdAt"], default=None)
        if newest is None:
            return None
        answer = ecs.describe_service_deployments(serviceDeploymentArns=[newest["serviceDeploymentArn"]])
        full: list[Answer] = answer["serviceDeployments"]
        return next(iter(full), newest)

    def _tasks(self, named: Named) -> list[Answer]:
        ecs, (cluster, name) = self.aws.ecs, named
        arns: list[str] = []
        for status in ("RUNNING", "STOPPED"):
            arns += pages(ecs.list_tasks, "taskArns", cluster=cluster, serviceName=name, desiredStatus=status)
        found: list[Answer] = []
        for start in range(0, len(arns), TASKS_A_CALL):
            found += ecs.describe_tasks(cluster=cluster, tasks=arns[start : start + TASKS_A_CALL])["tasks"]
        return found

    def _targets(self, group: str) -> list[Answer]:
        found: list[Answer] = self.aws.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return found

    def _rules(self, service: Answer) -> dict[str, Answer]:
        advanced = [one.get("advancedConfiguration") or {} for one in service.get("loadBalancers") or ()]
        arns = [one[key] for one in advanced for key in ("productionListenerRule", "testListenerRule") if one.get(key)]
        if not arns:
            return {}
        return {one["RuleArn"]: one for one in self.aws.elbv2.describe_rules(RuleArns=arns)["Rules"]}

    def _revisions_of(self, deployment: Answer | None, tasks: Sequence[Answer], service: Answer) -> dict[str, Answer]:
        """The revisions that the page tells of; one never changes."""
        wanted = {one["arn"] for one in service.get("currentServiceRevisions") or ()}
        if deployment is not None:
            target = deployment.get("targetServiceRevision") or {}
            wanted |= {target.get("arn") or deployment.get("targetServiceRevisionArn") or ""}
            wanted |= {one["arn"] for one in deployment.get("sourceServiceRevisions") or ()}
        prefix = str(service["serviceArn"]).replace(":service/", ":service-revision/")
        live = {str(one.get("startedBy", "")) for one in tasks if one.get("lastStatus") not in {"STOPPED", "DELETED"}}
        wanted |= {f"{prefix}/{number_of(one)}" for one in live if one.startswith("ecs-svc/")}
        wanted.discard("")
        unknown = sorted(wanted - self._revisions.keys())
        for start in range(0, len(unknown), 20):
            answer = self.aws.ecs.describe_service_revisions(serviceRevisionArns=unknown[start : start + 20])
            for one in answer["serviceRevisions"]:
                # Where its tasks are registered is told once that is known.
                if one.get("resolvedConfiguration") or not one.get("loadBalancers"):
                    _remember(self._revisions, one["serviceRevisionArn"], one)
                else:
                    return {arn: self._revisions[arn] for arn in wanted & self._revisions.keys()} | {
                        one["serviceRevisionArn"]: one for one in answer["serviceRevisions"]
                    }
        return {arn: self._revisions[arn] for arn in wanted & self._revisions.keys()}

    def version(self, task_definition: str) -> str:
        """The version that a task definition runs; it never changes."""
        if task_definition not in self._versions:
            found = describe_task_definition(self.aws, task_definition)
            _remember(self._versions, task_definition, version_of(*found) if found is not None else "?")
        return self._versions[task_definition]

    def _alarms(self, named: Named, service: Answer, deployment: Answer | None) -> list[Answer]:
        configured = ((service.get("deploymentConfiguration") or {}).get("alarms") or {}).get("alarmNames") or ()
        watched = ((deployment or {}).get("alarms") or {}).get("alarmNames") or ()
        names = list(dict.fromkeys([*watched, *configured]))
        if not names:
            return []

        def read() -> list[Answer]:
            answer = self.aws.cloudwatch.describe_alarms(AlarmNames=names[:100], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
            return [*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ())]

        return self._seldom(("alarms", *named), read, self.pace.quiet)

    def past(self, named: Named, deployment: Answer | None = None) -> list[PastRelease]:
        """The service's releases; read anew only when the newest one is another, or has another status."""
        mark = (deployment["serviceDeploymentArn"], deployment["status"]) if deployment is not None else ("", "")
        known = self._past.get(named)
        if known is not None and deployment is not None and known[0] == mark:
            return known[1]
        found = releases_of(self.aws, *named, at_most=RELEASES_SHOWN, version=self.version)
        _remember(self._past, named, (mark, found))
        return found

    def _url(self, named: Named, rules: Mapping[str, Answer]) -> str | None:
        """Where the service answers: its production rule's listener."""
        return self._seldom(("url", *named), lambda: self._url_behind(named, rules), 60.0)

    def _url_behind(self, named: Named, rules: Mapping[str, Answer]) -> str | None:
        from ninelives.deploy.front_door import public_url

        elbv2 = self.aws.elbv2
        groups = [group for group, _ in self._dimensions(named).items()]
        rule = next(iter(rules), None)
        for balancer in {arn: None for group in groups for arn in self._balancers(group)}:
            listeners = list(pages(elbv2.describe_listeners, "Listeners", continuation="NextMarker", LoadBalancerArn=balancer))
            ours = [one for one in listeners if _forwards(one, groups, rule)] or listeners[:1]
            if ours:
                described = elbv2.describe_load_balancers(LoadBalancerArns=[balancer])["LoadBalancers"][0]
                return public_url(self.aws, described, min(ours, key=lambda one: str(one["Protocol"] != "HTTPS")))
        return None

    def _dimensions(self, named: Named) -> dict[str, tuple[str, str]]:
        """``LoadBalancer`` and ``TargetGroup`` by target group, for those that a load balancer forwards to."""
        answer = self.aws.ecs.describe_services(cluster=named[0], services=[named[1]])
        service = next(iter(answer["services"]), None)
        groups = read_service(service).target_groups if service is not None else ()
        by_group = {group: self._balancers(group) for group in groups}
        # A group that stands by is behind no listener just now; it will be behind the other's load balancer.
        any_balancer = next((one for balancers in by_group.values() for one in balancers), None)
        found = {group: next(iter(balancers), any_balancer) for group, balancers in by_group.items()}
        return {
            group: (balancer.rsplit(":loadbalancer/", 1)[-1], group.rsplit(":", 1)[-1])
            for group, balancer in found.items()
            if balancer is not None
        }

    def _balancers(self, group: str) -> list[str]:
        def read() -> list[str]:
            answer = self.aws.elbv2.describe_target_groups(TargetGroupArns=[group])["TargetGroups"]
            return [str(arn) for one in answer for arn in one.get("LoadBalancerArns") or ()]

        return self._seldom(("balancers", group), read, 60.0)

    def _scaling(self, named: Named) -> tuple[Answer | None, list[Answer]]:
        def read() -> tuple[Answer | None, list[Answer]]:
            resource = "service/" + "/".join(named)
            scaling = self.aws.scaling
            answer = scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[resource])
            target = next(iter(answer["ScalableTargets"]), None)
            if target is None:
                return None, []
            told = scaling.describe_scaling_activities(ServiceNamespace="ecs", ResourceId=resource, MaxResults=5)
            return target, list(told["ScalingActivities"])

        return self._seldom(("scaling", *named), read, self.pace.slow)

    def _bake(self, facts: ServiceFacts) -> Bake | None:
        if facts.deployment is None:
            return None
        deployment = read_service_deployment(facts.deployment)
        if not deployment.is_under_way:
            self._bakes.pop(deployment.arn, None)
            return None
        service = replace(read_service(facts.service), time_scale=facts.time_scale)
        seen = Observation(at=facts.at, service=service, service_deployment=deployment)
        if deployment.arn not in self._bakes:
            _remember(self._bakes, deployment.arn, Bakes())
        wait = self._bakes[deployment.arn].wait_of(seen)
        return None if wait is None else Bake(length=wait.length, ends_at=wait.until)

    def charts(self, named: Named, seconds: int) -> dict[str, Any]:
        """What CloudWatch has of the last ``seconds``."""
        groups = self._seldom(("dimensions", *named), lambda: self._dimensions(named), 60.0)
        source = MetricSource(cluster=named[0], service=named[1], groups=groups, period=base_period(self.time_scale))
        window = window_of(self.clock.now(), seconds, source.period)
        results = list(
            pages(
                self.aws.cloudwatch.get_metric_data,
                "MetricDataResults",
                continuation="NextToken",
                MetricDataQueries=queries(source, window),
                StartTime=window.start,
                EndTime=window.end,
                ScanBy="TimestampAscending",
            )
        )
        return charts_view(source, window, results)

    def log_group(self, named: Named) -> tuple[str, str] | None:
        """Log group and prefix of the streams of a service's first container that writes to CloudWatch Logs."""

        def read() -> tuple[str, str] | None:
            answer = self.aws.ecs.describe_services(cluster=named[0], services=[named[1]])["services"]
            if not answer:
                return None
            found = describe_task_definition(self.aws, answer[0]["taskDefinition"])
            for container in found[0].get("containerDefinitions") or () if found is not None else ():
                options = (container.get("logConfiguration") or {}).get("options") or {}
                if "awslogs-group" in options:
                    return str(options["awslogs-group"]), f"{options.get('awslogs-stream-prefix', '')}/{container['name']}/"
            return None

        return self._seldom(("log group", *named), read, 30.0)

    def lines(self, named: Named, since: datetime, until: datetime | None = None) -> dict[str, Any]:
        """What the service's tasks wrote since a moment: the last lines, where there are too many."""
        where = self.log_group(named)
        if where is None:
            return {"group": None, "lines": [], "is_cut": False}
        group, prefix = where
        begin, end = since, until or self.clock.now()
        found, is_whole = self._events(group, prefix, begin, until)
        is_cut = not is_whole
        for _ in range(HALVED_AT_MOST):
            if is_whole:
                break
            # The API tells the oldest first: of too many, the later half is asked for.
            begin += (end - begin) / 2
            found, is_whole = self._events(group, prefix, begin, until)
        found.sort(key=lambda one: (one["timestamp"], one.get("ingestionTime", 0)))
        return {
            "group": group,
            "is_cut": is_cut or len(found) > LINES_AT_MOST,
            "lines": [
                {
                    "id": str(one["eventId"]),
                    "at": one["timestamp"],
                    "task": str(one["logStreamName"]).rsplit("/", 1)[-1],
                    "text": one["message"].rstrip("\n"),
                }
                for one in found[-LINES_AT_MOST:]
            ],
        }

    def _events(self, group: str, prefix: str, since: datetime, until: datetime | None) -> tuple[list[Answer], bool]:
        """The first ``LINES_READ`` log events of a stretch of time, and whether these are all."""
        request: dict[str, Any] = {"logGroupName": group, "startTime": int(since.timestamp() * 1000)}
        if until is not None:
            request["endTime"] = int(until.timestamp() * 1000)
        if not prefix.startswith("/"):
            request["logStreamNamePrefix"] = prefix
        found: list[Answer] = []
        try:
            for one in pages(self.aws.logs.filter_log_events, "events", **request):
                if len(found) >= LINES_READ:
                    return found, False
                found.append(one)
        except Exception as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
        return found, True

    def _seldom(self, key: tuple[str, ...], read: Callable[[], T], seconds: float) -> T:
        """What ``read`` answers, or what it answered less than ``seconds`` ago."""
        now = time.monotonic()
        known = self._slow.get(key)
        if known is not None and now - known[0] < seconds:
            found: T = known[1]
            return found
        answer = read()
        _remember(self._slow, key, (now, answer))
        return answer

    def forget(self) -> None:
        """Read anew what changes slowly: something has just been done."""
        known = list(self._slow.items())  # at once: threads that read add to it
        self._slow = {key: value for key, value in known if key[0] in {"balancers", "dimensions", "url"}}
        self._past = {}


class _Parts:
    """Reads parts of which each may fail by itself: what could not be read is told, and the rest is shown."""

    def __init__(self, troubles: dict[str, str]) -> None:
        self._troubles = troubles

    def of(self, name: str, otherwise: T, read: Callable[[], T]) -> T:
        try:
            return read()
        except Exception as error:
            trouble = trouble_of(error)
            if trouble is None or trouble.kind in {Kind.GONE, Kind.CREDENTIALS, Kind.THROTTLED}:
                raise
            self._troubles[name] = f"{trouble.text} {trouble.hint}".strip()
            return otherwise


def _remember(memory: dict[Any, Any], key: Any, value: Any) -> None:
    """Keep ``value``; the oldest is forgotten when there are too many."""
    if key not in memory and len(memory) >= KEPT_AT_MOST:
        memory.pop(next(iter(memory)), None)
    memory[key] = value


def _forwards(listener: Answer, groups: Sequence[str], rule: str | None) -> bool:
    """Whether a listener leads to one of ``groups``, or has ``rule``."""
    listener_id = str(listener["ListenerArn"]).replace(":listener/", "/", 1).rsplit(":", 1)[-1].split("/", 1)[-1]
    if rule is not None and listener_id in rule:
        return True
    return any(arn in groups for action in listener.get("DefaultActions") or () for arn in _groups_in(action))


def _groups_in(action: Answer) -> Iterator[str]:
    if action.get("TargetGroupArn"):
        yield str(action["TargetGroupArn"])
    for one in (action.get("ForwardConfig") or {}).get("TargetGroups") or ():
        yield str(one["TargetGroupArn"])
