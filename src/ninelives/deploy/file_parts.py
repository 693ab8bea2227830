"""What all parts of the service file have in common: how quantities are written, and that nothing unknown is taken."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from ninelives.deploy.quantities import read_duration, read_percentage, read_tenths, write_duration, write_tenths

WHOLE_PERCENT = 100

Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration),
    PlainSerializer(write_duration, return_type=str),
    WithJsonSchema(
        {"type": ["string", "number"], "pattern": r"^(\d+(\.\d+)?\s*(ms|s|m|h|d)?\s*)+$", "examples": ["30s", "5m"]}
    ),
]
Percentage = Annotated[
    int,
    BeforeValidator(read_percentage),
    PlainSerializer(lambda percent: f"{percent}%", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+\s*%$", "examples": ["100%"]}),
]
Tenths = Annotated[
    float,
    BeforeValidator(read_tenths),
    PlainSerializer(write_tenths, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d)?\s*%$", "examples": ["5%"]}),
]
"""A percentage in tenths."""
Port = Annotated[int, Field(ge=1, le=65535)]


def whole_seconds(value: timedelta, low: int, high: int) -> timedelta:
    seconds = value.total_seconds()
    if seconds != int(seconds) or not low <= seconds <= high:
        raise ValueError(f"expected whole seconds from {low}s to {high}s, found {write_duration(value)}")
    return value


def whole_minutes(value: timedelta, low: int, high: int) -> timedelta:
    """ECS counts bakes and time-outs by the minute."""
    minutes = value.total_seconds() / 60
    if minutes != int(minutes) or not low <= minutes <= high:
        raise ValueError(f"expected whole minutes from {low}m to {high}m, found {write_duration(value)}")
    return value


class Part(BaseModel):
    """What all parts of the file have in common: nothing unknown, nothing converted by guess, nothing changed later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
