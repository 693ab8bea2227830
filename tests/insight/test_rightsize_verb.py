"""The verb: what it prints, what it writes, what it asks and what it refuses."""

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from measured_account import NOW, OLD, Account, four_days

from ninelives.cli import asking, session
from ninelives.cli.errors import UserError
from ninelives.cli.main import ninelives
from ninelives.deploy import clock
from ninelives.deploy.aws import Aws
from ninelives.deploy.errors import DeployError
from ninelives.deploy.reading import parse_service_file, read_service_file
from ninelives.telemetry import MetricStore

FILE = """\
service: cats
image: {build: .}
port: 80
cpu: 1024     # as it always was
memory: 4096
count: 2
region: eu-west-1
environments:
  staging: {}
"""


@pytest.fixture(scope="module")
def store() -> MetricStore:
    return four_days()


@pytest.fixture
def account(store: MetricStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Account:
    """In it stands the service of the file in the folder that commands run in."""
    account = Account(store)
    (tmp_path / "ninelives.yml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(asking, "is_somebody_there", lambda: True)
    monkeypatch.setattr(clock, "utc_now", lambda: NOW)
    monkeypatch.setattr(
        session,
        "open_definition",
        lambda place: (
            read_service_file(place.config, place.environment),
            Aws(account.client, region=place.region or "eu-west-1", is_local=False),
        ),
    )
    return account


def run(*arguments: str, typed: str = "") -> Result:
    """Of a day, which is soon read; what is said twice is said last."""
    words = ["rightsize", "--days", "1", "--min-data", "12h", *arguments, "--env", "staging"]
    return CliRunner().invoke(ninelives, words, input=typed, standalone_mode=False)


def told(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("--json", *arguments).stdout)
    return found


@pytest.mark.usefixtures("account")
def test_the_screen_has_the_proposal_its_saving_its_risk_and_what_it_rests_on() -> None:
    shown = run().stdout

    assert "512 CPU units and 1024 MiB, 2 tasks: saves $49.02 of $85.06 a month." in shown
    assert "With one of 2 zones lost, the busiest task is at" in shown
    assert "Played again on it, the 24 hours measured keep the busiest task below 90 % of CPU." in shown
    assert "most on " in shown
    assert "Assumed: p99 of the minutes' CPU and 30 % of headroom" in shown
    assert "AWS's Price List API" in shown
    assert "Next:  the same command with `--apply` writes it into ninelives.yml" in shown
    assert FILE == Path("ninelives.yml").read_text()


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("file", "expected"),
    [
        pytest.param(FILE.replace("cpu: 1024 ", "cpu: &cpu 1024 ") + "x-cpu: *cpu\n", "used elsewhere", id="an anchor"),
        pytest.param(FILE + "  local: {memory: 2048}\n", "as it would be", id="the laptop's own memory does not go with it"),
    ],
)
def test_a_file_that_cannot_take_the_proposal_stays_and_the_advice_is_shown(file: str, expected: str) -> None:
    path = Path("ninelives.yml")
    path.write_text(file.replace("memory: 2048", "memory: 8192"))
    before = path.read_bytes()

    looked, asked = run(), run("--apply", "--yes")

    assert "512 CPU units and 1024 MiB" in looked.stdout
    assert expected in looked.stdout
    assert looked.exit_code == 0
    assert isinstance(asked.exception, DeployError)
    assert path.read_bytes() == before


@pytest.mark.usefixtures("account")
def test_a_file_that_is_edited_while_it_is_asked_stays_as_it_was_edited(monkeypatch: pytest.MonkeyPatch) -> None:
    def edit(*_: object, **__: object) -> bool:
        Path("ninelives.yml").write_text(f"{FILE}# mine\n")
        return True

    monkeypatch.setattr(click, "confirm", edit)

    assert isinstance(run("--apply").exception, UserError)
    assert Path("ninelives.yml").read_text() == f"{FILE}# mine\n"


@pytest.mark.usefixtures("account")
def test_it_fits_into_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    from ninelives.cli import rightsize_output

    monkeypatch.setattr(rightsize_output, "page", lambda: Console(width=80, highlight=False))

    assert 80 >= max(len(line) for line in run().stdout.splitlines() if not line.startswith("Next:"))


@pytest.mark.usefixtures("account")
def test_json_has_the_same_and_the_figures_behind_it() -> None:
    found = told()

    assert ("changes", False, 1) == (found["result"], found["applied"], len({found["measured"]["busiest"]["hour"]}))
    assert (512, 1024, 2) == tuple(found["proposed"][key] for key in ("cpu", "memory", "count"))
    assert found["monthly_saving"] == pytest.approx(found["now"]["monthly"]["high"] - found["proposed"]["monthly"]["high"])
    assert 24 == len(found["measured"]["cpu_by_hour"])
    assert found["prices"]["is_verified"]
    assert {"graviton", "spot", "roomier"} <= {one["name"] for one in found["others"]}


@pytest.mark.usefixtures("account")
def test_a_region_without_prices_is_told_with_the_nearest_ones() -> None:
    assert "eu-central-1, the nearest with prices to eu-south-2" in run("--region", "eu-south-2").stdout


@pytest.mark.usefixtures("account")
def test_unverified_prices_are_called_so() -> None:
    assert "for eu-west-2, unverified" in run("--region", "eu-west-2", "--graviton").stdout


@pytest.mark.usefixtures("account")
def test_applied_after_a_yes_it_changes_the_file_and_nothing_beside_it() -> None:
    done = run("--apply", typed="y\n")

    assert "-cpu: 1024     # as it always was" in done.stdout
    after = Path("ninelives.yml").read_text()
    assert FILE.replace("cpu: 1024", "cpu: 512").replace("memory: 4096", "memory: 1024") == after
    assert "unchanged" == told()["result"]
    assert "Nothing to change" in run().stdout


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_anything_but_yes_changes_nothing(answer: str) -> None:
    assert "Nothing was changed." in str(run("--apply", typed=answer).exception)
    assert FILE == Path("ninelives.yml").read_text()


@pytest.mark.usefixtures("account")
def test_who_leaves_the_question_is_told_that_nothing_was_changed() -> None:
    left = run("--apply", typed="")

    assert isinstance(left.exception, click.Abort)
    assert "Nothing was changed." in left.stderr
    assert FILE == Path("ninelives.yml").read_text()


@pytest.mark.usefixtures("account")
def test_where_nobody_is_there_it_takes_a_yes_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "is_somebody_there", lambda: False)

    refused = run("--apply", typed="y\n").exception

    assert isinstance(refused, UserError)
    assert "Agree beforehand with --yes. Nothing was changed." == refused.hint
    assert FILE == Path("ninelives.yml").read_text()


@pytest.mark.usefixtures("account")
def test_with_yes_and_json_nothing_is_asked_and_stdout_is_one_object() -> None:
    assert told("--apply", "--yes")["applied"]
    assert OLD.cpu == parse_service_file(Path("ninelives.yml").read_text(), "staging").cpu


@pytest.mark.usefixtures("account")
def test_json_cannot_ask() -> None:
    refused = run("--apply", "--json").exception

    assert isinstance(refused, UserError)
    assert "--yes" in str(refused.hint)


@pytest.mark.usefixtures("account")
def test_too_little_data_is_refused_in_words_and_as_data() -> None:
    refused = run("--min-data", "30d")
    as_data = run("--min-data", "30d", "--json")

    assert "Of cats 24h are measured, and advice takes 720h." in getattr(refused.exception, "message", "")
    assert "too_little_data" == json.loads(as_data.stdout)["result"]
    assert 1 == as_data.return_value


@pytest.mark.usefixtures("account")
def test_graviton_is_written_where_the_image_is_there_for_it() -> None:
    run("--apply", "--yes", "--graviton")

    assert "image: {build: ., platform: linux/arm64}" in Path("ninelives.yml").read_text()


def test_graviton_is_refused_where_the_image_is_not(account: Account) -> None:
    account.manifest = {"layers": []}

    refused = run("--graviton").exception

    assert isinstance(refused, DeployError)
    assert "none for arm64" in refused.message


@pytest.mark.usefixtures("account")
def test_a_range_is_told_its_target_and_the_file_gets_it() -> None:
    path = Path("ninelives.yml")
    path.write_text(FILE.replace("count: 2", "count: {min: 1, max: 9}  # nights are quiet"))

    shown = run("--apply", "--yes").stdout

    assert re.search(r"Scales at 50 % of CPU, about [\d,]+ requests a minute and task\.", shown)
    assert "count: {min: 2, max: " in path.read_text()
    assert "}  # nights are quiet\nscaling: {cpu: 50%}\n" in path.read_text()
    assert "unchanged" == told()["result"]


@pytest.mark.usefixtures("account")
def test_who_follows_requests_goes_on_doing_so() -> None:
    path = Path("ninelives.yml")
    path.write_text(FILE.replace("count: 2", "count: {min: 1, max: 9}\nscaling: {requests_per_task: 7}"))

    run("--apply", "--yes")

    scaling = read_service_file(path, "staging").file.scaling
    assert scaling is not None
    assert scaling.cpu is None
    assert told()["proposed"]["count"]["requests_per_task"] == scaling.requests_per_task != 7


@pytest.mark.usefixtures("account")
def test_two_changes_at_once_are_refused() -> None:
    assert "two changes" in getattr(run("--graviton", "--scaled").exception, "message", "")
