"""Requests lost in a release of Cats under 210 requests a second, and how long the release took beside its critical path.

The same calls on every emulator: RegisterTaskDefinition, UpdateService, then DescribeServices until the deployment ends.
Load: open loop, three quarters of the requests over 16 kept connections, a quarter over fresh ones; a request is lost unless
a complete 2xx answer came within 10 s. ministack is asked a second time at a rate that its data plane surely carries.
Good release: 1.0.0 to 2.0.1 (which takes 2 s to boot). Bad release: an image that never listens on its port.
moto's server starts no tasks and has no load balancer that carries traffic: it cannot take part.
"""

import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks import cats as service
from benchmarks.cats import Cats
from benchmarks.peers import Emulator, free_port, ministack, ninelives
from benchmarks.tables import table

from ninelives.deploy.clock import WallClock
from ninelives.rehearsal.proof import Phase
from ninelives.rehearsal.rehearse import Rehearsed, Script, rehearse
from ninelives.rehearsal.sample import Kind, Target

ROUNDS = 3
RATE = 210
LOW_RATE = 30
BEFORE_SECONDS = AFTER_SECONDS = 5.0
BAD_WINDOW_SECONDS = 30.0
"""The bad release's loss is counted over at least so long, whatever the emulator says meanwhile."""
BOUND_SECONDS = 120.0
LOOK_SECONDS = 0.2
"""As often as a hasty deployment tool: what asks the API also takes from a load balancer in the same process."""


@dataclass(frozen=True)
class Contender:
    label: str
    start: Callable[[], contextlib.AbstractContextManager[Emulator]]
    images: Callable[[Emulator], dict[str, str]]
    address: Callable[[Cats], tuple[Target, str]]
    """Where the load balancer answers, and the prefix of its paths."""
    rate: int = RATE
    """Requests a second."""


def own_listener(cats: Cats) -> tuple[Target, str]:
    return Target(host=cats.dns_name, port=cats.listener_port), ""


def gateway(cats: Cats) -> tuple[Target, str]:
    """ministack's load balancers answer on its one port, by the path ``/_alb/NAME`` (or the Host header)."""
    return Target(host="127.0.0.1", port=int(cats.emulator.endpoint.rsplit(":", 1)[1])), "/_alb/cats"


@dataclass
class Seen:
    """What was seen of a release while it went on; instants are seconds of the wall's clock, 0 where never."""

    asked_at: float = 0.0
    ended_at: float = 0.0
    """When the deployment ended by its own record (``updatedAt``; else when that was first seen)."""
    outcome: str = "no end"
    task_definition: str = ""
    """The one that was released."""
    tasks: tuple[dict[str, Any], ...] = ()


@dataclass
class Watch:
    """Looks at targets and new tasks during a release."""

    cats: Cats
    old: frozenset[tuple[str, int]]

    def __post_init__(self) -> None:
        self.answered_at: dict[tuple[str, int], float] = {}
        self.healthy_at: dict[tuple[str, int], float] = {}
        self.draining_at: dict[tuple[str, int], float] = {}
        self._probes: dict[tuple[str, int], threading.Thread] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in [self._thread, *self._probes.values()]:
            thread.join()

    def _look(self) -> None:
        while not self._done.wait(LOOK_SECONDS):
            states = self.cats.targets()
            now = time.time()
            for address, state in states.items():
                if address in self.old:
                    if state != "healthy":
                        self.draining_at.setdefault(address, now)
                    continue
                if state == "healthy":
                    self.healthy_at.setdefault(address, now)
                if address not in self._probes:
                    thread = threading.Thread(target=self._probe, args=[address], daemon=True)
                    self._probes[address] = thread
                    thread.start()
            for address in self.old - states.keys():
                self.draining_at.setdefault(address, now)

    def _probe(self, address: tuple[str, int]) -> None:
        """When a new task first answers by itself, not through the load balancer."""
        while not self._done.wait(LOOK_SECONDS):
            connection = http.client.HTTPConnection(*address, timeout=1)
            try:
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    self.answered_at[address] = time.time()
                    return
            except OSError:
                continue
            finally:
                connection.close()


def end_of(cats: Cats, task_definition: str) -> tuple[str, float] | None:
    """How the deployment ended and when, as DescribeServices tells it; None while it goes on."""
    found = cats.describe()["deployments"]
    primary = next(one for one in found if one["status"] == "PRIMARY")
    if len(found) > 1 or primary.get("rolloutState") != "COMPLETED":
        return None
    return ("completed" if primary["taskDefinition"] == task_definition else "rolled back"), primary["updatedAt"].timestamp()


def release(cats: Cats, ask: Callable[[], str], *, at_least: float) -> Seen:
    """One release from UpdateService until the deployment has ended and the old tasks are gone, or the bound is reached."""
    seen = Seen(asked_at=time.time())
    seen.task_definition = ask()
    while time.time() - seen.asked_at < BOUND_SECONDS:
        if not seen.ended_at:
            end = end_of(cats, seen.task_definition)
            if end is not None:
                seen.outcome, seen.ended_at = end
        else:
            seen.tasks = tuple(cats.tasks())
            gone = all(is_new(seen, task) or task["lastStatus"] == "STOPPED" for task in seen.tasks)
            if (gone or seen.outcome != "completed") and time.time() - seen.asked_at >= at_least:
                break
        time.sleep(LOOK_SECONDS)
    return seen


@dataclass(frozen=True)
class Figures:
    """What a round comes to; times in seconds."""

    contender: str
    kind: str
    outcome: str
    sent: int
    """From UpdateService on, until ``AFTER_SECONDS`` after the release (the bad one: its window)."""
    lost: int
    lost_before: int
    """In the seconds before UpdateService: what the load balancer loses without any release."""
    worst_gap_s: float
    verdict_s: float
    """From UpdateService until the deployment ended."""
    release_s: float | None = None
    """From UpdateService until the deployment has ended and the last old task has stopped."""
    start_s: float | None = None
    boot_s: float | None = None
    healthy_s: float | None = None
    drain_s: float | None = None
    stop_s: float | None = None

    @property
    def critical_s(self) -> float | None:
        parts = [self.start_s, self.boot_s, self.healthy_s, self.drain_s, self.stop_s]
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None

    @property
    def lost_percent(self) -> float:
        return 100 * self.lost / self.sent


def play(contender: Contender, cats: Cats, kind: str, folder: Path) -> Figures:
    target, prefix = contender.address(cats)
    kinds = (
        Kind(name="keep-alive", rate=contender.rate - contender.rate / 4, path=f"{prefix}/", connections=16),
        Kind(name="fresh", rate=contender.rate / 4, path=f"{prefix}/"),
    )
    script = Script(target=target, kinds=kinds, before_seconds=BEFORE_SECONDS, after_seconds=AFTER_SECONDS)
    ask = cats.release if kind == "good" else cats.release_what_never_listens
    folder.mkdir()
    with Watch(cats, frozenset(cats.targets())) as watch:
        rehearsed = rehearse(
            script,
            lambda: release(cats, ask, at_least=0.0 if kind == "good" else BAD_WINDOW_SECONDS),
            folder=folder,
            clock=WallClock(),
        )
    return read(contender, kind, rehearsed, watch)


def read(contender: Contender, kind: str, rehearsed: Rehearsed[Seen], watch: Watch) -> Figures:
    seen, proof, marks = rehearsed.released, rehearsed.proof, rehearsed.marks
    before = marks.release_started_at - marks.started_at
    lost_before = sum(one.count for one in proof.losses if one.phase is Phase.BEFORE)
    parts = path_of(seen, watch) if kind == "good" and seen.outcome == "completed" else {}
    return Figures(
        contender=contender.label,
        kind=kind,
        outcome=seen.outcome,
        sent=proof.sent - round(before * contender.rate),
        lost=proof.lost - lost_before,
        lost_before=lost_before,
        worst_gap_s=round(proof.worst_gap_ms / 1000, 3),
        verdict_s=round(seen.ended_at - seen.asked_at, 3) if seen.ended_at else BOUND_SECONDS,
        **{name: round(value, 3) for name, value in parts.items()},
    )


def path_of(seen: Seen, watch: Watch) -> dict[str, float]:
    """A good release's time and its critical path: the last new task from creation to healthy, then the last old one's end.

    Each part ends where the next begins: what lies between UpdateService and the first task, between healthy and the drain,
    and after the last stop is the emulator's own and belongs to no part. ministack's times have no fractions of a second.
    """
    new = [task for task in seen.tasks if is_new(seen, task)]
    old = [task for task in seen.tasks if not is_new(seen, task) and task.get("stoppedAt")]
    if not new or not old or not watch.answered_at:
        return {}
    created, started = (max(task[name].timestamp() for task in new) for name in ("createdAt", "startedAt"))
    stopping, stopped = (max(task[name].timestamp() for task in old) for name in ("stoppingAt", "stoppedAt"))
    answered = max(watch.answered_at.values())
    healthy = max(watch.healthy_at.values(), default=answered)
    draining = max(watch.draining_at.values(), default=stopping)
    return {
        "release_s": max(seen.ended_at, stopped) - seen.asked_at,
        "start_s": max(0.0, started - created),
        "boot_s": max(0.0, answered - started),
        "healthy_s": max(0.0, healthy - answered),
        "drain_s": max(0.0, stopping - draining),
        "stop_s": max(0.0, stopped - stopping),
    }


def is_new(seen: Seen, task: dict[str, Any]) -> bool:
    return bool(task["taskDefinitionArn"] == seen.task_definition)


def contenders() -> list[Contender]:
    host = Contender("ninelives, host", lambda: ninelives("host"), service.host_images, own_listener)
    if subprocess.run(["docker", "version"], capture_output=True, check=False).returncode:
        print(
            "Docker does not answer: ninelives with host processes alone; ministack starts no tasks without it.",
            file=sys.stderr,
        )
        return [host]
    images = service.docker_images()
    return [
        Contender("ninelives, docker", lambda: ninelives("docker"), lambda _: images, own_listener),
        host,
        Contender("ministack", ministack, lambda _: images, gateway),
        Contender(f"ministack, {LOW_RATE} a second", ministack, lambda _: images, gateway, LOW_RATE),
    ]


@contextlib.contextmanager
def cats_on(contender: Contender) -> Iterator[Cats]:
    """Cats 1.0.0, stable; afterwards nothing of it is left."""
    cluster = f"bench-{os.getpid()}"
    with contender.start() as emulator:
        try:
            cats = service.lay(emulator, contender.images(emulator), cluster=cluster, listener_port=free_port())
            service.stable(cats)
            yield cats
            cats.remove()
        finally:
            if contender.start is ministack:
                remove_containers(cluster)


def remove_containers(cluster: str) -> None:
    """ministack leaves containers behind when it is stopped while they run."""
    found = subprocess.run(
        [
            "docker",
            "ps",
            "-aq",
            "--filter",
            "name=ministack-ecs-",
            "--format",
            '{{.ID}} {{.Label "com.amazonaws.ecs.cluster"}}',
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    mine = [line.split()[0] for line in found.splitlines() if line.endswith(f"/{cluster}")]
    if mine:
        subprocess.run(["docker", "rm", "-f", "-v", *mine], check=True, capture_output=True)


def main() -> None:
    figures: list[Figures] = []
    rounds = int(os.environ.get("ROUNDS", ROUNDS))
    with tempfile.TemporaryDirectory(prefix="ninelives-bench-") as folder:
        for number in range(rounds):
            for contender in contenders():
                with cats_on(contender) as cats:
                    for kind in ("good", "bad"):
                        place = Path(folder) / f"{number}-{contender.label}-{kind}"
                        figures.append(play(contender, cats, kind, place))
                        print(json.dumps(asdict(figures[-1])), file=sys.stderr, flush=True)
    print(f"Rounds: {rounds}, in turn; medians, and for lost requests all rounds together.\n")
    print_tables(figures)


def print_tables(figures: list[Figures]) -> None:
    labels = list(dict.fromkeys(one.contender for one in figures))
    moto = "cannot: starts no tasks"
    for kind, title in (("good", "A good release"), ("bad", "A release that never listens on its port")):
        head = [title, "requests lost", "lost before it", "worst gap", "verdict", "after"]
        rows: list[list[object]] = [
            row_of(label, [one for one in figures if (one.contender, one.kind) == (label, kind)]) for label in labels
        ]
        print(table(head, [*rows, ["moto server", moto, "", "", "", ""]]), end="\n\n")
    parts = ("start_s", "boot_s", "healthy_s", "drain_s", "stop_s")
    head = ["Time of the good release", "release ÷ critical path", "release s", "critical path s"]
    head += [name.removesuffix("_s") for name in parts]
    rows = []
    for label in labels:
        good = [one for one in figures if one.contender == label and one.critical_s and one.release_s]
        if not good:
            rows.append([label, "not measured", *[""] * (len(head) - 2)])
            continue
        ratio = statistics.median((one.release_s or 0) / (one.critical_s or 1) for one in good)
        cells = [
            statistics.median(values)
            for values in ([one.release_s or 0 for one in good], [one.critical_s or 0 for one in good])
        ]
        cells += [statistics.median(getattr(one, name) for one in good) for name in parts]
        rows.append([label, f"{ratio:.2f}", *(f"{cell:.2f}" for cell in cells)])
    print(table(head, [*rows, ["moto server", moto, *[""] * (len(head) - 2)]]))


def row_of(label: str, rounds: list[Figures]) -> list[object]:
    sent, lost = sum(one.sent for one in rounds), sum(one.lost for one in rounds)
    return [
        label,
        f"{100 * lost / sent:.2f} % ({lost:,} of {sent:,})",
        sum(one.lost_before for one in rounds),
        f"{statistics.median(one.worst_gap_s for one in rounds):.2f} s",
        " / ".join(dict.fromkeys(one.outcome for one in rounds)),
        f"{statistics.median(one.verdict_s for one in rounds):.1f} s",
    ]


if __name__ == "__main__":
    main()
