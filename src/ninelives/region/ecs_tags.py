"""Intents on tags and account settings."""

from collections.abc import Sequence
from dataclasses import replace

from ninelives.model.ecs import AccountSetting, Cluster, Json, Service, ServiceStatus, Task, TaskDefinition
from ninelives.model.errors import ApiError
from ninelives.region.region import Region

TAGS_MAX = 50

Tagged = Cluster | TaskDefinition | Service | Task


def read_tags(given: Sequence[Json]) -> dict[str, str]:
    """Tags by key. Raises ``InvalidParameterException`` for a key that is reserved or given twice.

    Lengths and number are constraints of the model, checked before.
    """
    tags: dict[str, str] = {}
    for one in given:
        key, value = one.get("key", ""), one.get("value", "")
        if key.lower().startswith("aws:"):
            raise ApiError("InvalidParameterException", f"Tag keys that start with 'aws:' are reserved: '{key}'")
        if key in tags:
            raise ApiError("InvalidParameterException", f"Duplicate tag keys found: '{key}'")
        tags[key] = value
    return tags


def tagged(region: Region, arn: str, *, missing_code: str = "InvalidParameterException") -> Tagged:
    """The record that can be tagged under that ARN."""
    state = region.state
    tables = (state.clusters, state.services, state.tasks, state.task_definitions)
    found = next((table[arn] for table in tables if arn in table), None)
    if isinstance(found, Cluster) and found.status != "ACTIVE":
        message = "The specified cluster is inactive. Specify an active cluster and try again."
        raise ApiError("InvalidParameterException", message)
    if found is None or (isinstance(found, Service) and found.status is ServiceStatus.INACTIVE):
        raise ApiError(missing_code, f"The specified resource was not found: {arn}. Specify a valid ARN and try again.")
    return found


def tag_resource(region: Region, arn: str, tags: Json) -> None:
    """Lay ``tags`` over those of the resource."""
    found = tagged(region, arn, missing_code="ResourceNotFoundException")
    after = dict(found.tags) | dict(tags)
    if len(after) > TAGS_MAX:
        raise ApiError("InvalidParameterException", f"A resource can have at most {TAGS_MAX} tags.")
    with region.state.transaction() as changes:
        changes.put(replace(found, tags=after))


def untag_resource(region: Region, arn: str, keys: Sequence[str]) -> None:
    """Remove the tags of these keys; one that is not there is no mistake."""
    found = tagged(region, arn, missing_code="ResourceNotFoundException")
    with region.state.transaction() as changes:
        changes.put(replace(found, tags={key: value for key, value in found.tags.items() if key not in keys}))


def put_account_setting(region: Region, setting: AccountSetting) -> AccountSetting:
    with region.state.transaction() as changes:
        changes.put(setting)
    return setting


def delete_account_setting(region: Region, *, name: str, principal_arn: str) -> None:
    """Forget a setting, so that the account's default holds again."""
    found = region.state.account_settings.get(f"{principal_arn}#{name}")
    if found is not None:
        with region.state.transaction() as changes:
            changes.delete(found)
