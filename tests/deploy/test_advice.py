"""What a service file lets hope for too much is said with its line, and a file as `init` writes it hears nothing."""

from pathlib import Path

import pytest

from ninelives.deploy.advice import advice
from ninelives.deploy.reading import read_service_file

ROOT = Path(__file__).parents[2]
LEAST = "service: cats\nimage: .\nport: 4567\n"


def advice_on(folder: Path, text: str) -> list[str]:
    (folder / "ninelives.yml").write_text(text)
    return list(advice(read_service_file(folder / "ninelives.yml")))


@pytest.mark.parametrize(
    ("health", "is_short"),
    [
        ("{grace_period: 19s}", True),
        ("{grace_period: 20s}", False),
        ("{grace_period: 20s, unhealthy_threshold: 3}", True),
        ("{interval: 30s}", True),
        ("{}", False),
    ],
)
def test_a_grace_period_has_room_for_two_rounds_of_checks(tmp_path: Path, health: str, is_short: bool) -> None:
    assert is_short == bool(advice_on(tmp_path, LEAST + f"health: {health}\n"))


def test_it_names_the_line_and_says_what_would_do(tmp_path: Path) -> None:
    [sentence] = advice_on(tmp_path, LEAST + "health:\n  grace_period: 10s\n")

    assert f"{tmp_path}/ninelives.yml:5: health.grace_period: 10s is short" in sentence
    assert "when 2 checks have failed (one every 5s)" in sentence
    assert "20s or more" in sentence


@pytest.mark.parametrize(
    ("deploy", "idle"),
    [
        ("{canary: {percent: 10%}}", ["canary"]),
        ("{canary: {percent: 10%}, linear: {step: 20%}, bake: 1m}", ["canary", "linear"]),
        ("{strategy: canary, canary: {percent: 10%}, linear: {step: 20%}}", []),
        ("{strategy: rolling, canary: {percent: 10%}}", []),
        ("{bake: 1m}", []),
    ],
)
def test_a_canary_without_its_strategy_is_told_as_idle(tmp_path: Path, deploy: str, idle: list[str]) -> None:
    told = advice_on(tmp_path, LEAST + f"deploy: {deploy}\n")

    assert len(told) == len(idle)
    for name, sentence in zip(idle, told, strict=True):
        assert sentence.startswith(f"{tmp_path}/ninelives.yml:4: deploy.{name}: is not used: no strategy is given")
        assert f"add `strategy: {name}`, or say `strategy: rolling`" in sentence


def test_an_environment_that_names_its_strategy_hears_nothing_of_it(tmp_path: Path) -> None:
    environments = "environments:\n  staging: {deploy: {strategy: canary}}\n"
    (tmp_path / "ninelives.yml").write_text(LEAST + "deploy: {canary: {percent: 10%}}\n" + environments)

    assert [] == list(advice(read_service_file(tmp_path / "ninelives.yml", "staging")))


@pytest.mark.parametrize("file", [*ROOT.glob("examples/*/ninelives.yml")], ids=lambda path: path.parent.name)
def test_the_examples_need_no_advice(file: Path) -> None:
    assert [] == list(advice(read_service_file(file)))
