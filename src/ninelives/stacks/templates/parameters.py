"""Parameters: what a template declares, what it was given, and the values that come of it.

Source: "Parameters", CloudFormation user guide; messages as the service has them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ninelives.stacks.templates.errors import TemplateError

SSM_VALUE: Final = re.compile(r"AWS::SSM::Parameter::Value<(?P<inner>.+)>")
KNOWN: Final = re.compile(
    r"String|Number|List<Number>|List<String>|CommaDelimitedList|AWS::SSM::Parameter::Name"
    r"|(List<)?AWS::(EC2|Route53)::[A-Za-z]+(::[A-Za-z]+){1,2}>?"
)
KEYS: Final = frozenset(
    {
        "Type",
        "Default",
        "AllowedValues",
        "AllowedPattern",
        "ConstraintDescription",
        "Description",
        "MaxLength",
        "MinLength",
        "MaxValue",
        "MinValue",
        "NoEcho",
    }
)
HIDDEN: Final = "****"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One parameter of a request."""

    key: str
    value: str | None = None
    use_previous: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterValue:
    """What a parameter has in a stack. ``resolved`` is what Parameter Store had, for a type that looks there."""

    key: str
    value: str
    resolved: str | None = None
    no_echo: bool = False

    @property
    def used(self) -> str:
        return self.value if self.resolved is None else self.resolved

    @property
    def shown(self) -> str:
        return HIDDEN if self.no_echo else self.value


def without_secrets(value: Any, values: Sequence[ParameterValue]) -> Any:
    """A value in which asterisks stand for what parameters with ``NoEcho`` have.

    >>> secret = ParameterValue(key="Word", value="hush", no_echo=True)
    >>> without_secrets({"a": ["say hush"], "b": 1}, [secret])
    {'a': ['say ****'], 'b': 1}
    """
    secrets = [one.used for one in values if one.no_echo and one.used]
    return _masked(value, secrets) if secrets else value


def _masked(value: Any, secrets: Sequence[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
        return value
    if isinstance(value, Mapping):
        return {key: _masked(one, secrets) for key, one in value.items()}
    if isinstance(value, list):
        return [_masked(one, secrets) for one in value]
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A declaration."""

    name: str
    type: str
    default: str | None = None
    allowed_values: tuple[str, ...] = ()
    allowed_pattern: str | None = None
    constraint_description: str | None = None
    description: str = ""
    min_length: int | None = None
    max_length: int | None = None
    min_value: float | None = None
    max_value: float | None = None
    no_echo: bool = False

    @property
    def is_looked_up(self) -> bool:
        """Whether the value is the name of a parameter in Parameter Store."""
        return SSM_VALUE.fullmatch(self.type) is not None

    @property
    def value_type(self) -> str:
        found = SSM_VALUE.fullmatch(self.type)
        return found["inner"] if found else self.type

    @property
    def is_list(self) -> bool:
        return self.value_type == "CommaDelimitedList" or self.value_type.startswith("List<")


def read_parameters(section: Mapping[str, Any]) -> dict[str, Parameter]:
    """The declarations. Raises ``TemplateError``."""
    return {name: _read(name, body) for name, body in section.items()}


def _read(name: str, body: Any) -> Parameter:
    if not isinstance(body, Mapping) or not isinstance(body.get("Type"), str):
        raise TemplateError("Template format error: Every Parameters object must contain a Type member.")
    unknown = sorted(body.keys() - KEYS)
    if unknown:
        raise TemplateError(f"Invalid template parameter property '{unknown[0]}'")
    inner = SSM_VALUE.fullmatch(body["Type"])
    if not KNOWN.fullmatch(inner["inner"] if inner else body["Type"]):
        raise TemplateError(f"Template format error: Unrecognized parameter type: {body['Type']}")
    default = body.get("Default")
    if isinstance(default, Mapping):
        raise TemplateError(f"Template format error: Every Default member must be a string ({name}).")
    if isinstance(default, list):
        default = ",".join(map(scalar_text, default))
    try:
        return Parameter(
            name=name,
            type=body["Type"],
            default=None if default is None else scalar_text(default),
            allowed_values=tuple(scalar_text(value) for value in body.get("AllowedValues", ())),
            allowed_pattern=body.get("AllowedPattern"),
            constraint_description=body.get("ConstraintDescription"),
            description=body.get("Description", ""),
            min_length=_whole(body.get("MinLength")),
            max_length=_whole(body.get("MaxLength")),
            min_value=_number(body.get("MinValue")),
            max_value=_number(body.get("MaxValue")),
            no_echo=scalar_text(body.get("NoEcho", False)).lower() == "true",
        )
    except ValueError:
        raise TemplateError(f"Template format error: a length or bound of parameter {name} is no number.") from None


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def scalar_text(value: Any) -> str:
    """A scalar as CloudFormation writes it into text.

    >>> scalar_text(True), scalar_text(80), scalar_text(0.5)
    ('true', '80', '0.5')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def parameter_values(
    declared: Mapping[str, Parameter],
    given: Sequence[Given],
    previous: Mapping[str, ParameterValue] | None = None,
    *,
    is_strict: bool = True,
) -> tuple[ParameterValue, ...]:
    """The values of all declared parameters; those that are looked up are not resolved yet. Raises ``TemplateError``."""
    known = previous or {}
    surplus = sorted({one.key for one in given} - declared.keys())
    if surplus and is_strict:
        raise TemplateError(f"Parameters: [{', '.join(surplus)}] do not exist in the template")
    told = {one.key: one for one in given}
    values: dict[str, str] = {}
    for name, parameter in declared.items():
        one = told.get(name)
        if one is not None and one.use_previous:
            if name not in known:
                raise TemplateError(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for a parameter key not "
                    "in the previous template"
                )
            values[name] = known[name].value
        elif one is not None and one.value is not None:
            values[name] = one.value
        elif parameter.default is not None:
            values[name] = parameter.default
    missing = [name for name in declared if name not in values]
    if missing:
        raise TemplateError(f"Parameters: [{', '.join(missing)}] must have values")
    for name, value in values.items():
        if not declared[name].is_looked_up:
            check_value(declared[name], value)
    return tuple(ParameterValue(key=name, value=value, no_echo=declared[name].no_echo) for name, value in values.items())


def check_value(parameter: Parameter, value: str) -> None:
    """Raises ``TemplateError`` for a value that the declaration does not take."""
    items = [item.strip() for item in value.split(",")] if parameter.is_list else [value]
    for item in items if value or not parameter.is_list else ():
        for told in _violations(parameter, item):
            if parameter.constraint_description:
                raise TemplateError(
                    f"Parameter {parameter.name} failed to satisfy constraint: {parameter.constraint_description}"
                )
            raise TemplateError(f"Parameter '{parameter.name}' {told}")


def _violations(parameter: Parameter, item: str) -> Iterator[str]:
    if parameter.allowed_values and item not in parameter.allowed_values:
        yield "must be one of AllowedValues"
    if parameter.allowed_pattern is not None and not _matches(parameter, item):
        yield f"must match pattern {parameter.allowed_pattern}"
    if parameter.min_length is not None and len(item) < parameter.min_length:
        yield f"must contain at least {parameter.min_length} characters"
    if parameter.max_length is not None and len(item) > parameter.max_length:
        yield f"must contain at most {parameter.max_length} characters"
    if parameter.value_type in {"Number", "List<Number>"}:
        try:
            number = float(item)
        except ValueError:
            yield "must be a number"
            return
        if parameter.min_value is not None and number < parameter.min_value:
            yield f"must be a number not less than {parameter.min_value:g}"
        if parameter.max_value is not None and number > parameter.max_value:
            yield f"must be a number not greater than {parameter.max_value:g}"


def _matches(parameter: Parameter, item: str) -> bool:
    try:
        return re.fullmatch(parameter.allowed_pattern or "", item) is not None
    except re.error:
        raise TemplateError(f"Template format error: AllowedPattern of parameter {parameter.name} is no pattern.") from None


def value_of(parameter: Parameter, value: ParameterValue) -> str | list[str]:
    """What ``Ref`` gives."""
    if parameter.is_list:
        return [item.strip() for item in value.used.split(",")] if value.used else []
    return value.used
