"""What is known to go wrong with images like this one: a Dockerfile and facts in, findings out."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from posixpath import basename
from typing import Final

from ninelives.insight.maintenance.base_images import BaseImage
from ninelives.insight.maintenance.dockerfile_reading import Dockerfile, Instruction
from ninelives.insight.maintenance.findings import Finding, Severity

STOP_SIGNALS: Final[Mapping[str, tuple[str, str]]] = {
    "nginx": ("SIGQUIT", "SIGTERM makes nginx drop the requests in flight"),
    "httpd": ("SIGWINCH", "SIGTERM makes Apache drop the requests in flight"),
    "apache2": ("SIGWINCH", "SIGTERM makes Apache drop the requests in flight"),
    "php-fpm": ("SIGQUIT", "SIGTERM makes PHP-FPM drop the requests in flight"),
    "unicorn": ("SIGQUIT", "SIGTERM makes Unicorn drop the requests in flight"),
    "uwsgi": ("SIGINT", "SIGTERM makes uWSGI start anew unless it has die-on-term"),
    "php-fpm8": ("SIGQUIT", "SIGTERM makes PHP-FPM drop the requests in flight"),
}
"""Servers that end gracefully on another signal than SIGTERM. Source: each server's manual, on signals."""
SHELLS: Final = frozenset({"sh", "bash", "ash", "dash", "/bin/sh", "/bin/bash", "/bin/ash", "/bin/dash"})
RUNNERS: Final = frozenset({"bundle", "exec", "npx", "poetry", "uv", "run"})
LARGE: Final = frozenset({".git", "node_modules", ".venv", "vendor/bundle", "tmp", "log"})
"""What does not belong in an image, and makes each build send it."""
SECRET: Final = re.compile(r"(?i)(password|passwd|secret|token|api_?key|private_?key|credential)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A Dockerfile with what is known around it. ``port`` and ``has_command`` are the service file's."""

    dockerfile: Dockerfile
    bases: tuple[BaseImage, ...] = ()
    port: int | None = None
    has_command: bool = False
    has_ignore_file: bool = False
    entries: frozenset[str] = frozenset()
    """Names at the top of the build folder."""
    scripts: Mapping[str, str] = field(default_factory=dict)
    """Texts of shell scripts of the build folder, by file name."""


Check = Callable[[Build], Iterator[Finding]]


def advice(build: Build) -> list[Finding]:
    """All that is known to go wrong, in the order of the checks."""
    return [finding for check in CHECKS for finding in check(build)]


def _no_moving_tag(build: Build) -> Iterator[Finding]:
    for base in build.bases:
        if base.tag in {None, "latest"} and base.digest is None:
            yield Finding(
                check="latest",
                severity=Severity.WARNING,
                what=f"{base.text} is whatever is the latest on the day of the build",
                where=base.where,
                next="Name a version, and pin its digest.",
            )


def _not_root(build: Build) -> Iterator[Finding]:
    user = build.dockerfile.last("USER")
    name = user.value.partition(":")[0].strip() if user is not None else "root"
    if name in {"root", "0"}:
        yield Finding(
            check="root",
            severity=Severity.WARNING,
            what="the application runs as root",
            where=build.dockerfile.at(user),
            next="Make a user, and end with USER and its name: who breaks into the application is then nobody.",
        )


def _no_shell_in_between(build: Build) -> Iterator[Finding]:
    """A shell as process 1 gets SIGTERM and does not pass it on: tasks end by SIGKILL, with what they were answering."""
    if build.has_command:
        return
    entry, command = build.dockerfile.last("ENTRYPOINT"), build.dockerfile.last("CMD")
    started = entry or command
    if started is None:
        return
    words = _words(started)
    if words is None and not started.value.startswith("exec "):
        yield Finding(
            check="shell-form",
            severity=Severity.ERROR,
            what=f"{started.name} is in shell form: sh gets SIGTERM and keeps it to itself, and the application is killed",
            where=build.dockerfile.at(started),
            next=f"Write {started.name} {json.dumps(started.value.split())}, or begin with exec.",
        )
    script = next((basename(word) for word in words or () if basename(word) in build.scripts), None)
    if script is not None and not re.search(r"^\s*exec\s", build.scripts[script], re.MULTILINE):
        yield Finding(
            check="script-without-exec",
            severity=Severity.ERROR,
            what=f"{script} starts the application without exec: the shell gets SIGTERM and keeps it to itself",
            where=build.dockerfile.at(started),
            next='End the script with exec and the command, such as exec "$@".',
        )


def _words(instruction: Instruction) -> list[str] | None:
    """The words of the exec form; None for the shell form."""
    try:
        words = json.loads(instruction.value)
    except ValueError:
        return None
    return [str(word) for word in words] if isinstance(words, list) else None


def _the_servers_stop_signal(build: Build) -> Iterator[Finding]:
    dockerfile = build.dockerfile
    started, signal = dockerfile.last("ENTRYPOINT") or dockerfile.last("CMD"), dockerfile.last("STOPSIGNAL")
    if started is None:
        return
    words = _words(started) or started.value.split()
    program = next((basename(word) for word in words if word not in SHELLS | RUNNERS and not word.startswith("-")), "")
    own = {base.short.rsplit("/", 1)[-1] for base in build.bases}
    if program not in STOP_SIGNALS or (signal is None and program in own):  # the server's own image says it
        return
    wanted, why = STOP_SIGNALS[program]
    if signal is None or signal.value.upper().removeprefix("SIG") != wanted.removeprefix("SIG"):
        yield Finding(
            check="stop-signal",
            severity=Severity.WARNING,
            what=f"{program} is stopped by {signal.value if signal else 'SIGTERM'}: {why}",
            where=dockerfile.at(signal or started),
            next=f"Write STOPSIGNAL {wanted}.",
        )


def _an_ignore_file(build: Build) -> Iterator[Finding]:
    if build.has_ignore_file:
        return
    found = sorted(LARGE & build.entries)
    yield Finding(
        check="dockerignore",
        severity=Severity.WARNING if found else Severity.NOTE,
        what=f"there is no .dockerignore: every build sends {', '.join(found) or 'the whole folder'}, COPY . copies it",
        where=build.dockerfile.path,
        next="Write one that leaves out all that the application does not need.",
    )


def _no_health_check_that_nobody_asks(build: Build) -> Iterator[Finding]:
    check = build.dockerfile.last("HEALTHCHECK")
    if check is not None and check.value.upper() != "NONE":
        yield Finding(
            check="healthcheck",
            severity=Severity.NOTE,
            what="ECS does not look at the image's HEALTHCHECK",
            where=build.dockerfile.at(check),
            next="The load balancer asks `health: {path: …}` of the service file; that is the one that counts.",
        )


def _the_port(build: Build) -> Iterator[Finding]:
    exposed = build.dockerfile.last("EXPOSE")
    ports = re.findall(r"\d+", exposed.value) if exposed is not None and "$" not in exposed.value else []
    if ports and build.port is not None and str(build.port) not in ports:
        yield Finding(
            check="port",
            severity=Severity.WARNING,
            what=f"the image exposes {', '.join(ports)}, the service file says port {build.port}",
            where=build.dockerfile.at(exposed),
            next="Say the same in both, unless the application follows the variable PORT: no health check would reach it.",
        )


def _no_secrets(build: Build) -> Iterator[Finding]:
    for one in build.dockerfile.instructions:
        if one.name not in {"ENV", "ARG"}:
            continue
        named = re.findall(r"(\w+)=(\"[^\"]+\"|'[^']+'|[^\s\"'$]+)", one.value)
        found = [name for name, _ in named if SECRET.search(name)]
        if found:
            yield Finding(
                check="secret-in-image",
                severity=Severity.ERROR,
                what=f"{one.name} {', '.join(found)} is in the image, for everybody who can pull it",
                where=build.dockerfile.at(one),
                next="Give it to the task: `secrets:` of the service file.",
            )


CHECKS: Final[Collection[Check]] = (
    _no_moving_tag,
    _not_root,
    _no_shell_in_between,
    _the_servers_stop_signal,
    _an_ignore_file,
    _no_health_check_that_nobody_asks,
    _the_port,
    _no_secrets,
)
