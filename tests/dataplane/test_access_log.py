"""Envoy's access log is told whole, once, in order, and does not fill the disk."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from envoy_world import World, in_world, until

from ninelives.dataplane import access_log
from ninelives.dataplane.access_log import AccessLog


class Envoy:
    """Writes as Envoy does: to the file that it has open, until it is told to open it again and has something to write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path.open("a")
        self.is_told = False

    def write(self, number: int) -> None:
        if self.is_told:
            self.file = self.path.open("a")
            self.is_told = False
        self.file.write(json.dumps({"n": number}) + "\n")
        self.file.flush()

    async def post(self, target: str) -> bytes:
        assert "/reopen_logs" == target
        self.is_told = True
        return b""


def read_all(log: AccessLog) -> list[int]:
    async def read() -> list[int]:
        found: list[int] = []
        for _ in range(10):
            found += [entry["n"] for entry in await log.read()]
        return found

    return asyncio.run(read())


def test_lines_are_told_once_through_rotations_and_restarts_and_read_files_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "ROTATE_ABOVE", 50)
    path = tmp_path / "access.log"
    envoy: Any = Envoy(path)
    log = AccessLog(path, envoy)
    told = []
    for number in range(100):
        envoy.write(number)
        if number % 7 == 0:
            told += read_all(log)
        if number % 20 == 0:
            log = AccessLog(path, envoy)
    told += read_all(log)

    assert list(range(100)) == told
    assert sum(one.stat().st_size for one in tmp_path.glob("access.log*")) < 500


def test_half_a_line_waits_for_its_rest_and_nonsense_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    envoy: Any = Envoy(path)
    log = AccessLog(path, envoy)
    path.write_bytes(b'{"n": 1}\nwhat?\n{"n"')
    assert [1] == read_all(log)
    with path.open("ab") as file:
        file.write(b": 2}\n")

    assert [2] == read_all(log)


@pytest.mark.live
def test_a_request_is_told_with_its_target_group_rule_and_times() -> None:
    async def test(world: World) -> None:
        told: list[Any] = []
        world.plane.subscribe_requests(told.extend)
        [key] = await world.serve("web")
        assert 200 == (await world.get("/x?y=1", user_agent='a "b"')).status

        await until(lambda: told, what="the request")

        [entry] = told
        assert "app/web/50dc6c495c0c9188/f2f7dc8efc522ab2" == entry["listener"]
        assert (200, "via_upstream") == (entry["elb_status_code"], entry["response_code_details"])
        assert (f"{key.id}:{key.port}", key.target_group_arn) == (entry["target"], entry["target_group_arn"])
        assert ("GET", "web.test", "/x?y=1", 'a "b"') == tuple(entry[one] for one in ("method", "host", "path", "user_agent"))
        assert ("0", "forward") == (entry["matched_rule_priority"], entry["actions_executed"])
        assert entry["target_processing_us"] > 0
        assert entry["tls_cipher"] is None

    in_world(test)
