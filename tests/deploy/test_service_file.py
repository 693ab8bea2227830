"""The service file: what it means, and how every mistake is told, with its line and the nearest known key."""

from datetime import timedelta
from pathlib import Path

import pytest

from ninelives.deploy.errors import InvalidServiceFile, NotFound
from ninelives.deploy.quantities import read_duration, read_percentage
from ninelives.deploy.reading import parse_service_file, read_service_file
from ninelives.deploy.schema import schema_text
from ninelives.deploy.service_file import CountRange, json_schema

ROOT = Path(__file__).parents[2]
LEAST = "service: cats\nimage: .\nport: 4567\n"
HOOKS = "deploy:\n  hooks:\n    - {stages: "
ALARMS = "deploy:\n  rollback:\n    alarms: "


def problems_of(text: str) -> list[str]:
    with pytest.raises(InvalidServiceFile) as told:
        parse_service_file(text)
    return list(told.value.problems)


def test_three_keys_are_enough() -> None:
    file = parse_service_file(LEAST)

    assert ("cats", ".", 4567, 2, 100, 200) == (
        file.cluster_name,
        file.image.build,
        file.port,
        file.plain_count,
        file.deploy.minimum_healthy,
        file.deploy.maximum,
    )


@pytest.mark.parametrize(
    ("added", "line", "words"),
    [
        ("helth:\n  path: /\n", 4, "unknown key 'helth' in the service file; did you mean 'health'?"),
        ("health:\n  pth: /\n", 5, "unknown key 'pth' in 'health'; did you mean 'path'?"),
        ("deploy:\n  rollback: {circuit_braker: true}\n", 5, "'deploy.rollback'; did you mean 'circuit_breaker'?"),
        ("qqq: 1\n", 4, "unknown key 'qqq' in the service file; known keys: service, image"),
        (
            "health: {interval: 5 seconds}\n",
            4,
            "health.interval: expected a duration such as 30s, 5m or 1h, found '5 seconds'",
        ),
        ("health: {interval: 6m}\n", 4, "health.interval: expected whole seconds from 5s to 300s, found 6m"),
        ("health: {timeout: 5s}\n", 4, "health.timeout: expected less than the interval (5s), found 5s"),
        ("deploy:\n  maximum: 200\n", 5, "deploy.maximum: expected a whole percentage such as 100%, found 200"),
        ("deploy:\n  maximum: 250%\n", 5, "deploy.maximum: expected 100% to 200%, found 250%"),
        ("deploy: {maximum: 100%}\n", 4, "no task could ever be replaced; raise maximum"),
        ("deploy: {strategy: blue-gren}\n", 4, "did you mean 'blue-green'?"),
        ("cpu: 300\n", 4, "cpu: Fargate has no 300 units; expected one of 256, 512"),
        ("memory: 700\n", 4, "memory: with cpu 256 Fargate has 512, 1024, 2048 MiB, not 700"),
        ("count: {min: 3, max: 2}\n", 4, "count.min: expected at most max (2), found 3"),
        ("count: two\n", 4, "count: expected a whole number, found 'two'"),
        ("command: puma\n", 4, "command: expected a list, found 'puma'"),
        ("secrets:\n  KEY: plain\n", 5, "secrets.KEY: expected ssm:<name>, secretsmanager:<name> or an ARN"),
        ("service: again\n", 4, "key 'service' is given twice"),
        ("environments:\n  prod:\n    health: {intervall: 5s}\n", 6, "'environments.prod.health'; did you mean 'interval'?"),
        ("environments:\n  prod:\n    service: other\n", 6, "environments.prod: the name cannot differ"),
        ("deploy: {bake: 90s}\n", 4, "deploy.bake: expected whole minutes from 0m to 1440m, found 1m30s"),
        ("deploy: {canary: {percent: 0%}}\n", 4, "deploy.canary.percent: expected 0.1% to 100%, found 0%"),
        (
            "deploy: {canary: {percent: 5.55%}}\n",
            4,
            "deploy.canary.percent: expected a percentage in tenths such as 5% or 2.5%",
        ),
        ("deploy: {canary: {bake: 25h}}\n", 4, "deploy.canary.bake: expected whole minutes from 0m to 1440m, found 25h"),
        ("deploy: {linear: {step: 2.9%}}\n", 4, "deploy.linear.step: expected 3% to 100%, found 2.9%"),
        (HOOKS + "[POST_TEST], pause: true}\n", 6, "deploy.hooks.0.stages.0: expected 'RECONCILE_SERVICE', 'PRE_SCALE_UP'"),
        (HOOKS + "[], pause: true}\n", 6, "deploy.hooks.0.stages: expected at least one stage"),
        (HOOKS + "[PRE_SCALE_UP]}\n", 6, "deploy.hooks.0: expected either `function: <name>` or `pause: true`"),
        (HOOKS + "[PRE_SCALE_UP], pause: true, function: f}\n", 6, "expected either `function: <name>` or `pause: true`"),
        (HOOKS + "[TEST_TRAFFIC_SHIFT], pause: true}\n", 6, "stages: ECS does not pause in TEST_TRAFFIC_SHIFT"),
        (HOOKS + "[PRE_SCALE_UP], pause: true, details: {a: 1}}\n", 6, "details: are for functions"),
        (HOOKS + "[PRE_SCALE_UP], pause: true, timeout: 30s}\n", 6, "timeout: expected whole minutes from 1m to 20160m"),
        (HOOKS + "[PRE_SCALE_UP], pause: true, timeout: 15d}\n", 6, "timeout: expected whole minutes from 1m to 20160m"),
        (HOOKS + "[PRE_SCALE_UP], function: a b}\n", 6, "deploy.hooks.0.function: expected a function's name or ARN"),
        (HOOKS + "[PRE_SCALE_UP], function: f, details: {day: 2026-01-01}}\n", 6, "details: expected what JSON can say"),
        ("deploy:\n  hooks:\n    - stages: [PRE_SCALE_UP]\n      puase: true\n", 7, "'deploy.hooks.0'; did you mean 'pause'?"),
        (ALARMS + "[{5x: {above: 1%}}]\n", 6, "'deploy.rollback.alarms.0'; did you mean '5xx'?"),
        (ALARMS + "\n    - 5xx: {above: 1%}\n    - latency: {p98: 2s}\n", 8, "alarms.1.latency'; did you mean 'p99'?"),
        (ALARMS + "[latency: {p99: 2s, p50: 1s}]\n", 6, "latency: expected one limit, such as `p99: 2s`"),
        (ALARMS + "[latency: {p99: 2s, period: 90s}]\n", 6, "latency.period: expected whole minutes from 1m to 60m"),
        (ALARMS + "[a, a]\n", 6, "deploy.rollback.alarms: a is given twice"),
        (ALARMS + "[3]\n", 6, "deploy.rollback.alarms.0: expected text, found 3"),
        ("load_balancer: {test_listener: {}}\n", 4, "test_listener: expected either `port: <number>` or `header: <name>`"),
        (
            "deploy: {strategy: canary}\nload_balancer: {port: 80, test_listener: {port: 80}}\n",
            5,
            "load_balancer: the test_listener needs a port of its own, not 80; or take a `header`",
        ),
        (
            "deploy: {strategy: linear}\nload_balancer: {target_group: a-name-of-twenty-three-x}\n",
            5,
            "load_balancer: the name 'a-name-of-twenty-three-x-alternate' is longer than 32",
        ),
        ("environments:\n  prod: 3\n", 5, "environments.prod: expected a map of what differs"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_was_expected(added: str, line: int, words: str) -> None:
    [problem] = problems_of(LEAST + added)

    assert problem.startswith(f"ninelives.yml:{line}: ")
    assert words in problem


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines() -> None:
    told = problems_of("service: cats\nimage: .\nport: high\nhelth: {}\nhealth: {path: x}\n")

    assert ["3", "4", "5"] == [problem.split(":")[1] for problem in told]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "ninelives.yml: the file is empty"),
        ("- a\n", "ninelives.yml:1: expected keys and values"),
        ("service: cats\nimage: [\n", "ninelives.yml:3: not valid YAML"),
        ("service: a\n b: c\n", "ninelives.yml:2: not valid YAML"),
        ("image: .\nport: 1\n", "'service' is missing; it has no default"),
        ("service: c\nport: 1\nimage: {}\n", "expected `build: <folder>` or `repository: <name>`"),
        ("service: c\nport: 1\nimage: {repository: 'host/name:1'}\n", "expected a name without tag or digest"),
    ],
)
def test_what_is_no_service_file_is_told(text: str, words: str) -> None:
    assert any(words in problem for problem in problems_of(text))


def test_an_environment_lies_over_the_file_key_by_key() -> None:
    text = LEAST + (
        "health: {path: /h, interval: 10s}\nvariables: {A: '1', B: '2'}\n"
        "environments:\n  staging: {cluster: Staging-Cluster, health: {interval: 30s}, variables: {B: '3'}, image: other}\n"
    )

    local, staging = parse_service_file(text), parse_service_file(text, "staging")

    assert ("cats", timedelta(seconds=10), {"A": "1", "B": "2"}) == (
        local.cluster_name,
        local.health.interval,
        local.variables,
    )
    assert ("Staging-Cluster", "/h", timedelta(seconds=30)) == (
        staging.cluster_name,
        staging.health.path,
        staging.health.interval,
    )
    assert ({"A": "1", "B": "3"}, "other") == (staging.variables, staging.image.build)


@pytest.mark.parametrize(
    ("overlay", "left"),
    [
        ("secrets: {}", {}),
        ("secrets: null", {}),
        ("secrets:", {}),
        ("secrets: {A: null}", {"B": "ssm:/b"}),
        ("secrets: {C: 'ssm:/c'}", {"A": "ssm:/a", "B": "ssm:/b", "C": "ssm:/c"}),
    ],
)
def test_an_environment_can_take_away_what_the_file_says(overlay: str, left: dict[str, str]) -> None:
    text = LEAST + f"secrets: {{A: 'ssm:/a', B: 'ssm:/b'}}\nenvironments:\n  local:\n    {overlay}\n"

    assert left == parse_service_file(text).secrets


def test_what_is_taken_away_has_its_default_again_and_an_unknown_key_stays_a_mistake() -> None:
    text = LEAST + "cpu: 512\nmemory: 1024\nhealth: {path: /h, interval: 9s}\n"
    away = "environments: {local: {cpu: null, memory: null, health: {interval: null}}}\n"

    file = parse_service_file(text + away)

    assert (256, 512, "/h", timedelta(seconds=5)) == (file.cpu, file.memory, file.health.path, file.health.interval)
    assert "unknown key 'helth'" in problems_of(LEAST + "environments: {local: {helth: null}}\n")[0]
    assert "port' is missing" in problems_of(LEAST + "environments: {local: {port: null}}\n")[0]


def test_a_release_that_shifts_traffic_is_told_in_a_few_words() -> None:
    file = parse_service_file(
        LEAST
        + """
deploy:
  strategy: canary
  canary: {percent: 2.5%, bake: 1h}
  hooks:
    - {stages: [post-test-traffic-shift, PRE_SCALE_UP], function: smoke, details: {path: /}, on_timeout: continue}
    - {stages: [POST_SCALE_UP], pause: true, timeout: 14d}
  rollback: {alarms: [mine, 5xx: {above: 0.5%}, latency: {p99: 2s, evaluation_periods: 3}]}
"""
    )

    function, pause = file.deploy.hooks
    assert (2.5, timedelta(hours=1)) == (file.deploy.canary.percent, file.deploy.canary.bake)
    assert (("POST_TEST_TRAFFIC_SHIFT", "PRE_SCALE_UP"), "smoke", "continue", timedelta(days=1)) == (
        function.stages,
        function.function,
        function.on_timeout,
        function.timeout,
    )
    assert (True, "rollback") == (pause.pause, pause.on_timeout)
    named, errors, latency = file.deploy.rollback.alarms
    assert "mine" == named
    assert not isinstance(errors, str)
    assert not isinstance(latency, str)
    assert errors.error_rate is not None
    assert latency.latency is not None
    assert (0.5, {"p99": timedelta(seconds=2)}, 3) == (
        errors.error_rate.above,
        latency.latency.limits,
        latency.latency.evaluation_periods,
    )
    assert "cats-alternate" == file.alternate_target_group_name


@pytest.mark.parametrize(
    ("deploy", "bake"),
    [
        ("strategy: rolling", None),
        ("strategy: rolling, bake: 3m", timedelta(minutes=3)),
        ("strategy: blue-green", timedelta(minutes=5)),
        ("strategy: blue-green, bake: 0m", timedelta(0)),
    ],
)
def test_ecs_is_told_a_bake_wherever_traffic_is_shifted(deploy: str, bake: timedelta | None) -> None:
    assert bake == parse_service_file(LEAST + f"deploy: {{{deploy}}}\n").deploy.shift_bake


def test_the_schema_lets_an_environment_take_away_and_write_a_part() -> None:
    definitions = json_schema()["$defs"]

    assert {"type": "null"} in definitions["Environment"]["properties"]["secrets"]["anyOf"]
    assert {"type": "null"} in definitions["HealthInEnvironment"]["properties"]["interval"]["anyOf"]
    assert "required" not in definitions["CountRangeInEnvironment"]


def test_local_always_exists_and_another_environment_must_be_there() -> None:
    parse_service_file(LEAST, "local")

    with pytest.raises(NotFound, match=r"no environment 'stagin'; it has local, staging\.\nDid you mean `--env staging`"):
        parse_service_file(LEAST + "environments: {staging: {}}\n", "stagin")


def test_text_for_other_programs_stays_as_it_was_written() -> None:
    file = parse_service_file(LEAST + "variables: {VERSION: 3.10, DEBUG: on, EMPTY: ''}\n")

    assert {"VERSION": "3.10", "DEBUG": "on", "EMPTY": ""} == file.variables


def test_anchors_and_x_keys_serve_the_writer() -> None:
    file = parse_service_file(LEAST + "x-check: &check {path: /ping}\nhealth:\n  <<: *check\n  interval: 7s\n")

    assert ("/ping", timedelta(seconds=7)) == (file.health.path, file.health.interval)


def test_a_count_of_min_and_max_is_scalings_to_decide() -> None:
    file = parse_service_file(LEAST + "count: {min: 2, max: 10}\n")

    assert (CountRange(min=2, max=10), None, 2) == (file.count, file.plain_count, file.first_count)


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="ninelives init"):
        read_service_file(tmp_path / "ninelives.yml")


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("5m", 300), ("1h", 3600), ("1m30s", 90), ("500ms", 0.5), (12, 12), ("12", 12)]
)
def test_durations_are_read_as_people_write_them(text: object, seconds: float) -> None:
    assert seconds == read_duration(text).total_seconds()


@pytest.mark.parametrize("text", ["", "5 minutes", "-3s", "s", True, None, -1])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="expected a duration such as"):
        read_duration(text)


@pytest.mark.parametrize("text", [100, "1.5%", "%", "100", None])
def test_what_is_no_percentage_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="expected a whole percentage"):
        read_percentage(text)


def test_the_published_schema_is_that_of_the_code() -> None:
    published = (ROOT / "docs" / "reference" / "ninelives.schema.json").read_text(encoding="utf-8")

    assert schema_text() == published, "python -m ninelives.deploy.schema > docs/reference/ninelives.schema.json"


def test_every_reference_in_the_schema_resolves() -> None:
    schema = json_schema()

    def references(part: object) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if "$ref" in part else []
            return own + [found for value in part.values() for found in references(value)]
        return [found for value in part for found in references(value)] if isinstance(part, list) else []

    assert {reference.removeprefix("#/$defs/") for reference in references(schema)} <= set(schema["$defs"])
    assert schema["additionalProperties"] is False
