"""KMS. Source: ``kms`` 2014-11-01."""

from collections.abc import Mapping
from typing import Any, Final

from ninelives.stacks.declared import Declared, Named, Setting, Step, ask, described, tag_list, tagging, take
from ninelives.stacks.resource_type import Request
from ninelives.stacks.spelling import document, document_text


def _key(it: Request) -> Mapping[str, Any]:
    return {"KeyId": it.physical_id}


class _Switch:
    """A property that an operation turns on and another off."""

    def __init__(self, name: str, on: str, off: str, *, default: bool) -> None:
        self.names, self._name, self._on, self._off, self._default = (name,), name, on, off, default

    async def make(self, it: Request) -> None:
        if it.properties.get(self._name, self._default) is not self._default:
            await self.change(it)

    async def change(self, it: Request) -> None:
        is_on = it.properties.get(self._name, self._default)
        period = it.properties.get("RotationPeriodInDays") if self._on == "kms:EnableKeyRotation" else None
        parameters = {**_key(it), "RotationPeriodInDays": period if is_on else None}
        await ask(it, self._on if is_on else self._off, parameters)

    async def unmake(self, it: Request) -> None:
        pass


async def _read(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    del found
    policy = await ask(it, "kms:GetKeyPolicy", {**_key(it), "PolicyName": "default"})
    rotation = await ask(it, "kms:GetKeyRotationStatus", _key(it))
    return {"KeyPolicy": document(policy["Policy"]), "EnableKeyRotation": rotation["KeyRotationEnabled"]}


KEY: Final = Declared(
    name="AWS::KMS::Key",
    takes="KeySpec KeyUsage MultiRegion Origin BypassPolicyLockoutSafetyCheck PendingWindowInDays RotationPeriodInDays",
    create_by=Step(
        "kms:CreateKey",
        lambda it: {
            **take("Description KeySpec KeyUsage MultiRegion Origin BypassPolicyLockoutSafetyCheck")(it),
            "Policy": document_text(it.properties.get("KeyPolicy")),
            "Tags": tag_list(it, "TagKey", "TagValue"),
        },
    ),
    identified_by="KeyMetadata.KeyId",
    parts=(
        _Switch("EnableKeyRotation", "kms:EnableKeyRotation", "kms:DisableKeyRotation", default=False),
        _Switch("Enabled", "kms:EnableKey", "kms:DisableKey", default=True),
        Setting(
            "Description",
            Step("kms:UpdateKeyDescription", lambda it: {**_key(it), "Description": it.properties.get("Description", "")}),
            is_made=True,
        ),
        Setting(
            "KeyPolicy",
            Step(
                "kms:PutKeyPolicy",
                lambda it: {**_key(it), "PolicyName": "default", "Policy": document_text(it.properties.get("KeyPolicy"))},
            ),
            is_made=True,
        ),
        tagging("kms:TagResource", "kms:UntagResource", _key, words=("TagKey", "TagValue")),
    ),
    read_by=described(
        Step("kms:DescribeKey", _key), "KeyMetadata", _read, where=lambda _, found: found["KeyState"] != "PendingDeletion"
    ),
    recorded={"KeyPolicy": "who may use a key is not checked"},
    delete_by=(
        Step(
            "kms:ScheduleKeyDeletion",
            lambda it: {**_key(it), "PendingWindowInDays": it.properties.get("PendingWindowInDays", 30)},
        ),
    ),
)


async def _alias(it: Request) -> Mapping[str, Any] | None:
    aliases = (await ask(it, "kms:ListAliases", {}))["Aliases"]
    found = next((one for one in aliases if one["AliasName"] == it.physical_id), None)
    return found and {"AliasName": it.physical_id, "TargetKeyId": found.get("TargetKeyId")}


ALIAS: Final = Declared(
    name="AWS::KMS::Alias",
    named=Named(name="AliasName"),
    takes="AliasName TargetKeyId",
    create_by=Step("kms:CreateAlias", take("AliasName TargetKeyId")),
    identified_by=lambda it, _: str(it.properties["AliasName"]),
    update_by=Step("kms:UpdateAlias", take("AliasName TargetKeyId")),
    read_by=_alias,
    delete_by=(Step("kms:DeleteAlias", take("AliasName")),),
)

TYPES: Final = (KEY, ALIAS)
