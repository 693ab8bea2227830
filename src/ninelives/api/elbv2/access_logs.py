"""Whether a bucket takes a load balancer's access logs: asked when they are switched on, by writing a test file."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from ninelives.model.arns import Place
from ninelives.model.elbv2 import LoadBalancer
from ninelives.model.errors import ApiError

TEST_FILE = "ELBAccessLogTestFile"


class LogBuckets(Protocol):
    async def check(self, balancer: LoadBalancer, attributes: Mapping[str, str]) -> None:
        """Refuse ``attributes`` with which no access log could be delivered. Raises ``InvalidConfigurationRequest``."""


class S3LogBuckets:
    """The region's own S3, asked in process. Who may write to a bucket is not looked at."""

    def __init__(self, call: Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]], place: Place) -> None:
        self._call = call
        self._place = place

    async def check(self, balancer: LoadBalancer, attributes: Mapping[str, str]) -> None:
        bucket, prefix = attributes.get("access_logs.s3.bucket", ""), attributes.get("access_logs.s3.prefix", "")
        key = f"{prefix}/AWSLogs/{self._place.account}/{TEST_FILE}".lstrip("/")
        text = f"Enable AccessLog for ELB: {balancer.name}"
        try:
            await self._call("s3", "PutObject", {"Bucket": bucket, "Key": key, "Body": text.encode()})
        except ApiError:
            message = f"Access Denied for bucket: {bucket}. Please check S3bucket permission"
            raise ApiError("InvalidConfigurationRequest", message) from None


class NoBuckets:
    """Of a region without S3."""

    async def check(self, balancer: LoadBalancer, attributes: Mapping[str, str]) -> None:
        bucket = attributes.get("access_logs.s3.bucket", "")
        raise ApiError("InvalidConfigurationRequest", f"{balancer.name}: bucket '{bucket}' cannot be reached")
