"""Starting the load generator's process, reading along, and ending it."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, NoReturn, Self

import orjson

from ninelives.rehearsal.sample import Kind, LoadOrder, Sample, Target

SPARE_SECONDS = 10.0
"""Above the longest timeout of a request, before a generator that does not end is killed."""


class LoadFailed(Exception):
    """The generator could not start, or broke off: what it measured is not a proof. The text is its own."""


class LoadProcess:
    """A load that runs; leaving the ``with`` block ends it, whatever happened."""

    def __init__(self, target: Target, kinds: Sequence[Kind], folder: Path) -> None:
        self._order = LoadOrder(target=target, kinds=tuple(kinds))
        self._file = folder / "samples.jsonl"
        self._errors = folder / "generator.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: IO[bytes] | None = None
        self._rest = b""

    def start(self) -> float:
        """Start sending; when the first request is due, in seconds of the monotonic clock. Raises ``LoadFailed``."""
        self._file.touch(mode=0o600)
        with self._errors.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "ninelives.rehearsal.generator", str(self._file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        self._process = process
        self._reader = self._file.open("rb")
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(orjson.dumps(asdict(self._order), option=orjson.OPT_APPEND_NEWLINE))
            process.stdin.flush()
        except BrokenPipeError:
            self._fail()
        word, _, start_at = process.stdout.readline().partition(b" ")
        if word != b"ready":
            self._fail()
        return float(start_at)

    def read(self) -> list[Sample]:
        """The samples that came since the last reading. Raises ``LoadFailed`` when the generator is gone."""
        assert self._process is not None
        if self._process.poll() is not None:
            self._fail()
        return self._read()

    def stop(self) -> list[Sample]:
        """End the load, wait for requests in flight; the samples since the last reading. Raises ``LoadFailed``."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        longest = max((kind.timeout_seconds for kind in self._order.kinds), default=0.0)
        try:
            code = process.wait(longest + SPARE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if code != 0:
            self._fail()
        return self._read()

    def _read(self) -> list[Sample]:
        assert self._reader is not None
        *lines, self._rest = (self._rest + self._reader.read()).split(b"\n")
        return [Sample(*orjson.loads(line)) for line in lines]

    def _fail(self) -> NoReturn:
        assert self._process is not None
        self._process.kill()
        code = self._process.wait()
        words = self._errors.read_text(errors="replace").strip().splitlines()
        raise LoadFailed(f"The load generator ended ({code}): {words[-1] if words else 'without a word'}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                pipe.close()
        if self._reader is not None:
            self._reader.close()
