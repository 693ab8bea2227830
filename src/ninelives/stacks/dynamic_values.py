"""Looks up what templates only point at: parameters of Parameter Store, and dynamic references."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from ninelives.model.errors import ApiError
from ninelives.stacks.resource_type import AwsCall
from ninelives.stacks.templates.dynamic import DynamicReference, ParameterReference, SecretReference, dynamic_references
from ninelives.stacks.templates.errors import TemplateError


async def dynamic_values(call: AwsCall, parts: Sequence[Any]) -> Mapping[str, str]:
    """What each dynamic reference in ``parts`` stands for, by its text. Raises ``TemplateError``."""
    references = {text: meaning for part in parts for text, meaning in dynamic_references(part)}
    return {text: await _value(call, text, meaning) for text, meaning in references.items()}


async def _value(call: AwsCall, text: str, reference: DynamicReference) -> str:
    match reference:
        case ParameterReference():
            return await _parameter(call, reference)
        case SecretReference():
            return await _secret(call, text, reference)
        case _:
            assert_never(reference)


async def _parameter(call: AwsCall, reference: ParameterReference) -> str:
    name = reference.name if reference.version is None else f"{reference.name}:{reference.version}"
    try:
        answer = await call("ssm", "GetParameter", {"Name": name, "WithDecryption": reference.is_secure})
    except ApiError:
        raise TemplateError(f"Parameters: [ssm{'-secure' if reference.is_secure else ''}:{name}] cannot be found.") from None
    found = answer["Parameter"]
    if found["Type"] == "SecureString" and not reference.is_secure:
        message = f"Non-secure reference to a SecureString: {reference.name}. Use {{{{resolve:ssm-secure:…}}}}."
        raise TemplateError(message)
    return str(found["Value"])


async def _secret(call: AwsCall, text: str, reference: SecretReference) -> str:
    given = {"SecretId": reference.secret_id, "VersionStage": reference.version_stage, "VersionId": reference.version_id}
    try:
        answer = await call("secretsmanager", "GetSecretValue", {key: one for key, one in given.items() if one is not None})
    except ApiError as error:
        raise TemplateError(f"Could not resolve {text}: {error.message}") from None
    secret = answer.get("SecretString")
    if secret is None:
        raise TemplateError(f"Could not resolve {text}: the secret has no text.")
    if reference.json_key is None:
        return str(secret)
    try:
        found = json.loads(secret)[reference.json_key]
    except (ValueError, KeyError, TypeError):
        raise TemplateError(f"Could not resolve {text}: the secret has no key {reference.json_key}.") from None
    return found if isinstance(found, str) else json.dumps(found)


async def stored_parameters(call: AwsCall, names: Sequence[str]) -> Mapping[str, str]:
    """The values of parameters of Parameter Store, by name. Raises ``TemplateError`` that names the ones it has not."""
    found: dict[str, str] = {}
    for name in names:
        try:
            answer = await call("ssm", "GetParameter", {"Name": name})
        except ApiError:
            continue
        if answer["Parameter"]["Type"] == "SecureString":
            raise TemplateError(f"Parameters [{name}] referenced by template have types not supported by CloudFormation.")
        found[name] = str(answer["Parameter"]["Value"])
    missing = [name for name in names if name not in found]
    if missing:
        raise TemplateError(f"Unable to fetch parameters [{','.join(missing)}] from parameter store for this account.")
    return found
