"""Repositories on the wire: made, described, deleted, tagged; tag mutability and scanning."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ninelives.api.call import Call
from ninelives.api.ecr.shop import EcrHandler, Shop, invalid, page
from ninelives.model.errors import ApiError
from ninelives.registry import Repository
from ninelives.registry.errors import RepositoryNotFound

TAGS_MAX = 50
KEY_MAX = 128
VALUE_MAX = 256
WILDCARDS_MAX = 2


def create_repository(shop: Shop, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    registry_id = parameters.get("registryId", shop.registry.id)
    if registry_id != shop.registry.id:
        raise invalid("registryId", f"must be this registry's id, {shop.registry.id}")
    mutability, filters = _mutability(parameters)
    encryption = parameters.get("encryptionConfiguration", {})
    made = shop.registry.create_repository(
        Repository(
            name=parameters["repositoryName"],
            created_at=shop.now(),
            tag_mutability=mutability,
            exclusion_filters=filters,
            scan_on_push=parameters.get("imageScanningConfiguration", {}).get("scanOnPush", False),
            encryption_type=encryption.get("encryptionType", "AES256"),
            kms_key=encryption.get("kmsKey"),
            tags=_with_tags({}, parameters.get("tags", ())),
        )
    )
    return {"repository": write_repository(shop, made)}


def _mutability(parameters: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    mutability = str(parameters.get("imageTagMutability") or "MUTABLE")
    filters = tuple(one["filter"] for one in parameters.get("imageTagMutabilityExclusionFilters", ()))
    if mutability.endswith("_WITH_EXCLUSION") != bool(filters):
        raise invalid(
            "imageTagMutabilityExclusionFilters",
            "must be given with IMMUTABLE_WITH_EXCLUSION and MUTABLE_WITH_EXCLUSION, and only with them",
        )
    for one in filters:
        if one.count("*") > WILDCARDS_MAX:
            raise invalid("imageTagMutabilityExclusionFilters", f"a filter has at most {WILDCARDS_MAX} wildcards: {one}")
    return mutability, filters


def describe_repositories(shop: Shop, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    registry_id = parameters.get("registryId", shop.registry.id)
    names = parameters.get("repositoryNames")
    if names:
        if registry_id != shop.registry.id:
            raise RepositoryNotFound(names[0], registry_id)
        return {"repositories": [write_repository(shop, shop.registry.repository(name)) for name in names]}
    everything = shop.registry.repositories() if registry_id == shop.registry.id else []
    shown, token = page(everything, parameters, lambda one: one.name)
    return {"repositories": [write_repository(shop, one) for one in shown], "nextToken": token}


def delete_repository(shop: Shop, call: Call) -> Mapping[str, Any]:
    name = shop.repository(call).name
    deleted = shop.registry.delete_repository(name, force=call.parameters.get("force", False))
    return {"repository": write_repository(shop, deleted)}


def put_image_tag_mutability(shop: Shop, call: Call) -> Mapping[str, Any]:
    mutability, filters = _mutability(call.parameters)
    changed = replace(shop.repository(call), tag_mutability=mutability, exclusion_filters=filters)
    shop.registry.change_repository(changed)
    return {**_named(shop, changed), **_write_mutability(changed)}


def put_image_scanning_configuration(shop: Shop, call: Call) -> Mapping[str, Any]:
    """Recorded; nothing is scanned here."""
    scan_on_push = call.parameters["imageScanningConfiguration"].get("scanOnPush", False)
    changed = shop.registry.change_repository(replace(shop.repository(call), scan_on_push=scan_on_push))
    return {**_named(shop, changed), "imageScanningConfiguration": {"scanOnPush": scan_on_push}}


def tag_resource(shop: Shop, call: Call) -> Mapping[str, Any]:
    found = shop.repository_of(call.parameters["resourceArn"])
    shop.registry.change_repository(replace(found, tags=_with_tags(found.tags, call.parameters["tags"])))
    return {}


def untag_resource(shop: Shop, call: Call) -> Mapping[str, Any]:
    found = shop.repository_of(call.parameters["resourceArn"])
    left = {key: value for key, value in found.tags.items() if key not in call.parameters["tagKeys"]}
    shop.registry.change_repository(replace(found, tags=left))
    return {}


def list_tags_for_resource(shop: Shop, call: Call) -> Mapping[str, Any]:
    found = shop.repository_of(call.parameters["resourceArn"])
    return {"tags": [{"Key": key, "Value": value} for key, value in found.tags.items()]}


def _with_tags(before: Mapping[str, str], given: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
    for one in given:
        key, value = one["Key"], one["Value"]
        if not 1 <= len(key) <= KEY_MAX or len(value) > VALUE_MAX or key.lower().startswith("aws:"):
            message = (
                f"Invalid tag '{key}': keys have 1 to {KEY_MAX} characters and do not begin with aws:, "
                f"values have at most {VALUE_MAX} characters."
            )
            raise ApiError("InvalidTagParameterException", message)
    tags = dict(before) | {one["Key"]: one["Value"] for one in given}
    if len(tags) > TAGS_MAX:
        raise ApiError("TooManyTagsException", f"A repository has at most {TAGS_MAX} tags; these would be {len(tags)}.")
    return tags


def _named(shop: Shop, repository: Repository) -> dict[str, Any]:
    return {"registryId": shop.registry.id, "repositoryName": repository.name}


def _write_mutability(repository: Repository) -> Mapping[str, Any]:
    filters = [{"filterType": "WILDCARD", "filter": one} for one in repository.exclusion_filters]
    return {
        "imageTagMutability": repository.tag_mutability,
        "imageTagMutabilityExclusionFilters": filters or None,
    }


def write_repository(shop: Shop, repository: Repository) -> Mapping[str, Any]:
    return {
        "repositoryArn": shop.arn(repository.name),
        **_named(shop, repository),
        "repositoryUri": f"{shop.endpoint}/{repository.name}",
        "createdAt": repository.created_at,
        **_write_mutability(repository),
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": {"encryptionType": repository.encryption_type, "kmsKey": repository.kms_key},
    }


HANDLERS: Mapping[str, EcrHandler] = {
    "CreateRepository": create_repository,
    "DescribeRepositories": describe_repositories,
    "DeleteRepository": delete_repository,
    "PutImageTagMutability": put_image_tag_mutability,
    "PutImageScanningConfiguration": put_image_scanning_configuration,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "ListTagsForResource": list_tags_for_resource,
}
