"""A repository's own policy: who may use it, on the wire."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ninelives.api.call import Call
from ninelives.api.ecr.shop import EcrHandler, Shop, invalid
from ninelives.model.errors import ApiError
from ninelives.registry import Repository


def set_repository_policy(shop: Shop, call: Call) -> Mapping[str, Any]:
    found, text = shop.repository(call), call.parameters["policyText"]
    if not _is_policy(text):
        raise invalid("PolicyText", "Invalid repository policy provided")
    shop.registry.change_repository(replace(found, policy=text))
    return _written(shop, found, "policyText", text)


def get_repository_policy(shop: Shop, call: Call) -> Mapping[str, Any]:
    found = shop.repository(call)
    return _written(shop, found, "policyText", _policy(shop, found))


def delete_repository_policy(shop: Shop, call: Call) -> Mapping[str, Any]:
    found = shop.repository(call)
    text = _policy(shop, found)
    shop.registry.change_repository(replace(found, policy=None))
    return _written(shop, found, "policyText", text)


def _is_policy(text: str) -> bool:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and isinstance(document.get("Statement"), list | dict)


def _policy(shop: Shop, repository: Repository) -> str:
    if repository.policy is None:
        raise ApiError("RepositoryPolicyNotFoundException", _none(shop, repository))
    return repository.policy


def _none(shop: Shop, repository: Repository) -> str:
    return (
        f"Repository policy does not exist for the repository with name '{repository.name}' "
        f"in the registry with id '{shop.registry.id}'"
    )


def _written(shop: Shop, repository: Repository, member: str, text: str) -> Mapping[str, Any]:
    return {"registryId": shop.registry.id, "repositoryName": repository.name, member: text}


HANDLERS: Mapping[str, EcrHandler] = {
    "SetRepositoryPolicy": set_repository_policy,
    "GetRepositoryPolicy": get_repository_policy,
    "DeleteRepositoryPolicy": delete_repository_policy,
}
