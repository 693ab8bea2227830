"""What `up`, `env` and `down` say of a region, and how they reach it."""

import http.server
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from ninelives.cli.background import answers, remember
from ninelives.cli.env import around_proxies
from ninelives.cli.main import run
from ninelives.cli.settings import RegionSettings, RunningRegion, default_state_directory, write_json
from ninelives.cli.up import _say_unchanged, _verb

NOWHERE = "http://127.0.0.1:9"


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
    [({"runtime": "docker"}, "--runtime"), ({"port": 4600}, "--port"), ({"runtime": "auto"}, ""), ({}, "")],
)
def test_what_a_running_region_does_not_carry_out_is_said(
    asked: dict[str, object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = RegionSettings(**({"state_directory": Path("/x"), "account": "1", "runtime": "host"} | asked))  # type: ignore[arg-type]

    _say_unchanged(region(4566), settings, Path("/x"))

    told = capsys.readouterr().err
    assert (said in told) if said else (told == "")


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
