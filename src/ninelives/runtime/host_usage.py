"""CPU time and memory of host processes with all their descendants, from /proc.

Memory is what is resident and not a file's, as the supervisor counts it for a task's limit.
"""

import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from ninelives.region.ports import TaskUsage

TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")

# Places in /proc/PID/stat after the command's name. Source: proc(5).
PARENT, FIRST_TIME, LAST_TIME = 1, 11, 14
"""The times are: own user, own system, and both of children that were waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Process:
    parent: int
    ticks: int


def usage_of_trees(roots: Mapping[str, Collection[int]], proc: Path = Path("/proc")) -> Mapping[str, TaskUsage]:
    """What the processes ``roots`` and all that descend from them have used, by the same keys. It blocks for milliseconds.

    CPU time of a process that has ended is its parent's once it was waited for; so a supervisor's tree loses none.
    """
    processes = dict(_all_processes(proc))
    children: dict[int, list[int]] = defaultdict(list)
    for pid, process in processes.items():
        children[process.parent].append(pid)
    found = {}
    for key, pids in roots.items():
        tree = [pid for root in pids if root in processes for pid in _descendants(root, children)]
        if tree:
            ticks = sum(processes[pid].ticks for pid in tree)
            memory = sum(_resident_bytes(proc, pid) for pid in tree)
            found[key] = TaskUsage(cpu=timedelta(seconds=ticks / TICKS_PER_SECOND), memory_bytes=memory)
    return found


def _all_processes(proc: Path) -> Iterator[tuple[int, _Process]]:
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it has gone
        yield int(entry.name), _Process(parent=int(fields[PARENT]), ticks=sum(map(int, fields[FIRST_TIME : LAST_TIME + 1])))


def _descendants(root: int, children: Mapping[int, Collection[int]]) -> Iterator[int]:
    yield root
    for child in children.get(root, ()):
        yield from _descendants(child, children)


def _resident_bytes(proc: Path, pid: int) -> int:
    try:
        fields = (proc / str(pid) / "statm").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * PAGE_BYTES
