"""Stand-ins for Lambda functions: called with ECS's payload, and each way to fail is told as it completes ECS's sentence."""

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ninelives.hooks import LocalFunctions, PythonStandIn, UrlStandIn, read_stand_in
from ninelives.region.ports import HookUnreachable

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:smoke"
PAYLOAD = {"lifecycleStage": "POST_TEST_TRAFFIC_SHIFT", "executionId": "e", "hookDetails": {"path": "/"}}

Answer = tuple[int, dict[str, str], bytes]


class Server:
    """Answers every POST with ``answer``, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answer: Answer = (200, {}, b'{"hookStatus": "SUCCEEDED"}')
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.hold = threading.Event()
        self.hold.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked.append((self.path, dict(self.headers), json.loads(body)))
                outer.hold.wait(30)
                status, headers, answer = outer.answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}/invoke?really=1"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.hold.set()
    server.http.shutdown()
    server.http.server_close()


def call(where: str, *, seconds: float = 20.0) -> Any:
    name, stand_in = read_stand_in("smoke", where)
    return asyncio.run(LocalFunctions({name: stand_in}, call_seconds_max=seconds).invoke(ARN, PAYLOAD))


@pytest.fixture
def function(tmp_path: Path) -> Callable[[str], str]:
    """A stand-in in Python with this body."""

    def write(body: str) -> str:
        file = tmp_path / "hooks.py"
        file.write_text(f"def handler(event, context):\n    {body}\n", encoding="utf-8")
        return f"{file}:handler"

    return write


def test_a_url_gets_the_payload_and_its_answer_is_the_functions(server: Server) -> None:
    answer = call(server.url)

    assert {"hookStatus": "SUCCEEDED"} == answer
    [(path, headers, payload)] = server.asked
    assert ("/invoke?really=1", "application/json", PAYLOAD) == (path, headers["Content-Type"], payload)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((500, {}, b"out of order"), "an answer 500: 'out of order'."),
        ((302, {"Location": "/elsewhere"}, b""), "an answer 302: ''."),
        ((200, {}, b"fine"), "an answer that is no JSON: 'fine'."),
        (
            (200, {"X-Amz-Function-Error": "Unhandled"}, b'{"errorType": "KeyError", "errorMessage": "path"}'),
            "an error of the function: KeyError: path.",
        ),
        ((200, {"Content-Length": "99"}, b"{"), "that broke off"),
    ],
)
def test_a_url_that_answers_badly_is_told_with_what_it_said(server: Server, answer: Answer, told: str) -> None:
    server.answer = answer

    with pytest.raises(HookUnreachable) as error:
        call(server.url)

    assert told in str(error.value)


def test_a_url_where_nothing_listens_is_told(server: Server) -> None:
    server.http.shutdown()
    server.http.server_close()

    with pytest.raises(HookUnreachable, match=r"no connection to http://127\.0\.0\.1:\d+: .*refused"):
        call(server.url)


def test_nobody_waits_longer_than_lambda_lets_a_function_run(server: Server) -> None:
    server.hold.clear()

    with pytest.raises(HookUnreachable, match=r"no answer within 0\.2 seconds"):
        call(server.url, seconds=0.2)


def test_a_python_function_is_called_as_lambda_calls_a_handler(function: Callable[[str], str]) -> None:
    where = function("print('hello'); return {'hookStatus': 'SUCCEEDED', 'saw': event, 'who': context.function_name}")

    assert {"hookStatus": "SUCCEEDED", "saw": PAYLOAD, "who": "smoke"} == call(where)


def test_a_python_function_runs_in_a_process_of_its_own(function: Callable[[str], str]) -> None:
    assert os.getpid() != call(function("import os; return os.getpid()"))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise KeyError('path')", "an error of the function: KeyError: 'path'."),
        ("return {1, 2}", "an error of the function: TypeError: Object of type set is not JSON serializable."),
        ("import os; os._exit(7)", "an end of the function's process before it answered (exit code 7)."),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "before it answered (exit code -9)."),
        ("import sys; sys.exit(0)", "an error of the function: SystemExit: 0."),
    ],
)
def test_a_python_function_that_fails_is_told_with_its_error(function: Callable[[str], str], body: str, told: str) -> None:
    with pytest.raises(HookUnreachable) as error:
        call(function(body))

    assert told in str(error.value)


def test_a_python_function_that_hangs_is_ended_with_all_that_it_started(
    function: Callable[[str], str], tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    body = (
        "import os, subprocess, time; child = subprocess.Popen(['sleep', '600']); "
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}'); time.sleep(600)"
    )

    with pytest.raises(HookUnreachable, match="no answer within"):
        call(function(body), seconds=3.0)

    deadline = time.monotonic() + 10
    while (left := [pid for pid in pids.read_text().split() if _runs(pid)]) and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    assert [] == left


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def test_a_file_without_the_function_or_no_file_at_all_is_told(tmp_path: Path) -> None:
    (tmp_path / "hooks.py").write_text("x = 1\n", encoding="utf-8")

    with pytest.raises(HookUnreachable, match="has no handler"):
        call(f"{tmp_path}/hooks.py:handler")
    with pytest.raises(HookUnreachable, match="FileNotFoundError"):
        call(f"{tmp_path}/nowhere/hooks.py:handler")


def test_a_function_without_a_stand_in_is_told_with_the_option_that_names_one() -> None:
    with pytest.raises(HookUnreachable, match=r"no stand-in for the function smoke .*`ninelives up --function smoke=URL`"):
        asyncio.run(LocalFunctions({}).invoke(ARN, PAYLOAD))


@pytest.mark.parametrize("name", ["smoke", ARN, f"{ARN}:live"])
def test_a_stand_in_may_be_named_by_name_or_by_arn(server: Server, name: str) -> None:
    functions = LocalFunctions(dict([read_stand_in(name, server.url)]))

    assert {"hookStatus": "SUCCEEDED"} == asyncio.run(functions.invoke(f"{ARN}:live", PAYLOAD))


@pytest.mark.parametrize(
    ("name", "where", "told"),
    [
        ("a b", "http://x/", "a function's name or ARN before the `=`, found 'a b'"),
        ("", "http://x/", "a function's name or ARN before the `=`, found ''"),
        ("f", "ftp://x/", "a URL such as http://127.0.0.1:9000/path, found 'ftp://x/'"),
        ("f", "http://x:port/", "a URL such as"),
        ("f", "hooks.py", "a URL or path.py:function after the `=`, found 'hooks.py'"),
        ("f", "hooks:handler", "a URL or path.py:function"),
        ("f", "hooks.py:not a name", "a URL or path.py:function"),
    ],
)
def test_what_is_no_stand_in_is_refused_with_what_was_expected(name: str, where: str, told: str) -> None:
    with pytest.raises(ValueError, match="expected") as error:
        read_stand_in(name, where)

    assert told in str(error.value)


def test_stand_ins_are_read_as_they_were_written(tmp_path: Path) -> None:
    assert ("f", UrlStandIn(url="https://example.org/x")) == read_stand_in("f", "https://example.org/x")
    assert ("f", PythonStandIn(path=tmp_path / "a:b.py", function="go")) == read_stand_in("f", f"{tmp_path}/a:b.py:go")
