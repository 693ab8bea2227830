"""CPU, memory, network and block devices as the kernel and Docker tell them."""

import asyncio
from datetime import timedelta
from pathlib import Path

from ninelives.region.ports import ContainerUsage, NetworkUsage, TaskUsage
from ninelives.runtime.docker_usage import network_of, together, usage_of
from ninelives.runtime.host_usage import (
    PAGE_BYTES,
    TICKS_PER_SECOND,
    ProcessTable,
    SharedTable,
    memory_of_trees,
    read_processes,
    usage_of_trees,
)


def process(proc: Path, pid: int, parent: int, ticks: int, resident: int, shared: int, name: str = "a) b (c") -> None:
    directory = proc / str(pid)
    directory.mkdir()
    fields = ["S", str(parent), *["0"] * 9, str(ticks), "0", "0", "0", *["0"] * 35]
    (directory / "stat").write_text(f"{pid} ({name}) {' '.join(fields)}\n")
    (directory / "statm").write_text(f"9999 {resident} {shared} 0 0 0 0\n")
    (directory / "io").write_text("rchar: 1\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 1024\n")


def test_a_tree_is_all_that_descends_from_its_roots(tmp_path: Path) -> None:
    process(tmp_path, 10, 1, 5 * TICKS_PER_SECOND, 20, 10)
    process(tmp_path, 11, 10, 2 * TICKS_PER_SECOND, 30, 10)
    process(tmp_path, 12, 11, TICKS_PER_SECOND, 40, 10)
    process(tmp_path, 20, 1, 100 * TICKS_PER_SECOND, 50, 10)
    (tmp_path / "12" / "io").unlink()  # another user's
    (tmp_path / "self").mkdir()
    (tmp_path / "13").mkdir()  # one that has gone while we looked
    roots = {"a": [10], "gone": [99], "both": [11, 20]}
    table = read_processes(tmp_path)

    assert usage_of_trees(roots, table, tmp_path) == {
        "a": used(seconds=8, pages=50, transfers=2),
        "both": used(seconds=103, pages=30, transfers=2),
    }
    # Of a container's first process all counts; of a supervisor only what it has below it.
    assert memory_of_trees(roots, table, tmp_path) == {"a": 60 * PAGE_BYTES, "both": 90 * PAGE_BYTES}


def used(*, seconds: float, pages: int, transfers: int) -> ContainerUsage:
    return ContainerUsage(
        cpu=timedelta(seconds=seconds),
        memory_bytes=pages * PAGE_BYTES,
        read_bytes=4096 * transfers,
        written_bytes=7168 * transfers,
    )


def test_dockers_statistics_without_the_page_cache() -> None:
    cpu = {"cpu_usage": {"total_usage": 1_500_000_000}}
    rows = [{"op": "read", "value": 4}, {"op": "write", "value": 8}, {"op": "Read", "value": 2}]
    new = {
        "cpu_stats": cpu,
        "memory_stats": {"usage": 1000, "stats": {"inactive_file": 400}},
        "blkio_stats": {"io_service_bytes_recursive": rows},
    }
    old = {
        "cpu_stats": cpu,
        "memory_stats": {"usage": 1000, "stats": {"total_inactive_file": 300, "inactive_file": 100}},
        "blkio_stats": {"io_service_bytes_recursive": None},
    }

    assert usage_of(new) == ContainerUsage(cpu=timedelta(seconds=1.5), memory_bytes=600, read_bytes=6, written_bytes=8)
    assert usage_of(old) == ContainerUsage(cpu=timedelta(seconds=1.5), memory_bytes=700)
    assert usage_of({"cpu_stats": {}, "memory_stats": {}}) is None


def test_the_network_of_a_task_is_that_of_all_its_interfaces() -> None:
    stats = {"networks": {"eth0": {"rx_bytes": 5, "tx_bytes": 7}, "eth1": {"rx_bytes": 1, "tx_bytes": 2}}}
    network = network_of(stats)

    assert network == NetworkUsage(received_bytes=6, sent_bytes=9)
    assert together(together(None, network), network) == NetworkUsage(received_bytes=12, sent_bytes=18)
    assert network_of({"networks": {}}) is None


def test_containers_of_a_task_are_counted_together() -> None:
    one = ContainerUsage(cpu=timedelta(seconds=1), memory_bytes=5)
    whole = TaskUsage.of({"web": one, "side": one})

    assert (whole.cpu, whole.memory_bytes, set(whole.containers)) == (timedelta(seconds=2), 10, {"web", "side"})


def test_one_look_at_the_processes_serves_all_who_ask_meanwhile(tmp_path: Path) -> None:
    looks = 0

    async def look() -> ProcessTable:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return read_processes(tmp_path)

    async def main() -> None:
        processes = SharedTable(look)
        await asyncio.gather(*(processes.table(oldest=timedelta(minutes=1)) for _ in range(100)))
        assert looks == 1
        await processes.table(oldest=timedelta())
        assert looks == 2, "who measures sees what is there now"

    asyncio.run(main())
