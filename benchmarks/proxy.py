"""Requests a second and p99 through the load balancer, against the target directly and through nginx and HAProxy.

wrk with one thread and 32 connections; the target is an nginx that answers 200; all share the machine's cores. Three rounds in
turn, medians quoted.
"""

import contextlib
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.peers import free_port, ninelives

ROUNDS = 3
SECONDS = 4


@contextlib.contextmanager
def daemon(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).read()
                break
            except OSError:
                time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(10)


def nginx_configuration(folder: Path, port: int, location: str, *, workers: int) -> Path:
    file = folder / f"nginx-{port}.conf"
    file.write_text(
        f"daemon off; worker_processes {workers}; pid {folder}/nginx-{port}.pid; error_log /dev/null;\n"
        f"events {{ worker_connections 1024; }}\n"
        f"http {{ access_log off; keepalive_requests 1000000;\n"
        f" upstream target {{ server 127.0.0.1:{location or 1}; keepalive 64; }}\n"
        f" server {{ listen 127.0.0.1:{port}; location / {{ "
        + (
            "proxy_pass http://target; proxy_http_version 1.1; proxy_set_header Connection '';"
            if location
            else "return 200 'ok';"
        )
        + " } } }\n"
    )
    return file


def wrk(url: str) -> tuple[float, float]:
    """Requests a second, and p99 in ms."""
    out = subprocess.run(
        ["wrk", "-t1", "-c32", f"-d{SECONDS}s", "--latency", url], capture_output=True, text=True, check=True
    ).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
    return rate, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def main() -> None:
    missing = [name for name in ("wrk", "nginx", "haproxy") if shutil.which(name) is None]
    if missing:
        sys.exit(f"benchmarks/proxy.py needs {', '.join(missing)} (Debian packages of the same names)")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ninelives-bench-")))
        target, through_nginx, through_haproxy = free_port(), free_port(), free_port()
        stack.enter_context(daemon(["nginx", "-c", str(nginx_configuration(folder, target, "", workers=1))], target))
        stack.enter_context(
            daemon(["nginx", "-c", str(nginx_configuration(folder, through_nginx, str(target), workers=2))], through_nginx)
        )
        haproxy = folder / "haproxy.cfg"
        haproxy.write_text(
            "global\n nbthread 2\ndefaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n"
            f"frontend f\n bind 127.0.0.1:{through_haproxy}\n default_backend b\nbackend b\n server s 127.0.0.1:{target}\n"
        )
        stack.enter_context(daemon(["haproxy", "-f", str(haproxy)], through_haproxy))
        region = stack.enter_context(ninelives())
        urls = {
            "direct": f"http://127.0.0.1:{target}/",
            "ninelives": balanced(region, target),
            "nginx": f"http://127.0.0.1:{through_nginx}/",
            "haproxy": f"http://127.0.0.1:{through_haproxy}/",
        }
        figures: dict[str, list[tuple[float, float]]] = {name: [] for name in urls}
        for _ in range(ROUNDS):
            for name, url in urls.items():
                figures[name].append(wrk(url))
    direct = statistics.median(rate for rate, _ in figures["direct"])
    print("| | requests/s ÷ direct | p99 ms |\n|---|---|---|")
    for name, rounds in figures.items():
        rate, p99 = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"| {name} | {rate / direct:.2f} | {p99:.1f} |")
        print(json.dumps({"name": name, "rounds": rounds}), file=sys.stderr)


def balanced(region: object, target: int) -> str:
    """A load balancer in front of the target; its URL once the target is healthy."""
    elb, ec2 = region.client("elbv2"), region.client("ec2")
    subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]][:2]
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    balancer = elb.create_load_balancer(Name="bench", Subnets=subnets)["LoadBalancers"][0]
    group = elb.create_target_group(Name="bench", Protocol="HTTP", Port=target, VpcId=vpc, TargetType="ip")["TargetGroups"][0]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=18082,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
    )
    elb.register_targets(
        TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": "127.0.0.1", "Port": target, "AvailabilityZone": "all"}]
    )
    while True:
        described = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        if [one["TargetHealth"]["State"] for one in described] == ["healthy"]:
            return f"http://{balancer['DNSName']}:18082/"
        time.sleep(0.1)


if __name__ == "__main__":
    main()
