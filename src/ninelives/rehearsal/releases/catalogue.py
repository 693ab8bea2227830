"""The releases that must fail well: what each does, what catches it, and what its user reads. Data, and one service file each.

A fault is the application's (``app/service.py`` shows it when its version bears the fault's name) or the definition's (what
``changes`` says of the service file, or ``image``). ``cause`` is the sentence that ``ninelives deploy`` and ``status`` tell,
``…`` standing for what differs from run to run.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ninelives.rehearsal.attribution import SENTENCES, Fault

GOOD = "good"
PORT = 8080


class Catch(StrEnum):
    """What notices a bad release; breaker and alarm take it back by themselves."""

    CIRCUIT_BREAKER = "circuit breaker"
    """Its tasks never become healthy."""
    ALARM = "alarm"
    """Its tasks become healthy and fail then: only an alarm sees that."""
    TOOL = "warning"
    """ECS sees no fault in it, and the release succeeds; the tool tells of it then, or when the next release replaces it."""
    REHEARSAL = "rehearsal"
    """Only lost requests show it: who counts them can say whose fault they are."""


class ImageFault(StrEnum):
    """What is wrong with the image of a release."""

    MISSING = "missing"
    OTHER_ARCHITECTURE = "other architecture"


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRelease:
    """A release of the catalogue. ``name`` is what its versions begin with."""

    name: str
    what: str
    """What it does, in a sentence without a subject."""
    catch: Catch
    code: str
    """Of the cause, as in the JSON of ``deploy`` and ``status``."""
    cause: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    """What the bad release's service file says otherwise than the good one's."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What both service files say otherwise than the base."""
    image: ImageFault | None = None
    needs_alarm_on_hosts: bool = False
    """Whether what catches it is an alarm on unhealthy targets, which the service file does not make."""
    loses: Fault | None = None
    """How the application itself loses requests; None where not one may be lost."""
    slow_seconds: float = 2.5
    """How long the slow ones among the requests take that are sent to it."""
    by_chance: bool = False
    """Whether a play of it may, by chance, show nothing."""
    hidden_by: tuple[str, ...] = ()
    """Strategies with which a release shows it only to requests that take longer than the bake."""
    harmless_on: Mapping[str, str] = field(default_factory=dict)
    """Runtimes on which it is no fault, and why."""

    @property
    def hosts_alarm(self) -> str:
        """The name of an alarm on its unhealthy targets."""
        return f"{self.name}-unhealthy"

    @property
    def version(self) -> str:
        return f"{self.name}-1"

    def is_told_by(self, sentence: str) -> bool:
        """Whether a sentence is this release's ``cause``.

        >>> one = BadRelease(name="a", what="", catch=Catch.TOOL, code="", cause="It ends after … with 3")
        >>> one.is_told_by("It ends after 2s with 3"), one.is_told_by("It ends")
        (True, False)
        """
        pattern = ".*".join(re.escape(part) for part in self.cause.split("…"))
        return re.search(pattern, sentence) is not None


EXITS_LATER = "The container exits after … with exit code 3; its last words: fatal: the licence server does not answer"
SHELL_COMMAND = ("sh", "-c", 'trap ":" TERM; python3 -I -S service.py; exit $?')
KILLED = "The replaced task had to be killed … after SIGTERM (exit code 137)"
FEW_5XX = {"deploy": {"bake": "4m", "rollback": {"alarms": [{"5xx": {"above": "1%"}}]}}}
"""An alarm that needs a minute to see a fault, and a bake that lets it."""
SLOWNESS = {"deploy": {"bake": "4m", "rollback": {"alarms": [{"latency": {"p90": "500ms"}}]}}}
WENT_OFF = "The alarm … went off while the new version served"
SHORT_GRACE = {"health": {"grace_period": "12s"}, "deploy": {"rollback": {"failures": 1}}}
"""For releases that fail only once it is over; long enough for a busy machine to start a container in."""

CATALOGUE: tuple[BadRelease, ...] = (
    BadRelease(
        name="exits-at-once",
        what="exits with code 3 as soon as it is started",
        catch=Catch.CIRCUIT_BREAKER,
        code="exits",
        cause="The container exits after … with exit code 3; its last words: error: cannot connect to the database",
    ),
    BadRelease(
        name="exits-after-health-check",
        what="exits with code 3 shortly after its first health check",
        catch=Catch.ALARM,
        code="exits",
        cause=EXITS_LATER,
        settings=FEW_5XX,
        loses=Fault.ENDS_WHILE_SERVING,
    ),
    BadRelease(
        name="health-500",
        what="answers its health checks with 500",
        catch=Catch.CIRCUIT_BREAKER,
        code="health_answer",
        cause="The health path /health answers 500",
        changes=SHORT_GRACE,
    ),
    BadRelease(
        name="health-hangs",
        what="never answers its health checks",
        catch=Catch.CIRCUIT_BREAKER,
        code="health_timeout",
        cause="The health path /health does not answer within 2s (the health check's timeout)",
        changes=SHORT_GRACE,
    ),
    BadRelease(
        name="health-slow",
        what="answers its health checks after their timeout",
        catch=Catch.CIRCUIT_BREAKER,
        code="health_timeout",
        cause="The health path /health does not answer within 2s (the health check's timeout)",
        changes=SHORT_GRACE,
    ),
    BadRelease(
        name="never-listens",
        what="listens nowhere",
        catch=Catch.CIRCUIT_BREAKER,
        code="nothing_listens",
        cause="Nothing answers on port 8080, not even 12s (the grace period) after the start",
        changes=SHORT_GRACE,
    ),
    BadRelease(
        name="other-port",
        what="listens on another port than the service file's",
        catch=Catch.CIRCUIT_BREAKER,
        code="other_port",
        cause="Nothing answers on port 8080: the application listens on port …",
        changes=SHORT_GRACE,
    ),
    BadRelease(
        name="loopback-only",
        what="listens on 127.0.0.1 only",
        catch=Catch.CIRCUIT_BREAKER,
        code="loopback_only",
        cause="Nothing answers on port 8080 from outside: the application listens on 127.0.0.1 only",
        harmless_on={"host": "host processes are reached on 127.0.0.1"},
        changes=SHORT_GRACE,
    ),
    BadRelease(
        name="slow-boot",
        what="boots longer than its grace period",
        catch=Catch.CIRCUIT_BREAKER,
        code="slow_boot",
        cause="The application was still booting when its grace period of 12s was over; its last words: loading the catalogue",
        changes={"variables": {"BOOT_SECONDS": "40"}, **SHORT_GRACE},
    ),
    BadRelease(
        name="fails-requests",
        what="is healthy, and answers requests with 500",
        catch=Catch.ALARM,
        code="alarm",
        cause=f"{WENT_OFF}: 5xx answers, percent of all was …above 1. The application wrote: error: …",
        settings=FEW_5XX,
        loses=Fault.ANSWERS_5XX,
    ),
    BadRelease(
        name="slow-requests",
        what="is healthy, and slow with requests",
        catch=Catch.ALARM,
        code="alarm",
        cause=f"{WENT_OFF}: TargetResponseTime (p90) was …above 0.5",
        settings=SLOWNESS,
        changes={"variables": {"ANSWER_SECONDS": "1"}},
    ),
    BadRelease(
        name="leaks-memory",
        what="takes more and more memory once it serves, until it is killed",
        catch=Catch.ALARM,
        code="out_of_memory",
        cause="The container was killed because it needs more than its 512 MiB of memory",
        settings=FEW_5XX,
        loses=Fault.ENDS_WHILE_SERVING,
    ),
    BadRelease(
        name="ignores-sigterm",
        what="ignores SIGTERM",
        catch=Catch.TOOL,
        code="ignores_stop_signal",
        cause=f"{KILLED}: the application does not end on SIGTERM",
    ),
    BadRelease(
        name="shell-swallows-sigterm",
        what="runs below a shell that does not pass SIGTERM on",
        catch=Catch.TOOL,
        code="shell_swallows_stop_signal",
        cause=f"{KILLED}: process 1 is a shell",
        changes={"command": SHELL_COMMAND},
    ),
    BadRelease(
        name="drops-requests-in-flight",
        what="ends at once on SIGTERM, requests in flight or not",
        catch=Catch.REHEARSAL,
        code="drops_requests_in_flight",
        cause=SENTENCES[Fault.DROPS_IN_FLIGHT],
        settings={"drain": {"deregistration_delay": "1s", "stop_timeout": "12s"}},
        slow_seconds=6.0,
        loses=Fault.DROPS_IN_FLIGHT,
        hidden_by=("blue-green", "canary", "linear"),
    ),
    BadRelease(
        name="closes-idle-connections",
        what="closes idle connections sooner than the load balancer",
        catch=Catch.REHEARSAL,
        code="closes_idle_connections",
        cause=SENTENCES[Fault.CLOSES_IDLE],
        loses=Fault.CLOSES_IDLE,
    ),
    BadRelease(
        name="image-missing",
        what="has an image that is not in its repository",
        catch=Catch.CIRCUIT_BREAKER,
        code="image_missing",
        cause="The image … is not in its repository",
        image=ImageFault.MISSING,
    ),
    BadRelease(
        name="other-architecture",
        what="has an image for another processor",
        catch=Catch.CIRCUIT_BREAKER,
        code="image_architecture",
        cause="The image … is for another processor",
        image=ImageFault.OTHER_ARCHITECTURE,
    ),
    BadRelease(
        name="command-missing",
        what="has a command that is not in the image",
        catch=Catch.CIRCUIT_BREAKER,
        code="command_missing",
        cause="The command `serve-cats` cannot be started in the image: …",
        changes={"command": ("serve-cats",)},
    ),
    BadRelease(
        name="secret-missing",
        what="asks for a secret that is not there",
        catch=Catch.CIRCUIT_BREAKER,
        code="secret_missing",
        cause="A secret cannot be read: …",
        changes={"secrets": {"CATS_API_KEY": "ssm:/releases/not-there"}},
    ),
    BadRelease(
        name="flapping-health",
        what="passes two health checks and fails thirty, again and again",
        catch=Catch.ALARM,
        code="alarm",
        cause=f"{WENT_OFF}: unhealthy targets was …above 0. The application wrote: error: health: …",
        needs_alarm_on_hosts=True,
        loses=Fault.FAILS_CHECKS,
    ),
    BadRelease(
        name="crashes-one-in-two",
        what="exits at once in about every second task",
        catch=Catch.TOOL,
        code="exits",
        cause="The container exits after … with exit code 3; its last words: error: no lease is left for this task",
        settings={"count": 3, "deploy": {"rollback": {"failures": 12}}},
        by_chance=True,
    ),
)


def base(name: str, *, listener_port: int) -> dict[str, Any]:
    """The service file of the good release: short waits, and a rollback by itself."""
    return {
        "service": name,
        "cluster": "releases",
        "image": {"build": ".", "repository": "releases", "args": {"VERSION": "{version}"}},
        "port": PORT,
        "cpu": 256,
        "memory": 512,
        "count": 1,
        "health": {"path": "/health", "interval": "5s", "timeout": "2s", "grace_period": "60s"},
        "deploy": {
            "strategy": "rolling",
            "canary": {"percent": "50%", "bake": "1m"},
            "linear": {"step": "50%", "bake": "1m"},
            "bake": "1m",
            "rollback": {"circuit_breaker": True, "failures": 2},
        },
        "drain": {"deregistration_delay": "5s", "stop_timeout": "2s"},
        "load_balancer": {"port": listener_port, "alternate_target_group": f"{name}-alt"},
    }
