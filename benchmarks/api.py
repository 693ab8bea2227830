"""Start to the first answer, idle memory, and the median of the two calls that every deployment tool polls with.

Ratios against peers in one run; each peer describes one service with one target group (tasks: two here, what the peer makes of
them there).
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.peers import Emulator, ministack, moto, ninelives

CALLS = 300


def stack(emulator: Emulator) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A service behind a target group; answers the two calls."""
    ec2, elb, ecs = (emulator.client(name) for name in ("ec2", "elbv2", "ecs"))
    subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]][:2]
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    balancer = elb.create_load_balancer(Name="bench", Subnets=subnets)["LoadBalancers"][0]
    group = elb.create_target_group(Name="bench", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip")["TargetGroups"][0]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=18081,
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
        networkConfiguration={"awsvpcConfiguration": {"subnets": subnets}},
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


def main() -> None:
    rows = []
    for start in (ninelives, ministack, moto):
        with start() as emulator:
            idle = emulator.memory_mib()
            services, health = stack(emulator)
            rows.append(
                {
                    "emulator": emulator.name,
                    "first_answer_s": round(emulator.started_s, 2),
                    "idle_mib": round(idle),
                    "describe_services_p50_ms": round(median_ms(services), 2),
                    "describe_target_health_p50_ms": round(median_ms(health), 2),
                    "after_mib": round(emulator.memory_mib()),
                }
            )
            print(json.dumps(rows[-1]), file=sys.stderr)
    names = [name for name in rows[0] if name != "emulator"]
    print("| | " + " | ".join(row["emulator"] for row in rows) + " |")
    print("|---|" + "---|" * len(rows))
    for name in names:
        print(f"| {name} | " + " | ".join(f"{row[name]} ({row[name] / rows[0][name]:.2f} ×)" for row in rows) + " |")


if __name__ == "__main__":
    main()
