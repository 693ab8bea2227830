"""Where the values of a container's variables are: ``valueFrom`` of secrets, environment files. Pure: it reads no value.

Source: ECS developer guide, "Pass Secrets Manager secrets through environment variables" (the ARN with its further parts),
"Pass Systems Manager parameters through environment variables", "Use a file to pass environment variables to a container".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ENVIRONMENT_FILE = re.compile(r"arn:aws[a-z-]*:s3:::(?P<bucket>[^/]+)/(?P<key>.+\.env)")
SECRET_ARN_PARTS = 7
"""``arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME``; json key, version stage and version id may follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterReference:
    """A parameter of Systems Manager; ``name`` as GetParameters takes it."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReference:
    """A secret of Secrets Manager, or one value of its JSON object; the newest version where none is named."""

    arn: str
    json_key: str | None = None
    version_stage: str | None = None
    version_id: str | None = None


def read_value_from(value_from: str) -> ParameterReference | SecretReference:
    """What ``valueFrom`` of a secret names. What is no ARN of Secrets Manager is a parameter's.

    >>> read_value_from("arn:aws:secretsmanager:eu-west-1:123456789012:secret:cats-AbCdEf:key::")
    SecretReference(arn='arn:aws:secretsmanager:eu-west-1:123456789012:secret:cats-AbCdEf', json_key='key', \
version_stage=None, version_id=None)
    >>> read_value_from("/cats/key"), read_value_from("arn:aws:ssm:eu-west-1:123456789012:parameter/cats/key")
    (ParameterReference(name='/cats/key'), ParameterReference(name='/cats/key'))
    >>> read_value_from("arn:aws:ssm:eu-west-1:123456789012:parameter/key")
    ParameterReference(name='key')
    """
    parts = value_from.split(":")
    if parts[0] != "arn" or len(parts) < SECRET_ARN_PARTS - 1:
        return ParameterReference(name=value_from)
    if parts[2] == "ssm":
        name = ":".join(parts[5:]).removeprefix("parameter/")
        return ParameterReference(name=f"/{name}" if "/" in name else name)
    json_key, version_stage, version_id, *_ = [*(one or None for one in parts[SECRET_ARN_PARTS:]), None, None, None]
    return SecretReference(
        arn=":".join(parts[:SECRET_ARN_PARTS]), json_key=json_key, version_stage=version_stage, version_id=version_id
    )


def read_environment_file(text: str) -> dict[str, str]:
    r"""The variables of a file, a line each, taken as it is: no quotes, no escapes; lines without ``=`` say nothing.

    >>> read_environment_file("# cats\nNAME=Tom\nGREETING=\"a=b\"\n\nEMPTY=\nnothing\n=none\n")
    {'NAME': 'Tom', 'GREETING': '"a=b"', 'EMPTY': ''}
    """
    lines = (line for line in text.splitlines() if "=" in line and not line.lstrip().startswith("#"))
    return {name: value for name, _, value in (line.partition("=") for line in lines) if name.strip()}


def added_variables(defined: Iterable[str], files: Iterable[Mapping[str, str]], secrets: Mapping[str, str]) -> dict[str, str]:
    """What files and secrets add to the variables that are ``defined``: of two files the first that has a name counts.

    >>> added_variables(["A"], [{"A": "file", "B": "first"}, {"B": "second", "C": "second"}], {"D": "secret"})
    {'B': 'first', 'C': 'second', 'D': 'secret'}
    """
    known = set(defined)
    added: dict[str, str] = {}
    for file in files:
        added |= {name: value for name, value in file.items() if name not in known and name not in added}
    return added | dict(secrets)
