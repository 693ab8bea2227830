"""The release report is one good HTML page that loads nothing, tells the truth first, and bears its record."""

import json
import re
from datetime import timedelta

import html5lib
import pytest
from records import at, good, taken_back, task, traffic

from ninelives.deploy.release_record import EventRecord, Quantiles, ReleaseRecord, record_schema
from ninelives.insight.release_drawing import axis_of, draw, story
from ninelives.insight.release_page import read_page, release_page

SIZE_MAX = 500_000
HOSTILE = "</script><img src=x onerror=alert(1)> & \"quotes\" 'and' {{ braces }}"


def hostile() -> ReleaseRecord:
    record = good()
    events = (EventRecord(at=at(4), message=HOSTILE),)
    return record.model_copy(
        update={
            "cause": HOSTILE,
            "next_step": HOSTILE,
            "version": HOSTILE,
            "sentence": HOSTILE,
            "timeline": record.timeline.model_copy(update={"events": events}),
        }
    )


def bare() -> ReleaseRecord:
    """ECS never had it: nothing is known but why."""
    return ReleaseRecord(
        ninelives="0.1.0", service="cats", cluster="c", environment="local", region="r", strategy="rolling", version="1",
        verdict="error", is_good=False, sentence="cats 1 was not released.", began_at=at(0), finished_at=at(0),
        no_traffic="there was no release",
    )  # fmt: skip


RECORDS = {"good": good(), "taken back": taken_back(), "hostile": hostile(), "bare": bare()}


@pytest.mark.parametrize("name", RECORDS)
def test_it_is_html_without_a_mistake(name: str) -> None:
    parser = html5lib.HTMLParser(strict=True)

    parser.parse(release_page(RECORDS[name]))


@pytest.mark.parametrize("name", RECORDS)
def test_nothing_is_loaded_and_nothing_runs(name: str) -> None:
    root = html5lib.parse(release_page(RECORDS[name]), namespaceHTMLElements=False)

    assert [] == [one for one in root.iter() if one.tag in {"link", "img", "iframe", "object", "embed", "audio", "video"}]
    assert ["application/json"] == [one.get("type") for one in root.iter("script")]
    attributes = [(name, value) for one in root.iter() for name, value in one.attrib.items()]
    assert [] == [name for name, _ in attributes if name in {"src", "srcset", "style"} or str(name).startswith("on")]
    assert not re.search(r"url\(|@import", "".join(one.text or "" for one in root.iter("style")))


@pytest.mark.parametrize("name", RECORDS)
def test_it_bears_its_record_whole(name: str) -> None:
    assert RECORDS[name] == read_page(release_page(RECORDS[name]))


def test_a_page_that_bears_no_record_is_refused() -> None:
    with pytest.raises(ValueError, match="no release report"):
        read_page("<!DOCTYPE html><title>something else</title>")


def words(page: str) -> str:
    root = html5lib.parse(page, namespaceHTMLElements=False)
    header = root.find(".//header")
    assert header is not None
    return " ".join(" ".join(header.itertext()).split())


def test_the_first_screen_says_what_was_lost_how_long_it_took_and_why() -> None:
    told = words(release_page(taken_back()))

    assert "was taken back after 50s" in told
    assert "Requests lost 3 of 1,203 that the probe sent" in told
    assert "Took 50s 49s of it in ECS" in told
    assert "Cause The alarm cats-5xx went off" in told
    assert "Next Read ninelives logs of the time." in told
    assert "Tasks 1 failed" in told


def test_what_was_not_measured_is_not_called_zero() -> None:
    assert "Requests lost not measured there was no release" in words(release_page(bare()))


def test_the_p99_of_few_answers_is_called_what_it_is() -> None:
    many = traffic()
    few = Quantiles(count=12, p50=2, p90=8, p99=30, max=30)

    told = words(
        release_page(good().model_copy(update={"traffic": many.model_copy(update={"phases": {**many.phases, "during": few}})}))
    )

    assert "Slowest while it went on 30 ms of 12 answers" in told
    assert "p99" not in told


def test_a_browser_is_told_that_nothing_may_be_loaded_or_run() -> None:
    root = html5lib.parse(release_page(hostile()), namespaceHTMLElements=False)

    [policy] = [one.get("content") for one in root.iter("meta") if one.get("http-equiv") == "Content-Security-Policy"]

    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "script-src" not in policy


def test_a_release_of_an_hour_with_thousands_of_events_stays_small() -> None:
    tasks = [task(number, "new") for number in range(300)]
    record = good(tasks=tasks)
    long = traffic().model_copy(update={"bins": traffic(seconds=240).bins, "bin_s": 15.0, "ended_at": at(3600)})
    events = tuple(EventRecord(at=at(number), message="has started 1 tasks: (task 00000001).") for number in range(300))
    timeline = record.timeline.model_copy(update={"events": events})

    page = release_page(record.model_copy(update={"traffic": long, "timeline": timeline, "finished_at": at(3600)}))

    assert len(page.encode()) < SIZE_MAX


def test_everything_is_drawn_on_the_axis_and_in_its_place() -> None:
    record = good()
    drawing, axis = draw(record), axis_of(record)

    assert axis.at(axis.start) == 0
    assert axis.at(axis.end) == 100
    spans = [*drawing.stages, *(part for group in drawing.tasks for row in group.rows for part in row.segments)]
    assert all(0 <= one.at <= one.at + one.width <= 100.01 for one in spans)
    assert [group.label for group in drawing.tasks] == ["2.0.1", "1.0.0"]
    [first, *_] = drawing.tasks[0].rows
    assert [part.tone for part in first.segments] == ["pending", "starting", "serving"]
    assert first.segments[2].at == axis.at(at(8))
    [old, *_] = drawing.tasks[1].rows
    assert [part.tone for part in old.segments] == ["serving", "draining", "stopping"]
    assert dict(drawing.versions) == {"1.0.0": "old", "2.0.1": "new"}


def test_many_tasks_are_drawn_in_part_and_the_rest_is_counted() -> None:
    failed = task(999, "new").model_copy(update={"has_failed": True})

    [group] = draw(good(tasks=[*(task(number, "new") for number in range(100)), failed])).tasks

    assert len(group.rows) + group.hidden == 101
    assert any("000003e7"[:4] in row.title for row in group.rows)
    assert "1 failed" in group.about


def test_the_story_is_in_the_order_of_time_and_ends_with_the_verdict() -> None:
    told = [moment.text for moment in story(taken_back())]

    assert told[0] == "ECS has the release; image and task definition took 1s"
    assert "25% of the traffic goes to 2.0.1" in told
    assert "alarm cats-5xx goes off: 5xx answers, percent of all was 11.4, which is above 1" in told
    assert "it is taken back to 1.0.0" in told
    assert told.index("1 task of 2.0.1 failed, the first now: exit code 3") < told.index("it is taken back to 1.0.0")
    assert told[-1] == "verdict: rolled back"


def test_a_stretch_without_answers_is_a_gap_in_the_latencies() -> None:
    whole = traffic()
    gap = whole.model_copy(update={"bins": (*whole.bins[:20], *whole.bins[40:])})

    with_gap, without = (draw(good().model_copy(update={"traffic": one})).latency for one in (gap, whole))

    assert with_gap is not None
    assert without is not None
    assert [area.path.count("M") for area in without.areas] == [1, 1, 1]
    assert [area.path.count("M") for area in with_gap.areas] == [2, 2, 2]


def test_the_documented_schema_is_that_of_the_record() -> None:
    record = json.loads(good().model_dump_json())

    assert set(record) == set(record_schema()["properties"])
    assert timedelta(seconds=50) == timedelta(seconds=good().duration_s)
