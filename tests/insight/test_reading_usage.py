"""From days of what the region's own CloudWatch keeps, and from ECS, ECR and EC2, to what is advised upon."""

from datetime import timedelta
from pathlib import Path

import pytest
from measured_account import DAY, DAYS, DEPLOYED, FILE, MINUTE, NEW, NOW, OLD, Account, four_days

from ninelives.deploy.aws import Aws
from ninelives.deploy.prices import prices_of
from ninelives.deploy.reading import Definition, parse_service_file
from ninelives.insight.reading_usage import Change, Measured, rhythm_of, size_at, usage_of
from ninelives.insight.reading_usage import read_facts as facts_of
from ninelives.insight.replay import Bounds
from ninelives.insight.rightsizing import Advice, Facts, advise
from ninelives.insight.series import Series
from ninelives.insight.sizing import Assumptions
from ninelives.model.fargate import TaskSize
from ninelives.telemetry import MetricStore


@pytest.fixture(scope="module")
def store() -> MetricStore:
    return four_days()


@pytest.fixture
def account(store: MetricStore) -> Account:
    return Account(store)


def read(account: Account, count: str = "2", window: timedelta = DAY / 12) -> Facts:
    """By default of two hours, for those who ask about something else."""
    file = parse_service_file(FILE.replace("COUNT", count))
    definition = Definition(path=Path("ninelives.yml"), environment="staging", file=file)
    return facts_of(Aws(account.client, region="eu-west-1", is_local=False), definition, Assumptions(window=window), NOW)


@pytest.fixture(scope="module")
def whole(store: MetricStore) -> Facts:
    """Of all four days, and ten before them."""
    return read(Account(store), window=14 * DAY)


def test_percentages_become_units_of_the_size_that_ran_then(whole: Facts) -> None:
    usage = whole.usage
    noon = {one.at: one for one in usage.minutes if (one.at.hour, one.at.minute) == (12, 0)}

    first, last = min(noon), max(noon)

    assert (OLD, NEW) == (noon[first].size, noon[last].size)
    for at in (first, last):
        assert 2 * 180 == pytest.approx(noon[at].cpu)
        assert 1.1 * 180 == pytest.approx(noon[at].busiest)
        assert 310 == pytest.approx(noon[at].memory)
        assert 2 == noon[at].tasks


def test_nothing_is_said_of_minutes_in_which_two_sizes_ran(whole: Facts) -> None:
    usage = whole.usage

    assert not [one for one in usage.minutes if DEPLOYED <= one.at < DEPLOYED + 3 * MINUTE]
    assert DAYS * 24 == pytest.approx(usage.hours, abs=0.2)


def test_what_surrounds_the_service_is_read(whole: Facts) -> None:
    found = whole

    assert 2 == found.standing.zones
    assert {"amd64", "arm64"} == found.standing.images.architectures
    assert timedelta(seconds=60) == found.standing.leave
    assert found.traffic.requests is not None
    assert 20 * 180 == pytest.approx(found.traffic.requests.p99, rel=0.001)
    assert 0.1 == pytest.approx(found.traffic.cpu_a_request)
    assert (0.02, 0.3) == pytest.approx((found.traffic.response_p50, found.traffic.response_p99), rel=0.01)
    assert () == found.notes


def test_the_target_of_scaling_is_that_of_its_policy(account: Account) -> None:
    assert Bounds(least=2, most=8, target=60) == read(account, "{min: 2, max: 8}").standing.count


def test_a_file_that_is_not_what_runs_is_told(account: Account) -> None:
    account.definition = {"cpu": "2048", "memory": "8192"}
    account.desired = 3

    assert (
        "the file says 1024 CPU units and 4096 MiB, and what runs has 2048 and 8192: it was not deployed since",
        "the file says 2 tasks, and the service has 3",
    ) == read(account).notes


@pytest.mark.parametrize("name", ["ec2", "ecr", "elbv2", "scaling"])
def test_what_may_not_be_read_is_told_and_the_rest_goes_on(account: Account, name: str) -> None:
    account.refused = {name}

    found = read(account, "{min: 2, max: 8}")

    assert 1 == len(found.notes)
    assert found.notes[0].startswith("AccessDeniedException: ")
    assert found.usage.minutes


def test_an_image_of_one_architecture_has_that(account: Account) -> None:
    account.manifest = {"layers": []}

    assert {"amd64"} == read(account).standing.images.architectures


def test_a_kill_for_want_of_memory_is_found_with_the_memory_that_was_not_enough(account: Account) -> None:
    account.stopped = [
        {"taskArn": f"t/{name}", "taskDefinitionArn": name, "lastStatus": "STOPPED", "desiredStatus": "STOPPED",
         "containers": [{"name": "cats", "image": "cats", "exitCode": 137, "reason": reason}]}
        for name, reason in (("old", "OutOfMemoryError: Container killed due to memory usage"), ("new", ""))
    ]  # fmt: skip

    found = read(account).evidence

    assert (1, OLD.memory) == (found.kills, found.killed_at)


def test_four_days_come_to_the_smallest_size(whole: Facts) -> None:
    found = advise(whole, Assumptions(), prices_of("eu-west-1"))

    assert isinstance(found, Advice)
    assert (TaskSize(cpu=512, memory=1024), 2) == (found.proposed.size, found.proposed.count)
    assert 12 == found.busiest[1]


def test_five_minutes_count_as_five_where_minutes_are_no_longer_kept(account: Account) -> None:
    usage = read(account, window=20 * DAY).usage

    assert DAYS * 24 == pytest.approx(usage.hours, abs=0.5)
    assert {2} == {one.tasks for one in usage.minutes}


@pytest.mark.parametrize(
    ("scale", "period", "points"), [(1, 60, 1), (60, 1, 1), (12, 5, 1), (5, 60, 5), (30, 10, 5), (6, 10, 1)]
)
def test_a_period_holds_whole_minutes_of_a_regions_time(scale: float, period: int, points: float) -> None:
    found = rhythm_of(scale, 14 * DAY)

    assert (period, points) == (found.period, found.points)


def test_before_the_first_change_the_size_was_the_first_ones() -> None:
    changes = [Change(at=NOW, until=NOW, size=OLD), Change(at=NOW + DAY, until=NOW + DAY + MINUTE, size=NEW)]

    found = [size_at(changes, NOW + one) for one in (-DAY, timedelta(0), DAY, DAY + MINUTE)]

    assert [OLD, OLD, None, NEW] == found


def test_a_sample_that_comes_late_is_no_start_and_a_task_more_is_one() -> None:
    counts = [2, 2, 1, 2, 2, 3, 3, 3, 3]
    at = [NOW + minute * MINUTE for minute in range(len(counts))]
    flat = Series(tuple((one, 50.0) for one in at))
    measured = Measured(mean=flat, busiest=flat, samples=Series(tuple(zip(at, map(float, counts), strict=True))), memory=flat)

    found = usage_of(measured, [Change(at=NOW, until=NOW, size=NEW)], [], 2 * MINUTE, rhythm_of(1, DAY))

    assert [False] * 5 + [True] * 2 + [False] * 2 == [one.is_start for one in found.minutes]
