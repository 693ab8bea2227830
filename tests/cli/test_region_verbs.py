"""What `up`, `env` and `down` say of a region, and how they reach it."""

import http.server
import socket
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ninelives.cli.background import answers, remember
from ninelives.cli.compose import choose_runtime
from ninelives.cli.env import around_proxies
from ninelives.cli.errors import UserError
from ninelives.cli.main import run
from ninelives.cli.settings import RegionSettings, RunningRegion, default_state_directory, write_json
from ninelives.cli.up import REGION_NAME, _say_unchanged, _verb

NOWHERE = "http://127.0.0.1:9"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def endpoint() -> Iterator[str]:
    """Answers as a region's health path does."""

    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"status": "ok"}')

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_region_is_asked_directly_where_a_proxy_is_set(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, NOWHERE)
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")

    assert answers(endpoint)


def test_clients_of_the_region_get_no_proxy_where_one_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    from ninelives.deploy.aws import connect

    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, NOWHERE)
    monkeypatch.setattr("ninelives.deploy.aws.require_answer", lambda _: None)

    aws = connect(is_local=True, region=None, variables={"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})

    assert {} == aws.ecs.meta.config.proxies


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, {}),
        ({"NO_PROXY": "intranet"}, {}),
        ({"HTTPS_PROXY": "http://proxy:3128"}, {}),
        ({"http_proxy": "http://proxy:3128"}, "127.0.0.1"),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "a,b"}, "a,b,127.0.0.1"),
        ({"ALL_PROXY": "socks5://proxy", "no_proxy": "127.0.0.1,a"}, "127.0.0.1,a"),
    ],
)
def test_env_leads_clients_around_a_proxy_and_says_nothing_without_one(variables: dict[str, str], told: str) -> None:
    assert around_proxies(variables) == ({"NO_PROXY": told, "no_proxy": told} if told else {})


def region(port: int, runtime: str = "host") -> RunningRegion:
    return RunningRegion(
        pid=1, endpoint=f"http://127.0.0.1:{port}", region="eu-west-1", account="1", runtime=runtime, started="1"
    )


def test_the_next_command_names_the_region_that_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NINELIVES_STATE", raising=False)

    assert "ninelives env" == _verb("env", region(4566), default_state_directory(4566))
    assert "ninelives env --port 4600" == _verb("env", region(4600), default_state_directory(4600))
    assert "ninelives down --state '/srv/a b'" == _verb("down", region(4600), Path("/srv/a b"))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"runtime": "docker"}, "--runtime is host, not docker"),
        ({"port": 4600}, "--port is 4566, not 4600"),
        ({"region": "us-east-1"}, "--region is eu-west-1, not us-east-1"),
        ({"time_scale": 5.0}, "--time-scale is 1, not 5"),
        ({"functions": {"f": "http://x/"}}, "--function is none, not f=http://x/"),
        ({"runtime": "auto"}, ""),
        ({}, ""),
    ],
)
def test_what_a_running_region_does_not_carry_out_is_said(
    asked: dict[str, object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = RegionSettings(state_directory=Path("/x"), account="1", runtime="host")

    _say_unchanged(region(4566), before, replace(before, **asked))  # type: ignore[arg-type]

    told = capsys.readouterr().err
    assert (said in told) if said else (told == "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--region", "Nowhere"], "expected the name of an AWS region, such as eu-west-1, found 'Nowhere'"),
        (["--region", "eu-west-"], "expected the name of an AWS region"),
        (["--account", "12"], "expected an account id of 12 digits, such as 123456789012, found '12'"),
        (["--function", "smoke"], "expected a URL or path.py:function after the `=`, found ''"),
        (["--function", "smoke=nowhere.py:handler"], "there is no file nowhere.py."),
        (["--function", "s m=http://x/"], "expected a function's name or ARN before the `=`"),
    ],
)
def test_what_up_is_told_has_the_form_that_aws_gives_it(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 1 == run(["up", "--state", str(tmp_path / "state"), *arguments])

    assert said in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("name", ["eu-west-1", "us-gov-east-1", "ap-southeast-4"])
def test_the_regions_of_aws_are_of_that_form(name: str) -> None:
    assert REGION_NAME.fullmatch(name)


def test_records_of_one_region_are_not_brought_back_as_anothers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remember(RegionSettings(state_directory=tmp_path))
    (tmp_path / "region.sqlite").touch()

    assert 1 == run(["up", "--state", str(tmp_path), "--region", "us-east-1"])

    told = capsys.readouterr().err
    assert "are those of region eu-west-1, account 123456789012" in told
    assert f"ninelives down --state {tmp_path} --delete-state" in told


def test_forgetting_a_region_forgets_its_images_in_docker_and_no_others(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def forget_images(registry: str) -> int:
        asked.append(registry)
        return 2

    monkeypatch.setattr("ninelives.cli.docker_images.forget_images", forget_images)
    port, anothers = free_port(), urlsplit(endpoint).port
    for runtime, its_port in (("host", port), ("docker", port), ("docker", anothers)):
        remember(RegionSettings(state_directory=tmp_path, port=its_port or 0, runtime=runtime))
        assert 0 == run(["down", "--state", str(tmp_path), "--delete-state"])
        tmp_path.mkdir()

    assert [f"127.0.0.1:{port}"] * 2 == asked, "whatever runs the tasks, Docker may have built the images"
    assert f"2 of its images (127.0.0.1:{port}/…) are gone from Docker too." in capsys.readouterr().err


def test_the_log_of_a_region_that_did_not_start_is_named_once_and_the_way_out_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    long = tmp_path / ("t" * 110)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))

    assert 1 == run(["up", "--state", str(tmp_path / "state"), "--port", str(free_port()), "--runtime", "host"])

    told = capsys.readouterr().err
    assert "set TMPDIR to a folder with a shorter path" in told
    assert 1 == told.count("region.log")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("host", "host processes, as asked for: they are not isolated, and only programs of this machine run."),
        (
            "auto",
            (
                "host processes: they are not isolated, and only programs of this machine run. "
                "Why not in containers: permission denied; join the group 'docker'."
            ),
        ),
    ],
)
def test_what_host_processes_lack_is_said_once_and_why_they_are_chosen(
    wanted: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "ninelives.runtime.DockerRuntime.probe", staticmethod(lambda: "permission denied; join the group 'docker'.")
    )

    assert ("host", told) == choose_runtime(wanted)
    with pytest.raises(UserError) as refused:
        choose_runtime("docker")
    assert 1 == (refused.value.message + str(refused.value.hint)).count("group")


def test_a_state_folder_may_be_named_relative_to_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert 1 == run(["env", "--state", "here"])
    assert str(tmp_path / "here") in capsys.readouterr().err

    monkeypatch.setenv("NINELIVES_STATE", "there")
    assert tmp_path / "there" == default_state_directory(4566)


@pytest.mark.parametrize("arguments", [["down", "--delete-state"], ["up", "--runtime", "host"]])
def test_a_folder_of_other_things_is_neither_used_nor_deleted(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("x")

    assert 1 == run([*arguments, "--state", str(tmp_path)])

    assert "thesis.txt" in capsys.readouterr().err
    assert ["thesis.txt"] == [entry.name for entry in tmp_path.iterdir()]


def test_forgetting_a_region_takes_what_is_the_regions_and_leaves_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    (state / "registry" / "blobs").mkdir(parents=True)
    (state / "region.sqlite-wal").touch()
    remember(RegionSettings(state_directory=state))
    (state / "notes.txt").touch()

    assert 0 == run(["down", "--state", str(state), "--delete-state"])
    assert ["notes.txt"] == [entry.name for entry in state.iterdir()]
    assert "notes.txt stays" in capsys.readouterr().err

    remember(RegionSettings(state_directory=state))
    (state / "notes.txt").unlink()
    assert 0 == run(["down", "--state", str(state), "--delete-state"])
    assert not state.exists()


def test_a_region_whose_docker_is_away_is_left_as_it_is_and_the_cause_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    settings = RegionSettings(state_directory=tmp_path / "state", runtime="docker")
    settings.state_directory.mkdir()
    remember(settings)
    gone = RunningRegion(pid=1, endpoint=NOWHERE, region="r", account="a", runtime="docker", started="never")
    write_json(settings.state_directory / "region.json", asdict(gone))

    code = run(["down", "--state", str(settings.state_directory)])

    told = capsys.readouterr().err
    assert code == 1
    assert f"there is no Docker socket at {tmp_path}/docker.sock" in told
    assert "start Docker, then try again" in told
    assert (settings.state_directory / "region.json").exists()


def test_a_state_folder_that_cannot_be_made_is_said_in_the_foreground_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == run(["up", "--foreground", "--runtime", "host", "--state", "/proc/nowhere/state"])

    assert "cannot be used as state folder" in capsys.readouterr().err
