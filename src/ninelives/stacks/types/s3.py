"""S3. Source: ``s3`` 2006-03-01."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from ninelives.model.errors import ApiError
from ninelives.stacks.declared import Declared, Named, Setting, Step, Tagging, ask, described
from ninelives.stacks.resource_type import Request, is_not_found
from ninelives.stacks.spelling import document, document_text

NAME: Final = Named(name="BucketName", limit=63, is_lower=True)
LEGACY_REGION: Final = "us-east-1"
"""Where a bucket is made that names no place."""

CANNED: Final = {
    "Private": "private",
    "PublicRead": "public-read",
    "PublicReadWrite": "public-read-write",
    "AuthenticatedRead": "authenticated-read",
    "AwsExecRead": "aws-exec-read",
    "BucketOwnerRead": "bucket-owner-read",
    "BucketOwnerFullControl": "bucket-owner-full-control",
    "LogDeliveryWrite": "log-delivery-write",
}
"""Canned ACLs: the template's words and S3's."""

NOT_HERE: Final = "moto, which keeps this region's buckets, does not act on it"


def _bucket(it: Request) -> Mapping[str, Any]:
    return {"Bucket": it.physical_id}


async def _tag(it: Request, tags: Mapping[str, str]) -> None:
    pairs = [{"Key": key, "Value": value} for key, value in tags.items() if not key.startswith("aws:")]
    if pairs:
        await ask(it, "s3:PutBucketTagging", {**_bucket(it), "Tagging": {"TagSet": pairs}})


async def _untag(it: Request, _: list[str]) -> None:
    await ask(it, "s3:DeleteBucketTagging", _bucket(it))


def _encryption(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"Rules": [_encryption_rule(rule) for rule in given["ServerSideEncryptionConfiguration"]]}


def _encryption_rule(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    default = rule.get("ServerSideEncryptionByDefault")
    return {
        "BucketKeyEnabled": rule.get("BucketKeyEnabled"),
        "ApplyServerSideEncryptionByDefault": default
        and {"SSEAlgorithm": default["SSEAlgorithm"], "KMSMasterKeyID": default.get("KMSMasterKeyID")},
    }


def _encryption_live(told: Mapping[str, Any]) -> Mapping[str, Any]:
    rules = told["ServerSideEncryptionConfiguration"]["Rules"]
    return {
        "ServerSideEncryptionConfiguration": [
            {
                "BucketKeyEnabled": rule.get("BucketKeyEnabled"),
                "ServerSideEncryptionByDefault": rule.get("ApplyServerSideEncryptionByDefault"),
            }
            for rule in rules
        ]
    }


def _lifecycle(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"Rules": [_lifecycle_rule(rule) for rule in given["Rules"]]}


def _lifecycle_rule(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    """A rule of a template, which is flat, as the API has it."""
    expiration = {
        "Days": rule.get("ExpirationInDays"),
        "Date": rule.get("ExpirationDate"),
        "ExpiredObjectDeleteMarker": rule.get("ExpiredObjectDeleteMarker"),
    }
    old_age = rule.get("NoncurrentVersionExpirationInDays")
    old = rule.get("NoncurrentVersionExpiration") or ({"NoncurrentDays": old_age} if old_age else None)
    transitions = [*rule.get("Transitions", ()), *([rule["Transition"]] if "Transition" in rule else ())]
    old_transitions = rule.get("NoncurrentVersionTransitions", [])
    return {
        "ID": rule.get("Id"),
        "Status": rule["Status"],
        "Filter": _filter(rule),
        "Expiration": expiration if any(value is not None for value in expiration.values()) else None,
        "NoncurrentVersionExpiration": old
        and {"NoncurrentDays": old["NoncurrentDays"], "NewerNoncurrentVersions": old.get("NewerNoncurrentVersions")},
        "AbortIncompleteMultipartUpload": rule.get("AbortIncompleteMultipartUpload"),
        "Transitions": [_transition(one) for one in transitions] or None,
        "NoncurrentVersionTransitions": [
            {"NoncurrentDays": one["TransitionInDays"], "StorageClass": one["StorageClass"]} for one in old_transitions
        ]
        or None,
    }


def _transition(one: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"Days": one.get("TransitionInDays"), "Date": one.get("TransitionDate"), "StorageClass": one["StorageClass"]}


def _filter(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    sizes = {name: int(rule[name]) for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan") if name in rule}
    tags = rule.get("TagFilters", [])
    prefix = rule.get("Prefix", "")
    conditions = len(sizes) + len(tags) + (1 if prefix else 0)
    if conditions <= 1:
        return {**sizes, **({"Tag": tags[0]} if tags else {}), **({} if sizes or tags else {"Prefix": prefix})}
    return {"And": {**sizes, "Tags": tags or None, "Prefix": prefix or None}}


def _cors(given: Mapping[str, Any]) -> Mapping[str, Any]:
    names = {"ExposedHeaders": "ExposeHeaders", "MaxAge": "MaxAgeSeconds", "Id": "ID"}
    return {"CORSRules": [{names.get(name, name): value for name, value in rule.items()} for rule in given["CorsRules"]]}


def _logging(given: Mapping[str, Any] | None, bucket: str) -> Mapping[str, Any]:
    if not given:
        return {}
    target = {
        "TargetBucket": given.get("DestinationBucketName", bucket),
        "TargetPrefix": given.get("LogFilePrefix", ""),
        "TargetObjectKeyFormat": given.get("TargetObjectKeyFormat"),
    }
    return {"LoggingEnabled": target}


def _website(given: Mapping[str, Any]) -> Mapping[str, Any]:
    rules = [
        {"Redirect": one["RedirectRule"], "Condition": one.get("RoutingRuleCondition")}
        for one in given.get("RoutingRules", ())
    ]
    index, error = given.get("IndexDocument"), given.get("ErrorDocument")
    return {
        "IndexDocument": {"Suffix": index} if index else None,
        "ErrorDocument": {"Key": error} if error else None,
        "RedirectAllRequestsTo": given.get("RedirectAllRequestsTo"),
        "RoutingRules": rules or None,
    }


def _configured(name: str, operation: str, member: str, written: Callable[[Any], Any], *, clear: str | None = None) -> Setting:
    """A configuration of a bucket, put whole."""
    put = Step(f"s3:{operation}", lambda it: {**_bucket(it), member: written(it.properties.get(name))})
    return Setting(name, put, clear=Step(f"s3:{clear}", _bucket) if clear else None)


async def _told(it: Request, operation: str) -> Mapping[str, Any] | None:
    try:
        return await ask(it, operation, _bucket(it))
    except ApiError as error:
        if is_not_found(error) or error.code == "404":  # a HEAD has no body to tell more
            return None
        raise


async def _read(it: Request) -> Mapping[str, Any] | None:
    if await _told(it, "s3:HeadBucket") is None:
        return None
    name, region = it.physical_id, it.place.region
    live: dict[str, Any] = {
        "BucketName": name,
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
        "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
        "WebsiteURL": f"http://{name}.s3-website-{region}.amazonaws.com",
    }
    versioning = await _told(it, "s3:GetBucketVersioning")
    if versioning and "Status" in versioning:
        live["VersioningConfiguration"] = {"Status": versioning["Status"]}
    encryption = await _told(it, "s3:GetBucketEncryption")
    if encryption:
        live["BucketEncryption"] = _encryption_live(encryption)
    blocked = await _told(it, "s3:GetPublicAccessBlock")
    if blocked:
        live["PublicAccessBlockConfiguration"] = blocked["PublicAccessBlockConfiguration"]
    tagging = await _told(it, "s3:GetBucketTagging")
    if tagging:
        live["Tags"] = [tag for tag in tagging["TagSet"] if not tag["Key"].startswith("aws:")]
    return live


BUCKET: Final = Declared(
    name="AWS::S3::Bucket",
    takes="BucketName ObjectLockEnabled",
    create_by=Step(
        "s3:CreateBucket",
        lambda it: {
            "Bucket": NAME(it),
            "ObjectLockEnabledForBucket": it.properties.get("ObjectLockEnabled"),
            "CreateBucketConfiguration": (
                None if it.place.region == LEGACY_REGION else {"LocationConstraint": it.place.region}
            ),
        },
    ),
    identified_by=lambda it, _: NAME(it),
    named=NAME,
    parts=(
        Setting(
            "AccessControl",
            Step("s3:PutBucketAcl", lambda it: {**_bucket(it), "ACL": CANNED[it.properties.get("AccessControl", "Private")]}),
        ),
        _configured(
            "BucketEncryption",
            "PutBucketEncryption",
            "ServerSideEncryptionConfiguration",
            _encryption,
            clear="DeleteBucketEncryption",
        ),
        _configured(
            "PublicAccessBlockConfiguration",
            "PutPublicAccessBlock",
            "PublicAccessBlockConfiguration",
            lambda given: given,
            clear="DeletePublicAccessBlock",
        ),
        _configured(
            "VersioningConfiguration",
            "PutBucketVersioning",
            "VersioningConfiguration",
            lambda given: given or {"Status": "Suspended"},
        ),
        _configured(
            "LifecycleConfiguration",
            "PutBucketLifecycleConfiguration",
            "LifecycleConfiguration",
            _lifecycle,
            clear="DeleteBucketLifecycle",
        ),
        _configured(
            "OwnershipControls",
            "PutBucketOwnershipControls",
            "OwnershipControls",
            lambda given: given,
            clear="DeleteBucketOwnershipControls",
        ),
        _configured("CorsConfiguration", "PutBucketCors", "CORSConfiguration", _cors, clear="DeleteBucketCors"),
        _configured("WebsiteConfiguration", "PutBucketWebsite", "WebsiteConfiguration", _website, clear="DeleteBucketWebsite"),
        Setting(
            "LoggingConfiguration",
            Step(
                "s3:PutBucketLogging",
                lambda it: {
                    **_bucket(it),
                    "BucketLoggingStatus": _logging(it.properties.get("LoggingConfiguration"), it.physical_id),
                },
            ),
        ),
        Tagging(_tag, _untag, is_made=False),
    ),
    read_by=_read,
    delete_by=(Step("s3:DeleteBucket", _bucket),),
    recorded=dict.fromkeys(
        (
            "AccessControl",
            "BucketEncryption",
            "CorsConfiguration",
            "LifecycleConfiguration",
            "LoggingConfiguration",
            "OwnershipControls",
            "PublicAccessBlockConfiguration",
            "WebsiteConfiguration",
        ),
        NOT_HERE,
    ),
    refused={
        "ReplicationConfiguration": "there is no other region to replicate to",
        "NotificationConfiguration": NOT_HERE,
        "InventoryConfigurations": NOT_HERE,
        "MetricsConfigurations": NOT_HERE,
        "AnalyticsConfigurations": NOT_HERE,
        "IntelligentTieringConfigurations": NOT_HERE,
        "AccelerateConfiguration": "requests stay on this machine",
    },
)


async def _policy_read(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"Bucket": it.physical_id, "PolicyDocument": document(found["Policy"])}


BUCKET_POLICY: Final = Declared(
    name="AWS::S3::BucketPolicy",
    takes="Bucket PolicyDocument",
    create_by=Step(
        "s3:PutBucketPolicy",
        lambda it: {"Bucket": it.properties["Bucket"], "Policy": document_text(it.properties["PolicyDocument"])},
    ),
    identified_by=lambda it, _: str(it.properties["Bucket"]),
    update_by=Step("s3:PutBucketPolicy", lambda it: {**_bucket(it), "Policy": document_text(it.properties["PolicyDocument"])}),
    read_by=described(Step("s3:GetBucketPolicy", _bucket), "", _policy_read),
    delete_by=(Step("s3:DeleteBucketPolicy", _bucket),),
)

TYPES: Final = (BUCKET, BUCKET_POLICY)
