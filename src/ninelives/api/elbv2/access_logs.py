"""Whether a bucket takes a load balancer's access logs: asked when they are switched on, of its policy, and by writing a test
file.

Source: ELB user guide, "Enable access logs for your Application Load Balancer".
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from ninelives.access import MalformedPolicy, Policies, PolicyKind, Principal, PrincipalKind, Request, decide, read_policy
from ninelives.model.arns import Place
from ninelives.model.elbv2 import LoadBalancer
from ninelives.model.errors import ApiError

TEST_FILE = "ELBAccessLogTestFile"
DELIVERY: Final = Principal(kind=PrincipalKind.SERVICE, arn="logdelivery.elasticloadbalancing.amazonaws.com", account="")
"""Who writes access logs, in every region."""
ACCOUNTS: Final = {
    "af-south-1": "098369216593",
    "ap-east-1": "754344448648",
    "ap-northeast-1": "582318560864",
    "ap-northeast-2": "600734575887",
    "ap-northeast-3": "383597477331",
    "ap-south-1": "718504428378",
    "ap-southeast-1": "114774131450",
    "ap-southeast-2": "783225319266",
    "ca-central-1": "985666609251",
    "eu-central-1": "054676820928",
    "eu-north-1": "897822967062",
    "eu-south-1": "635631232127",
    "eu-west-1": "156460612806",
    "eu-west-2": "652711504416",
    "eu-west-3": "009996457667",
    "me-south-1": "076674570225",
    "sa-east-1": "507241528517",
    "us-east-1": "127311923021",
    "us-east-2": "033677994240",
    "us-gov-east-1": "190560391635",
    "us-gov-west-1": "048591011584",
    "us-west-1": "027434742980",
    "us-west-2": "797873946194",
}
"""Elastic Load Balancing's own accounts, which older policies name, in the regions that have one."""
_EVERYTHING: Final = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'


class LogBuckets(Protocol):
    async def check(self, balancer: LoadBalancer, attributes: Mapping[str, str]) -> None:
        """Refuse ``attributes`` with which no access log could be delivered. Raises ``InvalidConfigurationRequest``."""


class S3LogBuckets:
    """The region's own S3, asked in process."""

    def __init__(self, call: Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]], place: Place) -> None:
        self._call = call
        self._place = place

    async def check(self, balancer: LoadBalancer, attributes: Mapping[str, str]) -> None:
        bucket, prefix = attributes.get("access_logs.s3.bucket", ""), attributes.get("access_logs.s3.prefix", "")
        key = f"{prefix}/AWSLogs/{self._place.account}/{TEST_FILE}".lstrip("/")
        if not await self._is_delivered(balancer, bucket, key):
            message = f"Access Denied for bucket: {bucket}. Please check S3bucket permission"
            raise ApiError("InvalidConfigurationRequest", message)

    async def _is_delivered(self, balancer: LoadBalancer, bucket: str, key: str) -> bool:
        """Whether the test file may be, and is, in the bucket."""
        resource = f"arn:{self._place.partition}:s3:::{bucket}/{key}"
        body = f"Enable AccessLog for ELB: {balancer.name}".encode()
        try:
            found = await self._call("s3", "GetBucketPolicy", {"Bucket": bucket})
            if not may_deliver(found["Policy"], resource, balancer, self._place):
                return False
            await self._call("s3", "PutObject", {"Bucket": bucket, "Key": key, "Body": body})
        except ApiError:
            return False
        return True


def may_deliver(policy: str, resource: str, balancer: LoadBalancer, place: Place) -> bool:
    """Whether a bucket's policy lets Elastic Load Balancing write an object of that ARN for ``balancer``."""
    try:
        granting = read_policy(policy, PolicyKind.RESOURCE, "bucket policy")
    except MalformedPolicy:
        return False
    context = {
        "aws:sourceaccount": (place.account,),
        "aws:sourcearn": (balancer.arn,),
        "aws:securetransport": ("true",),
        "s3:x-amz-acl": ("bucket-owner-full-control",),
    }
    own = (read_policy(_EVERYTHING, PolicyKind.IDENTITY, "Elastic Load Balancing"),)
    return any(
        decide(
            Request(
                principal=principal,
                action="s3:PutObject",
                resource=resource,
                context=context,
                resource_account=place.account,
            ),
            Policies(identity=own, resource=granting),
        ).is_allowed
        for principal in _writers(place)
    )


def _writers(place: Place) -> list[Principal]:
    account = ACCOUNTS.get(place.region)
    if account is None:
        return [DELIVERY]
    arn = f"arn:{place.partition}:iam::{account}:root"
    return [DELIVERY, Principal(kind=PrincipalKind.ROOT, arn=arn, account=account)]


class NoBuckets:
    """Of a region without S3."""

    async def check(self, balancer: LoadBalancer, attributes: Mapping[str, str]) -> None:
        bucket = attributes.get("access_logs.s3.bucket", "")
        raise ApiError("InvalidConfigurationRequest", f"{balancer.name}: bucket '{bucket}' cannot be reached")
