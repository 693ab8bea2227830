"""CloudWatch's nouns that others act on. Source of every name: botocore ``cloudwatch`` 2010-08-01."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class StateValue(StrEnum):
    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmFacts:
    """What a deployment needs to know of an alarm that guards it."""

    name: str
    state: StateValue
    span: timedelta
    """Its period times its evaluation periods: how long it takes to see a fault."""
