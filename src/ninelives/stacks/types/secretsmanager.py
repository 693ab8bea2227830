"""Secrets Manager. Source: ``secretsmanager`` 2017-10-17."""

import json
from collections.abc import Mapping
from typing import Any, Final

from ninelives.stacks.declared import Declared, Setting, Step, ask, described, tag_list, tagging, take
from ninelives.stacks.resource_type import Request, ResourceFailed

GENERATED: Final = (
    "ExcludeCharacters ExcludeLowercase ExcludeNumbers ExcludePunctuation ExcludeUppercase IncludeSpace PasswordLength "
    "RequireEachIncludedType"
)


def _name(it: Request) -> str:
    """Source: "AWS::SecretsManager::Secret", what a secret without name is called."""
    return str(it.properties.get("Name") or f"{it.logical_id}-{it.suffix}")


async def _text(it: Request) -> str | None:
    """What the secret is: the template's text, or one that is generated as it says."""
    generated = it.properties.get("GenerateSecretString")
    if generated is None:
        given = it.properties.get("SecretString")
        return None if given is None else str(given)
    password = {name: generated[name] for name in GENERATED.split() if name in generated}
    secret = str((await ask(it, "secretsmanager:GetRandomPassword", password))["RandomPassword"])
    if "GenerateStringKey" not in generated:
        return secret
    try:
        template = json.loads(generated.get("SecretStringTemplate", "{}"))
    except ValueError:
        reason = "Could not parse SecretStringTemplate JSON in GenerateSecretString property."
        raise ResourceFailed(reason, code="InvalidRequest") from None
    return json.dumps({**template, generated["GenerateStringKey"]: secret})


class _Value:
    """The secret itself, which is put as a version of its own."""

    names = ("SecretString", "GenerateSecretString")

    async def make(self, it: Request) -> None:
        text = await _text(it)
        if text is not None:
            await ask(it, "secretsmanager:PutSecretValue", {"SecretId": it.physical_id, "SecretString": text})

    async def change(self, it: Request) -> None:
        await self.make(it)

    async def unmake(self, it: Request) -> None:
        pass


async def _secret(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    tags = [tag for tag in found.get("Tags", ()) if not tag["Key"].startswith("aws:")]
    return {"Id": it.physical_id, "Tags": tags or None}


def _is_kept(_: Request, found: Mapping[str, Any]) -> bool:
    return "DeletedDate" not in found


async def _find(it: Request) -> str | None:
    found = await described(Step("secretsmanager:DescribeSecret", lambda _: {"SecretId": _name(it)}), "")(it)
    return str(found["ARN"]) if found and _is_kept(it, found) else None


SECRET: Final = Declared(
    name="AWS::SecretsManager::Secret",
    takes="Name",
    create_by=Step(
        "secretsmanager:CreateSecret",
        lambda it: {
            **take("Description KmsKeyId")(it),
            "Name": _name(it),
            "Tags": tag_list(it),
            "ClientRequestToken": it.token or None,
        },
    ),
    identified_by="ARN",
    parts=(
        Setting(
            "Description KmsKeyId",
            Step(
                "secretsmanager:UpdateSecret",
                lambda it: {
                    "SecretId": it.physical_id,
                    "Description": "",
                    "ClientRequestToken": it.token or None,
                    **take("Description KmsKeyId")(it),
                },
            ),
            is_made=True,
        ),
        _Value(),
        tagging("secretsmanager:TagResource", "secretsmanager:UntagResource", lambda it: {"SecretId": it.physical_id}),
    ),
    read_by=described(Step("secretsmanager:DescribeSecret", lambda it: {"SecretId": it.physical_id}), "", _secret),
    delete_by=(
        Step(
            "secretsmanager:DeleteSecret",
            lambda it: {"SecretId": it.physical_id, "ForceDeleteWithoutRecovery": True},
        ),
    ),
    find_by=_find,
    refused={"ReplicaRegions": "there is no other region to replicate to", "Type": "partners' secrets are not here"},
)

TYPES: Final = (SECRET,)
