"""What CloudFormation's handlers share: what one is, how a request is read, and pages."""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

from ninelives.api.call import Call
from ninelives.model.errors import ApiError
from ninelives.stacks.blueprints import TEMPLATE_BODY_MAX, TEMPLATE_OBJECT_MAX, Wanted, invalid
from ninelives.stacks.engine import Engine
from ninelives.stacks.records import OnFailure
from ninelives.stacks.templates.parameters import Given

T = TypeVar("T")

EngineHandler = Callable[[Engine, Call], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]

PAGE: Final = 100
VIRTUAL_HOST: Final = re.compile(r"(?P<bucket>[a-z0-9.-]{3,63})\.s3[.-]([a-z0-9-]+\.)?(amazonaws\.com(\.cn)?|localhost)")
S3_MORE: Final = "For more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"


async def read_wanted(engine: Engine, parameters: Mapping[str, Any]) -> Wanted:
    """What a request says of a stack. Raises ``ApiError``."""
    tags = parameters.get("Tags")
    notified = parameters.get("NotificationARNs")
    return Wanted(
        template_body=await read_template_text(engine, parameters),
        use_previous_template=parameters.get("UsePreviousTemplate", False),
        parameters=tuple(read_parameter(one) for one in parameters.get("Parameters", ())),
        tags=read_tags(tags) if tags is not None else None,
        capabilities=tuple(parameters.get("Capabilities", ())),
        notification_arns=tuple(notified) if notified is not None else None,
        role_arn=parameters.get("RoleARN"),
        client_token=parameters.get("ClientRequestToken") or parameters.get("ClientToken"),
        resource_types=tuple(parameters.get("ResourceTypes", ())),
    )


def read_parameter(given: Mapping[str, Any]) -> Given:
    return Given(
        key=given.get("ParameterKey", ""),
        value=given.get("ParameterValue"),
        use_previous=given.get("UsePreviousValue", False),
    )


def read_tags(given: Sequence[Mapping[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag in given:
        if tag["Key"].startswith("aws:"):
            raise invalid(f"Tag keys beginning with aws: are reserved for AWS: {tag['Key']}")
        if tag["Key"] in found:
            raise invalid(f"Duplicate tag key: {tag['Key']}")
        found[tag["Key"]] = tag["Value"]
    return found


async def read_template_text(engine: Engine, parameters: Mapping[str, Any]) -> str | None:
    """The template of a request, from S3 where it names it; None where it gives none. Raises ``ApiError``."""
    body, url = parameters.get("TemplateBody"), parameters.get("TemplateURL")
    if body and url:
        raise invalid("Template Body and Template URL cannot both be specified.")
    if url:
        return await fetch_template(engine, url)
    if body is not None and len(body.encode()) > TEMPLATE_BODY_MAX:
        raise invalid(
            "1 validation error detected: Value '...' at 'templateBody' failed to satisfy constraint: Member must have "
            f"length less than or equal to {TEMPLATE_BODY_MAX}"
        )
    return str(body) if body is not None else None


async def read_text_or_url(engine: Engine, parameters: Mapping[str, Any], name: str) -> str | None:
    """A document that a request gives itself (``…Body``) or by its place in S3 (``…URL``)."""
    if parameters.get(f"{name}URL"):
        return await fetch_template(engine, parameters[f"{name}URL"])
    body = parameters.get(f"{name}Body")
    return str(body) if body is not None else None


async def fetch_template(engine: Engine, url: str) -> str:
    """An object of the region's S3. Raises ``ApiError``."""
    bucket, key = bucket_and_key(url)
    try:
        answer = await engine.callers_call("s3", "GetObject", {"Bucket": bucket, "Key": key})
    except ApiError as error:
        raise invalid(f"S3 error: {error.message}\n{S3_MORE}") from None
    body: bytes = answer["Body"]
    if len(body) > TEMPLATE_OBJECT_MAX:
        raise invalid(f"Template may not exceed {TEMPLATE_OBJECT_MAX} bytes in size.")
    return body.decode()


def bucket_and_key(url: str) -> tuple[str, str]:
    """Raises ``ApiError`` for what is no place in S3.

    >>> bucket_and_key("https://s3.eu-west-1.amazonaws.com/templates/a%20b.json")
    ('templates', 'a b.json')
    >>> bucket_and_key("https://templates.s3.eu-west-1.amazonaws.com/cats/web.yml?versionId=1")
    ('templates', 'cats/web.yml')
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host, parts = "", urlsplit("")
    path = unquote(parts.path.lstrip("/"))
    virtual = VIRTUAL_HOST.fullmatch(host)
    if virtual is not None:
        bucket, key = virtual["bucket"], path
    else:
        bucket, _, key = path.partition("/")
    if parts.scheme not in {"http", "https"} or not bucket or not key:
        raise invalid("TemplateURL must be a supported URL.")
    return bucket, key


def read_on_failure(parameters: Mapping[str, Any]) -> OnFailure:
    """What a failed creation leads to. Raises ``ApiError``."""
    if "OnFailure" in parameters and "DisableRollback" in parameters:
        raise invalid("You can specify either DisableRollback or OnFailure, but not both")
    if parameters.get("DisableRollback"):
        return OnFailure.DO_NOTHING
    return OnFailure(parameters.get("OnFailure", OnFailure.ROLLBACK))


def write_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def page(
    items: Sequence[T], token: str | None, *, key: Callable[[T], str], size: int = PAGE
) -> tuple[Sequence[T], str | None]:
    """The page after ``token``, and the token of the next: the key of the last item shown."""
    start = 0
    if token:
        last = _read_token(token)
        found = next((place for place, item in enumerate(items) if key(item) == last), None)
        if found is None:
            raise invalid("Invalid NextToken.")
        start = found + 1
    shown = items[start : start + size]
    is_last = start + len(shown) >= len(items)
    return shown, None if is_last else base64.urlsafe_b64encode(key(shown[-1]).encode()).decode()


def _read_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeError):
        raise invalid("Invalid NextToken.") from None
