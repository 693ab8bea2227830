"""A Python function as a stand-in, in a process of its own: whatever it does, the control plane goes on."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ninelives.hooks.stand_ins import PythonStandIn
from ninelives.region.ports import HookUnreachable

log = logging.getLogger(__name__)

WORKER = Path(__file__).with_name("worker.py")
FAILED = 1


async def run_function(stand_in: PythonStandIn, function_arn: str, payload: Mapping[str, Any]) -> bytes:
    """What the function returned, as JSON. Raises ``HookUnreachable`` for what it raised, or for its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(WORKER),
        str(stand_in.path),
        stand_in.function,
        function_arn,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=stand_in.path.parent if stand_in.path.parent.is_dir() else "/",
        start_new_session=True,
    )
    try:
        answer, said = await process.communicate(json.dumps(payload).encode())
    finally:
        with contextlib.suppress(ProcessLookupError):  # it, and whatever it has started
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    for line in said.decode(errors="replace").splitlines():
        log.info("function %s: %s", function_arn.rpartition(":")[2], line)
    if process.returncode == 0:
        return answer
    if process.returncode == FAILED and answer:
        raise HookUnreachable(f"an error of the function: {answer.decode(errors='replace')}.")
    raise HookUnreachable(f"an end of the function's process before it answered (exit code {process.returncode}).")
