"""The load in a process of its own: complete, on time, and gone when its starter is."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import orjson
import pytest
from faulty_server import FaultyServer

from ninelives.rehearsal.load_process import LoadFailed, LoadProcess
from ninelives.rehearsal.sample import Kind, Sample, Target


def test_every_request_that_arrived_is_in_the_samples(serving: FaultyServer, tmp_path: Path) -> None:
    kinds = [Kind(name="kept", rate=150, path="/ok", connections=4), Kind(name="fresh", rate=50, path="/503")]
    with LoadProcess(serving.target, kinds, tmp_path) as load:
        load.start()
        samples: list[Sample] = []
        while len(samples) < 100:
            samples += load.read()
            threading.Event().wait(0.05)
        samples += load.stop()

    assert {"/ok": "kept", "/503": "fresh"} == {
        path: kind for path, kind in (("/ok", "kept"), ("/503", "fresh")) if serving.requests[path]
    }
    counted = Counter(sample.kind for sample in samples)
    assert (serving.requests["/ok"], serving.requests["/503"]) == (counted["kept"], counted["fresh"])
    assert {("kept", None, "1.0.0"), ("fresh", "status_503", None)} == {
        (sample.kind, sample.error, sample.version) for sample in samples
    }


def test_a_target_without_a_name_in_dns_is_said(tmp_path: Path) -> None:
    target = Target(host="no-such-host.invalid", port=80)
    with (
        LoadProcess(target, [Kind(name="k", rate=1)], tmp_path) as load,
        pytest.raises(LoadFailed, match="The load generator ended"),
    ):
        load.start()


def test_a_generator_that_is_killed_is_no_proof(serving: FaultyServer, tmp_path: Path) -> None:
    with LoadProcess(serving.target, [Kind(name="k", rate=50, path="/ok")], tmp_path) as load:
        load.start()
        assert load._process is not None
        os.kill(load._process.pid, signal.SIGKILL)
        with pytest.raises(LoadFailed):
            load.stop()


def test_the_generator_ends_when_its_starter_is_gone(serving: FaultyServer, tmp_path: Path) -> None:
    target = {"host": serving.target.host, "port": serving.target.port}
    order = {"target": target, "kinds": [{"name": "k", "rate": 50, "path": "/ok"}]}
    generator = subprocess.Popen(
        [sys.executable, "-m", "ninelives.rehearsal.generator", str(tmp_path / "samples")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with generator:
        assert generator.stdin is not None
        assert generator.stdout is not None
        generator.stdin.write(orjson.dumps(order) + b"\n")
        generator.stdin.flush()
        assert generator.stdout.readline().startswith(b"ready ")
        generator.send_signal(signal.SIGINT)  # the terminal's Ctrl-C is not for it
        generator.stdin.close()

        assert generator.wait(10) == 0
