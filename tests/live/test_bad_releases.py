"""A bad release takes itself back: the old version serves on, the verdict is true, and the cause stands in a sentence.

Each release of the catalogue is played once, on one runtime and with one strategy, those of a runtime beside each other in one
region. ``make test-matrix`` plays each on both runtimes and with every strategy.
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from live_region import RegionUnderTest, eventually, free_port, started, why_unusable

from ninelives.cli.release_output import release_json, summary
from ninelives.deploy.aws import Aws, connect
from ninelives.deploy.clock import WallClock
from ninelives.deploy.diagnosis import Diagnosis
from ninelives.deploy.options import Builder
from ninelives.deploy.verdict import Outcome
from ninelives.rehearsal.releases import CATALOGUE, Catch, Played, Stage, play, prepare
from ninelives.rehearsal.releases.python_image import make_python_image, remove_python_image

pytestmark = [pytest.mark.live, pytest.mark.alone, pytest.mark.timeout(2100 if "NINELIVES_STRATEGY" in os.environ else 420)]

TIME_SCALE = 20
PLAYED_SECONDS = 2000 if "NINELIVES_STRATEGY" in os.environ else 400
AT_ONCE = {"host": 16, "docker": 5}
"""Releases that are played beside each other: an engine starts few containers at a time."""

ONCE = {
    "host": {
        "exits-at-once": "blue-green",
        "health-hangs": "canary",
        "never-listens": "linear",
        "slow-boot": "rolling",
        "shell-swallows-sigterm": "blue-green",
        "drops-requests-in-flight": "rolling",
        "loopback-only": "rolling",
        "command-missing": "linear",
        "crashes-one-in-two": "canary",
        "exits-after-health-check": "rolling",
        "fails-requests": "canary",
        "slow-requests": "linear",
    },
    "docker": {
        "health-500": "rolling",
        "health-slow": "blue-green",
        "other-port": "canary",
        "ignores-sigterm": "rolling",
        "closes-idle-connections": "linear",
        "image-missing": "canary",
        "other-architecture": "rolling",
        "secret-missing": "blue-green",
        "leaks-memory": "blue-green",
        "flapping-health": "rolling",
    },
}
"""Strategy by release, by runtime."""
BY_NAME = {bad.name: bad for bad in CATALOGUE}


def to_play() -> list[tuple[str, str, str]]:
    """Runtime, strategy and release of each play."""
    if (chosen := os.environ.get("NINELIVES_STRATEGY")) is not None:
        return [(runtime, chosen, name) for runtime in ONCE for name in BY_NAME]
    return [(runtime, strategy, name) for runtime, plays in ONCE.items() for name, strategy in plays.items()]


def played_where(runtime: str, strategy: str, name: str) -> object:
    marks = [pytest.mark.docker] if runtime == "docker" else []
    return pytest.param((runtime, strategy, name), id=f"{name}-{strategy}-{runtime}", marks=marks)


class Theatre:
    """A region of one runtime, and the releases that are played in it."""

    def __init__(self, region: RegionUnderTest, plays: list[tuple[str, str]], arguments: Mapping[str, str]) -> None:
        self.region = region
        self.aws: Aws = connect(is_local=True, region=None, variables={"AWS_ENDPOINT_URL": region.running.endpoint})
        stage = Stage(
            aws=self.aws,
            folder=region.project.parent / "releases",
            builder=Builder(region.runtime),
            arguments=arguments,
            clock=WallClock(),
        )
        assert prepare(stage, listener_port=free_port()).has_succeeded
        region.project = stage.folder / "good"
        self.pool = ThreadPoolExecutor(AT_ONCE[region.runtime])
        self.played: dict[str, Future[Played]] = {
            name: self.pool.submit(play, stage, BY_NAME[name], strategy=strategy, listener_port=free_port())
            for strategy, name in plays
        }

    def close(self) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def building(runtime: str) -> Iterator[Mapping[str, str]]:
    """The arguments of builds; nothing that was built is left afterwards."""
    if runtime != "docker":
        yield {}
        return
    base = f"ninelives-releases-base:{uuid4().hex[:12]}"
    make_python_image(base)
    try:
        yield {"BASE_IMAGE": base}
    finally:
        remove_python_image(base)


@contextlib.contextmanager
def opened(runtime: str, plays: list[tuple[str, str]]) -> Iterator[Theatre]:
    with (
        building(runtime) as arguments,
        started(runtime, time_scale=TIME_SCALE) as region,
        contextlib.closing(Theatre(region, plays, arguments)) as theatre,
    ):
        yield theatre


@pytest.fixture(scope="module")
def theatres(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Theatre]]]:
    """One for each runtime that is asked for, beside each other, and in it the releases that are."""
    asked = {
        one.callspec.params[name]
        for one in request.session.items
        if hasattr(one, "callspec")
        for name in one.callspec.params
        if name in {"played", "theatre"}
    }
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(len(ONCE)) as pool:

        def opening(runtime: str) -> Theatre:
            plays = [(strategy, name) for its_runtime, strategy, name in to_play() if its_runtime == runtime]
            return stack.enter_context(opened(runtime, [one for one in plays if (runtime, *one) in asked]))

        runtimes = {one if isinstance(one, str) else one[0] for one in asked}
        yield {runtime: pool.submit(opening, runtime) for runtime in runtimes if why_unusable(runtime) is None}


def theatre_of(runtime: str, theatres: dict[str, Future[Theatre]]) -> Theatre:
    if (problem := why_unusable(runtime)) is not None:
        pytest.skip(problem)
    return theatres[runtime].result(timeout=120)


@pytest.fixture
def played(request: pytest.FixtureRequest, theatres: dict[str, Future[Theatre]]) -> Played:
    runtime, _, name = request.param
    return theatre_of(runtime, theatres).played[name].result(timeout=PLAYED_SECONDS)


def told_of(played: Played) -> list[Diagnosis]:
    """All that the tool said of a release: its cause, and its warnings; what shows in its end is told by the one after it."""
    releases = [one for one in (played.release, played.after) if one is not None]
    return [found for one in releases for found in (one.diagnosis, *one.warnings) if found is not None]


def has_crashed(played: Played) -> bool:
    """Whether a task of the release ended by itself."""
    assert played.release.last is not None
    return any(task.stop_code == "EssentialContainerExited" for task in played.release.last.tasks)


@pytest.mark.parametrize("played", [played_where(*one) for one in to_play()], indirect=True)
def test_a_bad_release(played: Played, request: pytest.FixtureRequest) -> None:
    bad, (runtime, _, _) = played.bad, request.node.callspec.params["played"]
    last_seen = played.release.last.service if played.release.last is not None else None
    events = [event.message for event in last_seen.events] if last_seen is not None else []
    text, data = "\n".join(summary(played.release)), release_json(played.release)

    # Requests are lost only where the application itself loses them, and then it is said how.
    assert () == played.attribution.unattributed, played.attribution.told
    assert set(played.attribution.by_fault) <= ({bad.loses} if bad.loses else set()), played.attribution.told

    if runtime in bad.harmless_on:
        assert (Outcome.SUCCEEDED, []) == (data["verdict"], told_of(played))
        return
    if bad.catch in {Catch.CIRCUIT_BREAKER, Catch.ALARM}:
        why = "tasks failed to start." if bad.catch is Catch.CIRCUIT_BREAKER else "alarm detected."
        assert (Outcome.ROLLED_BACK, bad.code) == (data["verdict"], data["cause_code"]), text
        assert bad.is_told_by(data["cause"]), text
        assert data["cause"] in text
        assert data["next_step"] in text
        assert any(f"deployment failed: {why}" in event for event in events)
        assert any("rolling back to deployment" in event for event in events)
        last = played.status["last_deployment"]
        assert (Outcome.ROLLED_BACK, bad.code, bad.version) == (last["verdict"], last["cause_code"], last["version"])
        assert bad.is_told_by(last["cause"])
        assert played.good.started.asked.version == played.status["version"]
    if bad.catch is Catch.CIRCUIT_BREAKER:
        assert {"good-1"} == {sample.version for sample in played.samples}
    if bad.catch is Catch.TOOL:
        assert Outcome.SUCCEEDED == data["verdict"], text
        if bad.by_chance and not has_crashed(played):
            assert [] == told_of(played)
            return
        assert any(bad.code == one.code and bad.is_told_by(one.cause) for one in told_of(played)), told_of(played)
    if bad.catch is Catch.REHEARSAL:
        assert Outcome.SUCCEEDED == data["verdict"], text
        if played.strategy in bad.hidden_by:
            return
        assert {bad.loses} == set(played.attribution.by_fault)
        assert any(bad.is_told_by(sentence) for sentence in played.attribution.told)


@pytest.fixture(params=[pytest.param("host"), pytest.param("docker", marks=pytest.mark.docker)])
def theatre(request: pytest.FixtureRequest, theatres: dict[str, Future[Theatre]]) -> Theatre:
    return theatre_of(request.param, theatres)


def test_a_version_that_is_not_there_changes_nothing(theatre: Theatre) -> None:
    region = theatre.region
    (region.project / "Dockerfile").rename(region.project / "Dockerfile.away")
    try:
        before = region.service("good", cluster="releases")["deployments"]

        done = region.command("deploy", "nowhere-1")

        assert 1 == done.returncode
        assert "Dockerfile" in done.stderr
        assert "Traceback" not in done.stderr
        assert before == region.service("good", cluster="releases")["deployments"]
    finally:
        (region.project / "Dockerfile.away").rename(region.project / "Dockerfile")


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_known_one(theatre: Theatre) -> None:
    file = theatre.region.project / "ninelives.yml"
    good = file.read_text()
    file.write_text(good.replace("health:", "helth:"))
    try:
        done = theatre.region.command("deploy", "good-2")
    finally:
        file.write_text(good)

    assert 1 == done.returncode
    assert "helth" in done.stderr
    assert "health" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_stopped_tasks_of_bad_releases_left_nothing_behind(theatre: Theatre) -> None:
    for one in theatre.played.values():
        one.result(timeout=PLAYED_SECONDS)
    ecs = theatre.aws.ecs
    services = [arn for page in ecs.get_paginator("list_services").paginate(cluster="releases") for arn in page["serviceArns"]]

    def wanted() -> int:
        found: list[int] = []
        for start in range(0, len(services), 10):
            answer = ecs.describe_services(cluster="releases", services=services[start : start + 10])
            found += [one["desiredCount"] for one in answer["services"]]
        return sum(found)

    eventually(lambda: wanted() == len(_things_of(theatre.region)), what="tasks as many as are wanted, and nothing else")


def _things_of(region: RegionUnderTest) -> list[str]:
    if region.runtime == "docker":
        done = subprocess.run(
            ["docker", "ps", "-a", "--format", "{{.Labels}}"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        return [line for line in done if region.settings.instance in line]
    return [folder.name for folder in Path("/proc").glob("[0-9]*") if _runs_below(folder, region.settings.state_directory)]


def _runs_below(process: Path, directory: Path) -> bool:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
        return b"service.py" in words and (process / "cwd").readlink().is_relative_to(directory)
    except OSError:
        return False


def test_each_release_of_the_catalogue_is_played() -> None:
    assert set(BY_NAME) == {name for _, _, name in to_play()}
