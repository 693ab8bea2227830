"""The console as a browser meets it: the page, its files, its doors, and what it says when the API does not answer."""

import json
from pathlib import Path
from typing import Any

import pytest
from asked_page import Answer, ask
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from page_facts import HEAD, NOW, facts

from ninelives.console.app import Console, Place
from ninelives.console.asgi import ASGIApp, Message, Receive, Send
from ninelives.console.gate import COOKIE, TOKEN_HEADER, Gate
from ninelives.console.mount import ROOT, with_console
from ninelives.console.reading import Reader
from ninelives.console.troubles import Kind, trouble_of
from ninelives.deploy.clock import WallClock
from ninelives.deploy.errors import NoRegion, NotFound
from ninelives.deploy.history import PastRelease
from ninelives.rehearsal.kept_proofs import keep_proof, keep_report, kept_proof, kept_report, place_of

STATIC = Path(__file__).parents[2] / "src/ninelives/console/static"
PLACE = Place(kind="region", region="eu-west-1", endpoint="http://127.0.0.1:4566")
RELEASE = PastRelease(
    arn=f"{HEAD}service-deployment/shop/cats/sd2", version="2.0.1", status="SUCCESSFUL", task_definition="t", revision="2",
    created_at=NOW, finished_at=NOW, cause=None,
)  # fmt: skip


class KnownReader(Reader):
    """Answers with one release, or with an error."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__(self._unreached, WallClock())
        self.error = error

    @staticmethod
    def _unreached() -> Any:
        raise NoRegion("No region answers at http://127.0.0.1:4566.")

    def service(self, named: tuple[str, str]) -> Any:  # noqa: ARG002 (one service)
        if self.error is not None:
            raise self.error
        return facts()

    def past(self, named: tuple[str, str], deployment: Any = None) -> list[PastRelease]:  # noqa: ARG002
        return [RELEASE]


def console(error: Exception | None = None, key: str | None = None) -> ASGIApp:
    return Console(KnownReader(error), Gate(token="the-token", key=key), PLACE).app()


def test_the_page_names_its_files_such_that_a_browser_keeps_them() -> None:
    app = console()
    version = ask(app, "/api/hello").json["page"]

    page = ask(app, "/")
    assert f"static/{version}/main.js" in page.body.decode()
    assert "{version}" not in page.body.decode()

    known, other = (ask(app, f"/static/{one}/main.js") for one in (version, "another"))
    assert "immutable" in known.headers["cache-control"]
    assert "no-cache" == other.headers["cache-control"]
    assert known.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize("name", ["../app.py", "fonts", "nothing.js", "%2e%2e/app.py", "main.js\0"])
def test_nothing_but_the_pages_files_is_served(name: str) -> None:
    assert 404 == ask(console(), f"/static/x/{name}").status


def test_the_pages_policy_lets_it_load_nothing_from_elsewhere() -> None:
    policy = ask(console(), "/").headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "://" not in policy


def test_no_file_of_the_page_names_an_address_of_the_internet() -> None:
    for path in STATIC.glob("*.*"):
        text = path.read_text().replace("http://www.w3.org/2000/svg", "").replace("^https?:\\/\\/", "")
        assert "http" not in text.replace("https:", "http:") or "://" not in text, path.name


def test_a_rebound_name_gets_nothing() -> None:
    assert 403 == ask(console(), "/api/hello", headers={"host": "rebound.example"}).status


def test_with_a_key_only_the_printed_address_opens_the_console() -> None:
    app = console(key="the-key")
    assert 403 == ask(app, "/").status
    assert 403 == ask(app, "/api/hello?key=wrong").status

    let_in = ask(app, "/?key=the-key")
    assert (200, True, False) == (let_in.status, b'url=./"' in let_in.body, b"the-key" in let_in.body)
    assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in let_in.headers["set-cookie"].split(";")}

    assert let_in.headers["set-cookie"].startswith(f"{COOKIE}-4599=the-key;")
    assert 200 == ask(app, "/api/hello", headers={"cookie": f"{COOKIE}-4599=the-key"}).status


def test_the_key_does_not_stay_in_the_address_and_is_told_to_nobody() -> None:
    app, known = console(key="the-key"), {"cookie": f"{COOKIE}-4599=the-key"}

    again = ask(app, "/?key=the-key", headers=known)

    assert b'url=./"' in again.body
    assert "no-referrer" == again.headers["referrer-policy"]
    assert 200 == ask(app, "/?key=anothers", headers=known).status


def test_what_a_browser_is_started_with_opens_once() -> None:
    made = Console(KnownReader(), Gate(token="t", key="the-key"), PLACE)
    ticket = made.ticket()

    first, second = (ask(made.app(), f"/?key={ticket}") for _ in range(2))

    assert first.headers["set-cookie"].startswith(f"{COOKIE}-4599=the-key;")
    assert 403 == second.status


def test_two_consoles_on_one_machine_do_not_forget_each_other() -> None:
    both = f"{COOKIE}-4599=the-key; {COOKIE}-4600=anothers"

    assert 200 == ask(console(key="the-key"), "/api/hello", headers={"cookie": both}).status
    assert 200 == ask(console(key="anothers"), "/api/hello", headers={"cookie": both, "host": "127.0.0.1:4600"}).status


def test_a_page_of_an_earlier_start_is_told_so() -> None:
    answer = ask(console(key="the-key"), "/api/hello", headers={"cookie": f"{COOKIE}-4599=an-older-one"})

    assert (403, "turned away") == (answer.status, answer.json["error"]["kind"])
    assert "`ninelives console`" in answer.json["error"]["hint"]


def decide(app: ASGIApp, body: Any, **headers: str) -> Answer:
    known = {"content-type": "application/json", TOKEN_HEADER: "the-token"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return ask(app, "/api/decide", "POST", known, json.dumps(body).encode())


ABORT = {"verb": "abort", "cluster": "shop", "service": "cats"}


def test_a_decision_without_the_token_or_as_a_form_is_refused() -> None:
    assert 403 == decide(console(), ABORT, x_ninelives_token="guessed").status
    assert 415 == decide(console(), ABORT, content_type="text/plain").status
    assert 405 == ask(console(), "/api/decide").status


def test_a_decision_says_what_is_wrong_with_it() -> None:
    answer = decide(console(), {**ABORT, "verb": "pause"})

    assert (400, "verb: expected one of promote, abort, rollback.") == (answer.status, answer.json["error"]["text"])


def test_a_decision_that_cannot_reach_the_api_says_so() -> None:
    answer = decide(console(), ABORT)

    assert (502, "gone") == (answer.status, answer.json["error"]["kind"])


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "ninelives" / "releases"


def test_history_shows_the_proof_and_the_report_that_are_kept(kept: Path) -> None:
    keep_proof(RELEASE.arn, {"requests": {"sent": 10, "lost": 0}})
    written = kept.parent / "report.html"
    written.write_text("<title>2.0.1</title>")
    keep_report(RELEASE.arn, written)

    (shown,) = ask(console(), "/api/releases?cluster=shop&service=cats").json["releases"]

    assert {"requests": {"sent": 10, "lost": 0}} == shown["proof"]
    report = ask(console(), f"/{shown['report']}")
    policy = report.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "script" not in policy
    assert "frame-ancestors 'none'" in policy
    assert (200, b"<title>2.0.1</title>") == (report.status, report.body)
    assert kept_report(RELEASE.arn, kept) is not None


def test_a_release_without_a_report_has_none(kept: Path) -> None:
    assert not kept.exists()
    assert 404 == ask(console(), "/report/shop/cats/sd2").status
    assert 404 == ask(console(), "/report/shop/cats/sd9").status


def test_a_proof_that_is_broken_is_none(kept: Path) -> None:
    keep_proof(RELEASE.arn, {})
    place_of(RELEASE.arn, kept).with_suffix(".json").write_text("{")

    assert kept_proof(RELEASE.arn) is None
    with pytest.raises(ValueError, match="expected the ARN"):
        place_of(f"{HEAD}service-deployment/../x/y")


def test_a_report_that_cannot_be_looked_for_says_why() -> None:
    class Silent(KnownReader):
        def past(self, named: tuple[str, str], deployment: Any = None) -> list[PastRelease]:  # noqa: ARG002
            raise NoRegion("…")

    answer = ask(Console(Silent(), Gate(token="t"), PLACE).app(), "/report/shop/cats/sd2")

    assert (502, "The region does not answer.") == (answer.status, answer.json["error"]["text"][:27])


def test_a_mistake_in_an_address_is_told() -> None:
    assert 400 == ask(console(), "/api/logs?cluster=a&service=b&after=999999999999999").status
    assert 400 == ask(console(), "/api/releases").status
    assert 400 == ask(console(), "/api/logs?cluster=a&service=b&since=soon").status
    assert 400 == ask(console(), "/api/stream?cluster=a&service=b&range=7").status


def refusal(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeServices")


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (NoCredentialsError(), Kind.CREDENTIALS, "No AWS credentials were found."),
        (refusal("ExpiredTokenException"), Kind.CREDENTIALS, "AWS does not take these credentials."),
        (EndpointConnectionError(endpoint_url="http://x"), Kind.GONE, "The API does not answer."),
        (NoRegion("…"), Kind.GONE, "The region does not answer."),
        (refusal("ThrottlingException"), Kind.THROTTLED, "AWS asks for fewer calls."),
        (refusal("ClusterNotFoundException"), Kind.MISSING, "The service is not there."),
        (NotFound("no service"), Kind.MISSING, "no service"),
        (refusal("InvalidParameterException", "bad"), Kind.REFUSED, "InvalidParameterException: bad"),
    ],
)
def test_each_trouble_is_told_in_a_sentence(error: Exception, kind: Kind, told: str) -> None:
    trouble = trouble_of(error)

    assert trouble is not None
    assert (kind, told) == (trouble.kind, trouble.text)
    answer = ask(console(error), "/api/releases?cluster=shop&service=cats")
    assert (502 if trouble.passes else 409, told) == (answer.status, answer.json["error"]["text"])


def test_what_is_not_allowed_is_named() -> None:
    message = "User: x is not authorized to perform: ecs:DescribeServices on resource: y"

    trouble = trouble_of(refusal("AccessDeniedException", message))

    assert trouble is not None
    assert "Allow ecs:DescribeServices to these credentials." == trouble.hint


def test_a_bug_of_ours_is_no_trouble_of_the_api() -> None:
    assert trouble_of(KeyError("x")) is None


def test_the_region_has_its_console_below_one_path_and_makes_it_when_it_is_opened() -> None:
    made: list[ASGIApp] = []

    async def door(scope: Message, receive: Receive, send: Send) -> None:  # noqa: ARG001 (ASGI's)
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    def make() -> ASGIApp:
        made.append(console())
        return made[-1]

    app = with_console(door, make)

    assert [299, 299] == [ask(app, path).status for path in ("/", f"{ROOT}s")]
    assert (308, []) == (ask(app, ROOT).status, made)
    assert [200, 200] == [ask(app, f"{ROOT}/{path}").status for path in ("", "api/hello")]
    assert 1 == len(made)
