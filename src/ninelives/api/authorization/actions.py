"""Which action an operation asks for. Most bear its name; the exceptions stand here.

Source: Service Authorization Reference, and for S3 "Required permissions for Amazon S3 API operations".
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

PREFIXES: Final = {
    "elbv2": "elasticloadbalancing",
    "elb": "elasticloadbalancing",
    "monitoring": "cloudwatch",
    "cloudcontrolapi": "cloudformation",
    "email": "ses",
    "resourcegroupstaggingapi": "tag",
    "tagging": "tag",
    "stepfunctions": "states",
}
"""What a service's actions begin with, by its name in botocore or its signing name, where that is another."""

S3: Final = {
    "ListBuckets": "ListAllMyBuckets",
    "ListDirectoryBuckets": "ListAllMyDirectoryBuckets",
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "HeadObject": "GetObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "ListParts": "ListMultipartUploadParts",
    "DeleteObjects": "DeleteObject",
    "SelectObjectContent": "GetObject",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketTagging": "PutBucketTagging",
    "GetBucketReplication": "GetReplicationConfiguration",
    "PutBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "GetObjectAttributes": "GetObject",
}

OTHERS: Final[Mapping[str, Mapping[str, str]]] = {
    "s3": S3,
    "sqs": {
        "SendMessageBatch": "SendMessage",
        "DeleteMessageBatch": "DeleteMessage",
        "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    },
    "sns": {"PublishBatch": "Publish"},
    "lambda": {"Invoke": "InvokeFunction"},
}

FREE: Final = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken"})
"""Operations that ask for no permission; a Deny does not hold them up either.

Source: STS API Reference, "GetCallerIdentity" ("No permissions are required"), "GetSessionToken".
"""


def prefix_of(service: str) -> str:
    """What a service's actions begin with.

    >>> prefix_of("elbv2"), prefix_of("ecs")
    ('elasticloadbalancing', 'ecs')
    """
    return PREFIXES.get(service, service)


def action_of(service: str, operation: str, parameters: Mapping[str, Any]) -> str:
    """The action of an operation, with its prefix.

    >>> action_of("s3", "HeadObject", {}), action_of("s3", "GetObject", {"VersionId": "1"})
    ('s3:GetObject', 's3:GetObjectVersion')
    """
    prefix = prefix_of(service)
    name = OTHERS.get(prefix, {}).get(operation, operation)
    if prefix == "s3" and parameters.get("VersionId") and name in {"GetObject", "DeleteObject"}:
        name += "Version"
    return f"{prefix}:{name}"


def copied_from(service: str, parameters: Mapping[str, Any]) -> str | None:
    """The ARN of the object that a copy reads; None where nothing is copied.

    >>> copied_from("s3", {"CopySource": "/from/a%20key?versionId=1"})
    'arn:aws:s3:::from/a key'
    """
    source = parameters.get("CopySource") if service == "s3" else None
    if not isinstance(source, str):
        return None
    return f"arn:aws:s3:::{unquote(source.partition('?')[0].lstrip('/'))}"
