"""Runs one function once: ``worker.py PATH FUNCTION ARN`` with the event on stdin; the result goes to stdout as JSON.

A program of its own, on the standard library alone. What the function prints goes to stderr. Exit code 1: it failed, and
stdout says how.
"""

import json
import os
import runpy
import signal
import sys
import time
import traceback
import uuid
from pathlib import Path
from typing import Any

SECONDS_MAX = 900


class Context:
    """Of Lambda's context object, what functions usually ask."""

    memory_limit_in_mb = "128"
    function_version = "$LATEST"

    def __init__(self, arn: str) -> None:
        self.invoked_function_arn = arn
        self.function_name = arn.partition(":function:")[2].partition(":")[0]
        self.aws_request_id = str(uuid.uuid4())
        self._ends = time.monotonic() + SECONDS_MAX

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._ends - time.monotonic()) * 1000))


def main(path: str, function: str, arn: str) -> int:
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    signal.alarm(SECONDS_MAX)  # also where nobody waits any more
    event: Any = json.load(sys.stdin)
    sys.path.insert(0, str(Path(path).parent))
    try:
        module = runpy.run_path(path, run_name=Path(path).stem)
        result = json.dumps(module[function](event, Context(arn))) if function in module else None
        told, code = (f"{path} has no {function}", 1) if result is None else (result, 0)
    except BaseException as error:  # noqa: BLE001 (whatever a function may raise; sys.exit() too)
        traceback.print_exc()
        told, code = " ".join(f"{type(error).__name__}: {error}".split()), 1
    with answer:
        answer.write(told)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
