"""Start to the first answer, memory, and the median of the two calls that every deployment tool polls with.

Each emulator is started ROUNDS times in turn; the medians are quoted. The calls describe one service with one target group of
two targets, over one connection (boto3). Memory is the control process's alone; Envoy stands in a line of its own. "Two tasks
deployed" is after Cats runs there (ninelives: host processes): after EC2, IAM and Logs records were asked for as well.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks import cats
from benchmarks.peers import Emulator, free_port, ministack, moto, ninelives
from benchmarks.tables import table, times

ROUNDS = 5
CALLS = 300


def stack(emulator: Emulator) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A service behind a target group; answers the two calls."""
    ec2, elb, ecs = (emulator.client(name) for name in ("ec2", "elbv2", "ecs"))
    subnets, security_group, vpc = cats.network(ec2)
    balancer = elb.create_load_balancer(Name="bench", Subnets=subnets)["LoadBalancers"][0]
    group = elb.create_target_group(Name="bench", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip")["TargetGroups"][0]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=free_port(),
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
    )
    ecs.create_cluster(clusterName="bench")
    ecs.register_task_definition(
        family="bench",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "web", "image": "nowhere/web:1", "portMappings": [{"containerPort": 8080}]}],
    )
    ecs.create_service(
        cluster="bench",
        serviceName="bench",
        taskDefinition="bench",
        desiredCount=0,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": subnets, "securityGroups": [security_group]}},
        loadBalancers=[{"targetGroupArn": group["TargetGroupArn"], "containerName": "web", "containerPort": 8080}],
    )
    elb.register_targets(
        TargetGroupArn=group["TargetGroupArn"],
        Targets=[
            {"Id": "127.0.0.1", "Port": 1, "AvailabilityZone": "all"},
            {"Id": "127.0.0.1", "Port": 2, "AvailabilityZone": "all"},
        ],
    )
    return (
        lambda: ecs.describe_services(cluster="bench", services=["bench"])["services"][0],
        lambda: elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"],
    )


def median_ms(call: Callable[[], Any]) -> float:
    for _ in range(20):
        call()
    times = []
    for _ in range(CALLS):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


def measure(emulator: Emulator) -> dict[str, float]:
    figures = {"first answered call, s": emulator.started_s, "idle, MiB": settled(emulator)}
    if emulator.name == "ninelives":
        figures["Envoy, MiB"] = emulator.proxy_mib()
    services, health = stack(emulator)
    figures["DescribeServices p50, ms"] = median_ms(services)
    figures["DescribeTargetHealth p50, ms"] = median_ms(health)
    figures["after these calls, MiB"] = settled(emulator)
    return figures


def settled(emulator: Emulator) -> float:
    """Memory a moment after the last call: what was begun in the background has ended."""
    time.sleep(1)
    return emulator.memory_mib()


def deployed_mib() -> tuple[float, float]:
    """Memory of the region after Cats 1.0.0 was deployed on it: control process, Envoy."""
    with ninelives("host") as emulator:
        service = cats.lay(emulator, cats.host_images(emulator), cluster="bench", listener_port=free_port())
        cats.stable(service)
        return settled(emulator), emulator.proxy_mib()


def main() -> None:
    rounds = int(os.environ.get("ROUNDS", ROUNDS))
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(rounds):
        for start in (ninelives, ministack, moto):
            with start() as emulator:
                found.setdefault(emulator.name, []).append(measure(emulator))
                print(json.dumps({"emulator": emulator.name, **found[emulator.name][-1]}), file=sys.stderr, flush=True)
    median = {
        name: {figure: statistics.median(one[figure] for one in measured) for figure in measured[0]}
        for name, measured in found.items()
    }
    ours = median["ninelives"]
    rows: list[list[object]] = [
        [figure, *(cell(own.get(figure), ours[figure], figure) for own in median.values())] for figure in ours
    ]
    control, envoy = deployed_mib()
    rows.append(["two tasks deployed, MiB", f"{control:.0f} (Envoy {envoy:.0f})", "", ""])
    print(f"Rounds: {rounds}, in turn; medians. In brackets: ÷ ninelives.\n")
    print(table(["", *median], rows))


def cell(value: float | None, ours: float, figure: str) -> str:
    if value is None:
        return "-"
    shown = f"{value:.0f}" if figure.endswith("MiB") else f"{value:.2f}"
    return f"{shown} ({times(value, ours)})"


if __name__ == "__main__":
    main()
