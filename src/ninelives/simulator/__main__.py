"""``python -m ninelives.simulator``: many worlds, or one of them with its transcript."""

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import datetime

from ninelives.simulator.identity import BEGINNING
from ninelives.simulator.options import draw
from ninelives.simulator.runs import Outcome, simulate_all
from ninelives.simulator.world import World

TOLD_EVERY_SECONDS = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """0: every law held. 1: the worlds that are named broke one."""
    parser = argparse.ArgumentParser(prog="python -m ninelives.simulator", description=__doc__)
    parser.add_argument("--worlds", type=int, default=1000, metavar="N", help="how many worlds to live through (1000)")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="SEED", help="the seed of the first one; each next has the next"
    )
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="how many processes share the work (1)")
    parser.add_argument("--trace", action="store_true", help="only the world of --seed, with its options and all that happens")
    given = parser.parse_args(arguments)
    if given.trace:
        return _trace(given.seed)
    return _run(range(given.seed, given.seed + given.worlds), given.processes)


def _trace(seed: int) -> int:
    options = draw(seed)
    _say(*options.told())

    def watch(at: datetime, text: str) -> None:
        _say(f"{(at - BEGINNING).total_seconds():11.6f}  {text}")

    world = World(options, watch)
    world.run()
    return 1 if world.violations else 0


def _run(seeds: range, processes: int) -> int:
    began = told = time.monotonic()
    failed: list[Outcome] = []
    for count, outcome in enumerate(simulate_all(seeds, processes=processes), start=1):
        if outcome.violations:
            failed.append(outcome)
            _say(f"seed {outcome.seed}: {outcome.violations[0]}")
        now = time.monotonic()
        if now - told > TOLD_EVERY_SECONDS:
            told = now
            _say(f"… {count} of {len(seeds)} worlds, {len(failed)} failed, {(now - began) / count * 1000:.0f} ms a world")
    _say(f"{len(seeds)} worlds from seed {seeds.start} in {time.monotonic() - began:.0f} s: {len(failed)} failed")
    for outcome in failed:
        _say(f"  python -m ninelives.simulator --seed {outcome.seed} --trace")
    return 1 if failed else 0


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
