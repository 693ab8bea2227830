"""What a container's awslogs options say: where its lines go in CloudWatch Logs, and which of them make one event.

Source: ECS developer guide, "Send Amazon ECS logs to CloudWatch"; Docker's manual, "Amazon CloudWatch Logs logging driver".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from ninelives.model.ecs import Task, TaskDefinition
from ninelives.monitoring.regular_expressions import Expression, ExpressionInvalid

DATETIME_FORMAT: Final = "awslogs-datetime-format"
CREATE_GROUP: Final = "awslogs-create-group"
MULTILINE_PATTERN: Final = "awslogs-multiline-pattern"

DIRECTIVES: Final = {
    "a": "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)",
    "A": "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)",
    "w": "[0-6]",
    "d": "(?:0[1-9]|[12][0-9]|3[01])",
    "b": "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)",
    "B": "(?:January|February|March|April|May|June|July|August|September|October|November|December)",
    "m": "(?:0[1-9]|1[0-2])",
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "H": "(?:[01][0-9]|2[0-3])",
    "I": "(?:0[0-9]|1[0-2])",
    "p": "[AP]M",
    "M": "[0-5][0-9]",
    "S": "[0-5][0-9]",
    "L": r"\.\d{3}",
    "f": r"\d{6}",
    "z": r"[+-]\d{4}",
    "Z": "[A-Z]{1,4}T",
    "j": "(?:[0-2][0-9]{2}|3[0-5][0-9]|36[0-6])",
}
"""What each directive of a date's format stands for. Source: Docker's manual, "awslogs-datetime-format"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogDestination:
    group: str
    stream: str
    create_group: bool
    first_line: Expression | None = None
    """What the first line of an event matches; None where each line is one."""


def destination(task: Task, definition: TaskDefinition, container_name: str) -> LogDestination | None:
    """Group and stream (``prefix/container/task-id``) of a container; None where it does not log by awslogs."""
    container = next((one for one in definition.containers if one.name == container_name), None)
    if container is None or container.log_driver != "awslogs":
        return None
    options = dict(container.log_options)
    prefix = options.get("awslogs-stream-prefix")
    return LogDestination(
        group=options["awslogs-group"],
        stream=f"{prefix}/{container_name}/{task.id}" if prefix else task.id,
        create_group=options.get(CREATE_GROUP) == "true",
        first_line=first_line(options),
    )


def first_line(options: Mapping[str, str]) -> Expression | None:
    """What begins an event of several lines; None where no option says so, or none that can be read."""
    pattern = options.get(MULTILINE_PATTERN)
    if pattern is None and DATETIME_FORMAT in options:
        pattern = datetime_expression(options[DATETIME_FORMAT])
    if pattern is None:
        return None
    try:
        return _compiled(pattern)
    except ExpressionInvalid:
        return None


def datetime_expression(text: str) -> str:
    r"""The regular expression of a date's format. As in Docker's driver, what is no directive stands as it is.

    >>> datetime_expression("[%b %d, %Y")
    '[(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?:0[1-9]|[12][0-9]|3[01]), \\d{4}'
    >>> datetime_expression(r"\[%H:%M")
    '\\[(?:[01][0-9]|2[0-3]):[0-5][0-9]'
    """
    return re.sub("%(.)", lambda found: DIRECTIVES.get(found[1], ""), text)


@cache
def _compiled(pattern: str) -> Expression:
    return Expression(pattern)


def problems(options: Mapping[str, str]) -> Iterator[str]:
    """Why Docker's driver does not begin with these options, in its words."""
    if DATETIME_FORMAT in options and MULTILINE_PATTERN in options:
        yield f"you cannot configure log opt '{DATETIME_FORMAT}' and '{MULTILINE_PATTERN}' at the same time"
    elif first_line(options) is None:
        for name in (MULTILINE_PATTERN, DATETIME_FORMAT):
            if name in options:
                yield f'awslogs could not parse multiline pattern key "{options[name]}"'
    if options.get(CREATE_GROUP, "true") not in {"true", "false"}:
        yield f"must specify valid value for log opt '{CREATE_GROUP}': {options[CREATE_GROUP]}"
    if options.get("mode", "blocking") not in {"blocking", "non-blocking"}:
        yield f'logger: logging mode not valid: "{options["mode"]}"'
    if "max-buffer-size" in options and options.get("mode") != "non-blocking":
        yield "logger: max-buffer-size option is only supported with 'mode=non-blocking'"
