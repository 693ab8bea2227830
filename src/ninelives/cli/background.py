"""Starting a region in the background, finding it again, and ending it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from ninelives.cli.errors import UserError
from ninelives.cli.settings import RegionSettings, RunningRegion, known_fields, process_start, read_running, write_json

START_SECONDS = 30.0
STOP_SECONDS = 60.0
POLL_SECONDS = 0.02

_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A region is on this machine: no proxy of the environment's leads to it."""


def start_region(settings: RegionSettings) -> RunningRegion:
    """Start a region in a process of its own and wait until it answers. Raises ``UserError`` with its own last words."""
    from ninelives.cli.compose import state_directory_of

    state_directory_of(settings)
    settings.log_file.touch(mode=0o600)
    before = settings.log_file.stat().st_size
    command = [
        sys.executable, "-m", "ninelives.cli.main", "up", "--foreground",
        "--state", str(settings.state_directory), "--port", str(settings.port), "--region", settings.region,
        "--account", settings.account, "--runtime", settings.runtime, "--time-scale", str(settings.time_scale),
        "--log-limit", str(settings.log_bytes_max // 1024**2),
    ]  # fmt: skip
    command.append("--enforce-iam" if settings.enforce_iam else "--no-enforce-iam")
    command += [f"--function={name}={where}" for name, where in settings.functions.items()]
    command += [f"--identity-provider={issuer}={url}" for issuer, url in settings.identity_providers.items()]
    with settings.log_file.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd="/"
        )
    try:
        return _answering(process, settings, before)
    except BaseException:  # Ctrl-C too: what was started here must not stay behind
        _stop(process)
        raise


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End a region that is still starting: in order, so that it ends its proxy too."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _answering(process: "subprocess.Popen[bytes]", settings: RegionSettings, log_start: int) -> RunningRegion:
    """The region that ``process`` runs, once it answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        running = read_running(settings.state_directory)
        if running is not None and running.pid == process.pid and answers(running.endpoint):
            return running
        if process.poll() is not None:
            said = _last_words(settings.log_file, log_start)
            is_named = str(settings.log_file) in said
            raise UserError(said, hint=None if is_named else f"The whole log: {settings.log_file}")
        _pause(process)
    raise UserError(
        f"The region did not answer at {settings.endpoint} within {START_SECONDS:.0f} s.", hint=f"Its log: {settings.log_file}"
    )


def _pause(process: "subprocess.Popen[bytes]") -> None:
    """Wait a moment, or until the process ends."""
    try:
        process.wait(POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return


def _last_words(log_file: Path, start: int) -> str:
    with log_file.open("rb") as file:
        file.seek(start)
        said = file.read().decode(errors="replace").strip()
    words = [line for line in said.splitlines() if line.strip()]
    for index, line in enumerate(words):
        if line.startswith("Error: "):
            return "\n".join(words[index:]).removeprefix("Error: ")
    return words[-1] if words else "The region ended without a word."


def answers(endpoint: str, timeout: float = 1.0) -> bool:
    """Whether a region answers at ``endpoint``."""
    try:
        with _DIRECTLY.open(f"{endpoint}/_ninelives/health", timeout=timeout) as response:
            return bool(json.load(response).get("status") == "ok")
    except (OSError, ValueError, urllib.error.URLError):
        return False


def settings_of(state_directory: Path) -> RegionSettings | None:
    """The settings that a state folder was last started with."""
    try:
        found = json.loads((state_directory / "settings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return RegionSettings(**(known_fields(RegionSettings, found) | {"state_directory": state_directory}))


def remember(settings: RegionSettings) -> None:
    """Keep the settings for the next start."""
    write_json(
        settings.state_directory / "settings.json", asdict(settings) | {"state_directory": str(settings.state_directory)}
    )


def stop_region(state_directory: Path, *, said: Callable[[str], None] = lambda _: None) -> bool:
    """End a region: its control process, its tasks and its proxy. False when there was nothing to end.

    Works on what a killed control process left behind as well, and where the state folder has vanished.
    """
    was_running = _stop_recorded(state_directory, said)
    return _stop_strays(state_directory, said) or was_running


def _stop_strays(state_directory: Path, said: Callable[[str], None]) -> bool:
    """End what runs for a state folder that no longer tells of it; whether there was anything."""
    from ninelives.cli.compose import is_locked
    from ninelives.cli.strays import control_processes, end_containers, end_control_processes, end_processes

    known = settings_of(state_directory)
    settings = known or RegionSettings(state_directory=state_directory)
    if is_locked(settings):
        return False  # another region has come up in the meantime
    strays = control_processes(state_directory)
    if strays:
        said("the state folder has vanished: stopping what runs without it")
        end_control_processes(state_directory)
    left = end_processes(state_directory)
    if known is None or strays:
        asyncio.run(end_containers(settings))
    return bool(strays) or left


def _stop_recorded(state_directory: Path, said: Callable[[str], None]) -> bool:
    """As ``stop_region``, by what the state folder tells."""
    settings = settings_of(state_directory)
    if settings is None:
        return False
    running = _settled(settings, said)
    if running is not None and running.is_alive:
        os.kill(running.pid, signal.SIGINT)
        said("stopping tasks and load balancers")
        _wait_for_end(running)
        settings = replace(settings, runtime=running.runtime)
    elif running is None and not (state_directory / "envoy").exists():
        return False
    if (state_directory / "region.json").exists() or running is not None:
        from ninelives.cli.compose import locked, stop_what_is_left

        with locked(settings):
            asyncio.run(stop_what_is_left(settings))
    return running is not None


def _settled(settings: RegionSettings, said: Callable[[str], None]) -> RunningRegion | None:
    """What ``read_running`` says once no region is on its way up or down in the state folder."""
    from ninelives.cli.compose import is_locked

    deadline = time.monotonic() + START_SECONDS + STOP_SECONDS
    is_told = False
    while True:
        was_locked = is_locked(settings)
        running = read_running(settings.state_directory)
        if not was_locked or (running is not None and running.is_alive):
            return running
        if time.monotonic() > deadline:
            raise UserError(
                f"{settings.state_directory}: a region has been on its way up or down for too long.",
                hint=f"Its log: {settings.log_file}",
            )
        if not is_told:
            said("waiting for a region that is on its way up or down")
            is_told = True
        _doze()


def running_to_stay(state_directory: Path) -> RunningRegion | None:
    """What ``read_running`` says, after the end of a control process that was told to end. Raises ``UserError``."""
    running = read_running(state_directory)
    deadline = time.monotonic() + STOP_SECONDS
    while running is not None and running.is_ending and running.is_alive:
        if time.monotonic() > deadline:
            raise UserError(
                f"The region in {state_directory} was told to end and has not (process {running.pid}).",
                hint="`ninelives down` ends it for good.",
            )
        _doze()
        running = read_running(state_directory)
    return running


def _wait_for_end(running: RunningRegion) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while process_start(running.pid) == running.started:
        if time.monotonic() > deadline:
            os.kill(running.pid, signal.SIGKILL)
            deadline += STOP_SECONDS
        _doze()


def _doze() -> None:
    """The process is not our child: it can only be looked at again a moment later."""
    import threading

    threading.Event().wait(0.05)
