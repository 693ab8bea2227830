"""Stand-ins for the Lambda functions that lifecycle hooks name: a URL, or a Python function in a process of its own."""

from ninelives.hooks.functions import LocalFunctions
from ninelives.hooks.stand_ins import PythonStandIn, StandIn, UrlStandIn, read_stand_in, read_stand_ins

__all__ = ["LocalFunctions", "PythonStandIn", "StandIn", "UrlStandIn", "read_stand_in", "read_stand_ins"]
