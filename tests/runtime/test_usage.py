"""CPU and memory as the kernel and Docker tell them."""

from datetime import timedelta
from pathlib import Path

from ninelives.region.ports import TaskUsage
from ninelives.runtime.docker_usage import together, usage_of
from ninelives.runtime.host_usage import PAGE_BYTES, TICKS_PER_SECOND, usage_of_trees


def process(proc: Path, pid: int, parent: int, ticks: int, resident: int, shared: int, name: str = "a) b (c") -> None:
    directory = proc / str(pid)
    directory.mkdir()
    fields = ["S", str(parent), *["0"] * 9, str(ticks), "0", "0", "0", *["0"] * 35]
    (directory / "stat").write_text(f"{pid} ({name}) {' '.join(fields)}\n")
    (directory / "statm").write_text(f"9999 {resident} {shared} 0 0 0 0\n")


def test_a_tree_is_all_that_descends_from_its_roots(tmp_path: Path) -> None:
    process(tmp_path, 10, 1, 5 * TICKS_PER_SECOND, 20, 10)
    process(tmp_path, 11, 10, 2 * TICKS_PER_SECOND, 30, 10)
    process(tmp_path, 12, 11, TICKS_PER_SECOND, 40, 10)
    process(tmp_path, 20, 1, 100 * TICKS_PER_SECOND, 50, 10)
    (tmp_path / "self").mkdir()
    (tmp_path / "13").mkdir()  # one that has gone while we looked
    found = usage_of_trees({"a": [10], "gone": [99], "both": [11, 20]}, tmp_path)

    assert found == {
        "a": TaskUsage(cpu=timedelta(seconds=8), memory_bytes=60 * PAGE_BYTES),
        "both": TaskUsage(cpu=timedelta(seconds=103), memory_bytes=90 * PAGE_BYTES),
    }


def test_dockers_statistics_without_the_page_cache() -> None:
    cpu = {"cpu_usage": {"total_usage": 1_500_000_000}}
    new = {"cpu_stats": cpu, "memory_stats": {"usage": 1000, "stats": {"inactive_file": 400}}}
    old = {"cpu_stats": cpu, "memory_stats": {"usage": 1000, "stats": {"total_inactive_file": 300, "inactive_file": 100}}}

    assert usage_of(new) == TaskUsage(cpu=timedelta(seconds=1.5), memory_bytes=600)
    assert usage_of(old) == TaskUsage(cpu=timedelta(seconds=1.5), memory_bytes=700)
    assert usage_of({"cpu_stats": {}, "memory_stats": {}}) is None


def test_containers_of_a_task_are_counted_together() -> None:
    one = TaskUsage(cpu=timedelta(seconds=1), memory_bytes=5)

    assert together(together(None, one), one) == TaskUsage(cpu=timedelta(seconds=2), memory_bytes=10)
