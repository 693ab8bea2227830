"""ALB's access logs: what the load balancers have answered, as gzip files in S3.

Lines gather in a file for each load balancer, so that none is lost with the control plane, and go to the bucket every five
minutes (of the region's time), or sooner where there are many.
Source: ELB user guide, "Access logs for your Application Load Balancer" (access log files).
"""

import asyncio
import contextlib
import gzip
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from ninelives.model.arns import last_part
from ninelives.model.elbv2 import Listener, LoadBalancer
from ninelives.monitoring import period_start
from ninelives.region.region import Region
from ninelives.routing import LoggedListener, listener_name, log_line

log = logging.getLogger(__name__)

Call = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]

PERIOD: Final = timedelta(minutes=5)
SHORTEST_PERIOD: Final = timedelta(seconds=1)
DELIVER_ABOVE: Final = 16 << 20
"""Bytes of lines after which a file is delivered before its time."""
KEPT_MOST: Final = 64 << 20
"""Bytes of lines that wait for a bucket that does not take them; the rest is dropped, and said so."""
RANDOM_LENGTH: Final = 8


class AccessLogs:
    """Delivers the access logs of the load balancers that have them switched on. ``directory`` holds what waits."""

    def __init__(self, region: Region, directory: Path, call: Call) -> None:
        self._region = region
        self._directory = directory
        self._call = call
        self._period = max(SHORTEST_PERIOD, region.timing.scaled(PERIOD))
        self._early = asyncio.Event()
        self._complained: set[str] = set()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        region.data_plane.subscribe_requests(self.observe)

    def observe(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Take down requests that have ended."""
        balancers = self._switched_on()
        if not balancers:
            return
        listeners = {
            listener_name(one.arn): (balancers[one.load_balancer_arn], one)
            for one in self._region.state.listeners.values()
            if one.load_balancer_arn in balancers
        }
        lines: dict[str, list[str]] = defaultdict(list)
        for entry in entries:
            found = listeners.get(entry["listener"])
            if found is not None:
                lines[found[0].arn].append(log_line(entry, self._logged(*found)))
        for arn, added in lines.items():
            self._take_down(arn, added)

    def _switched_on(self) -> dict[str, LoadBalancer]:
        balancers = self._region.state.load_balancers.values()
        return {one.arn: one for one in balancers if one.attributes.get("access_logs.s3.enabled") == "true"}

    def _logged(self, balancer: LoadBalancer, listener: Listener) -> LoggedListener:
        known = self._region.certificates
        return LoggedListener(
            load_balancer=_resource_id(balancer),
            address=balancer.address,
            protocol=listener.protocol,
            port=listener.port,
            certificates=[known[arn] for arn in listener.certificate_arns if arn in known],
        )

    def _take_down(self, arn: str, lines: Sequence[str]) -> None:
        path = self._waiting(arn)
        size = path.stat().st_size if path.exists() else 0
        if size > KEPT_MOST:
            self._complain(arn, f"more than {KEPT_MOST >> 20} MiB of access log wait to be delivered; the newest are dropped")
            return
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write("\n".join([*lines, ""]))
        except OSError as error:  # the disk is full, or the state folder was deleted, which is not to come back
            self._complain(arn, f"its access log cannot be taken down: {error}")
        if size > DELIVER_ABOVE and arn not in self._complained:
            self._early.set()

    def _waiting(self, arn: str) -> Path:
        return self._directory / f"{last_part(arn)}.log"

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            now = self._region.now()
            ends = period_start(now, self._period) + self._period
            self._early.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout((ends - now).total_seconds()):
                    await self._early.wait()
            await self.deliver(ends)

    async def deliver(self, ends: datetime) -> None:
        """Bring what waits to the buckets, as logs of the period that ends at ``ends``. What cannot be brought waits on.

        Logs that have been switched off get what was taken down before; what a load balancer left that is gone is dropped.
        """
        balancers = {self._waiting(one.arn).stem: one for one in self._region.state.load_balancers.values()}
        for name in sorted({path.stem for path in self._directory.glob("*.*")}):
            path, balancer = self._directory / f"{name}.log", balancers.get(name)
            sending = path.with_suffix(".sending")
            if balancer is None:
                path.unlink(missing_ok=True)
                sending.unlink(missing_ok=True)
                continue
            if not sending.exists():
                path.replace(sending)
            try:
                await self._put(balancer, ends, sending)
            except Exception as error:  # noqa: BLE001 whatever it is, the next period tries again
                self._complain(balancer.arn, f"its access log cannot be delivered: {error}")
            else:
                sending.unlink()
                self._complained.discard(balancer.arn)

    async def _put(self, balancer: LoadBalancer, ends: datetime, path: Path) -> None:
        body = await asyncio.to_thread(lambda: gzip.compress(path.read_bytes(), compresslevel=6))
        key = log_key(
            balancer,
            account=self._region.place.account,
            region=self._region.place.region,
            ends=ends,
            random=self._region.ids.load_balancer_id()[-RANDOM_LENGTH:],
        )
        bucket = balancer.attributes["access_logs.s3.bucket"]
        await self._call("s3", "PutObject", {"Bucket": bucket, "Key": key, "Body": body})

    def _complain(self, arn: str, message: str) -> None:
        """Once, until something was delivered again."""
        if arn not in self._complained:
            self._complained.add(arn)
            log.warning("%s: %s", arn, message)


def log_key(balancer: LoadBalancer, *, account: str, region: str, ends: datetime, random: str) -> str:
    """Where in the bucket a log is found."""
    prefix = balancer.attributes.get("access_logs.s3.prefix", "")
    name = _resource_id(balancer).replace("/", ".")
    name = f"{account}_elasticloadbalancing_{region}_{name}_{ends:%Y%m%dT%H%MZ}_{balancer.address}_{random}"
    folder = f"AWSLogs/{account}/elasticloadbalancing/{region}/{ends:%Y/%m/%d}"
    return "/".join([*([prefix] if prefix else []), folder, f"{name}.log.gz"])


def _resource_id(balancer: LoadBalancer) -> str:
    """``app/NAME/ID``"""
    return balancer.arn.rpartition(":loadbalancer/")[2]
