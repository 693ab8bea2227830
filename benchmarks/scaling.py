"""How soon auto scaling reacts, against the policy's own bound: a load begins, and later goes.

Tasks are host processes of busybox's httpd. A minute is five seconds (time scale 12). The policy tracks 50 requests a task and
minute; a load of 42 a second is 210 a minute, which is five tasks, and 2 a second is one. The bound is when CloudWatch
has seen what it asks for: the end of the third period above the target, or of the fifteenth below 90 % of it. Nobody could
react earlier; what lies beyond is the region's.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.peers import ninelives
from benchmarks.strategies import MINUTE, TIME_SCALE, Cheap, lay, serving
from benchmarks.tables import table

from ninelives.rehearsal.load_process import LoadProcess
from ninelives.rehearsal.sample import Kind, Target

TARGET, LOW_SHARE = 50.0, 0.9
PEAK, BASE = 40.0, 2.0
HIGH_PERIODS, LOW_PERIODS = 3, 15
ROUNDS = 3
LOOK_SECONDS = 0.05
BOUND_SECONDS = 200.0
SCALED = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}


@dataclass(frozen=True)
class Figures:
    """Seconds from the change of the load."""

    direction: str
    round: int
    bound_s: float
    """Until CloudWatch has seen enough."""
    set_s: float
    """Until the desired count was set."""
    done_s: float
    """Until as many tasks ran."""
    tasks: int
    lost: int


def label(cheap: Cheap) -> str:
    balancer = cheap.balancer["LoadBalancerArn"].partition(":loadbalancer/")[2]
    return f"{balancer}/{cheap.groups[0].rpartition(':')[2]}"


def follow(scaling: Any, cheap: Cheap, name: str) -> None:
    """Bounds, and a policy on the requests of each task."""
    about = {**SCALED, "ResourceId": f"service/bench/{name}"}
    scaling.register_scalable_target(**about, MinCapacity=1, MaxCapacity=10)
    specification = {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label(cheap)}
    scaling.put_scaling_policy(
        **about,
        PolicyName="requests",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": TARGET,
            "PredefinedMetricSpecification": specification,
            "ScaleOutCooldown": 60,
            "ScaleInCooldown": 60,
        },
    )


@contextmanager
def load(cheap: Cheap, rate: float, folder: Path) -> Iterator[LoadProcess]:
    folder.mkdir()
    target = Target(host=cheap.balancer["DNSName"], port=cheap.listener_port)
    with LoadProcess(target, (Kind(name="fresh", rate=rate, path="/"),), folder) as process:
        process.start()
        yield process


def activity(scaling: Any, name: str, after: float, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first activity after an instant that is as wanted, once it has ended."""
    deadline = time.monotonic() + BOUND_SECONDS
    while time.monotonic() < deadline:
        found = scaling.describe_scaling_activities(**SCALED, ResourceId=f"service/bench/{name}")["ScalingActivities"]
        ours = [one for one in reversed(found) if one["StartTime"].timestamp() > after and is_wanted(one)]
        if ours and "EndTime" in ours[0]:
            return ours[0]
        time.sleep(LOOK_SECONDS)
    raise AssertionError("it was not scaled")


def period_end(at: float, periods: int) -> float:
    """The end of the last of so many periods, the first of which ``at`` falls into."""
    return (at // MINUTE + periods) * MINUTE


def bound_of(at: float, before: float, rate: float, periods: int, *, is_high: bool) -> float:
    """When the last period that the alarm needs has ended. The one in which the load changes counts if it breaches."""
    share = 1 - at % MINUTE / MINUTE
    first = MINUTE * (before * (1 - share) + rate * share)
    breaches = first > TARGET if is_high else first < TARGET * LOW_SHARE
    return period_end(at if breaches else at + MINUTE, periods)


def figures(direction: str, number: int, at: float, bound: float, one: dict[str, Any], lost: int) -> Figures:
    def since(instant: datetime) -> float:
        return round(instant.timestamp() - at, 2)

    return Figures(
        direction=direction,
        round=number,
        bound_s=round(bound - at, 2),
        set_s=since(one["StartTime"]),
        done_s=since(one["EndTime"]),
        tasks=int(one["Description"].removeprefix("Setting desired count to ").rstrip(".")),
        lost=lost,
    )


def play(cheap: Cheap, scaling: Any, folder: Path) -> Iterator[Figures]:
    with serving(cheap, "rolling", 1) as name, load(cheap, BASE, folder / "base"):
        follow(scaling, cheap, name)
        time.sleep(MINUTE * 2)
        for number in range(1, ROUNDS + 1):
            with load(cheap, PEAK, folder / f"peak-{number}") as peak:
                began = time.time()
                out = activity(scaling, name, began, lambda one: "AlarmHigh" in one["Cause"])
                time.sleep(MINUTE)
                lost = sum(sample.is_lost for sample in peak.stop())
            ended = time.time()
            bound = bound_of(began, BASE, BASE + PEAK, HIGH_PERIODS, is_high=True)
            yield figures("out", number, began, bound, out, lost)
            back = activity(scaling, name, ended, lambda one: "AlarmLow" in one["Cause"])
            yield figures("in", number, ended, bound_of(ended, 0, BASE, LOW_PERIODS, is_high=False), back, 0)
            cheap.ecs.update_service(cluster="bench", service=name, desiredCount=1)
            time.sleep(MINUTE * 2)
        scaling.deregister_scalable_target(**SCALED, ResourceId=f"service/bench/{name}")


def main() -> None:
    found: list[Figures] = []
    with ninelives(time_scale=TIME_SCALE) as emulator, tempfile.TemporaryDirectory() as folder:
        cheap = lay(emulator, Path(folder) / "image")
        for one in play(cheap, emulator.client("application-autoscaling"), Path(folder)):
            print(json.dumps(asdict(one)), file=sys.stderr)
            found.append(one)
    rows = [
        (f"{one.direction}, round {one.round}", f"{one.set_s / one.bound_s:.2f}", f"{one.bound_s:.2f}", f"{one.set_s:.2f}",
         f"{one.set_s - one.bound_s:.2f}", f"{one.done_s - one.set_s:.2f}", one.tasks, one.lost)
        for one in sorted(found, key=lambda one: (one.direction != "out", one.round))
    ]  # fmt: skip
    head = (
        "scaling",
        "reaction ÷ bound",
        "policy's bound s",
        "count set after s",
        "beyond s",
        "tasks run s later",
        "tasks",
        "lost",
    )
    print(table(head, rows))
