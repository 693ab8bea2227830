"""Who is let in to the console, and whose request a decision is."""

import pytest

from ninelives.console.gate import TOKEN_HEADER, Gate

GATE = Gate(token="the-token", key="the-key")
OWN = {"host": "127.0.0.1:4599"}
DECIDING = {**OWN, TOKEN_HEADER: "the-token", "origin": "http://127.0.0.1:4599", "sec-fetch-site": "same-origin"}


@pytest.mark.parametrize("host", ["127.0.0.1:4599", "localhost:4599", "[::1]:4599", "127.9.9.9", "cats.localhost"])
def test_names_of_this_machine_are_answered(host: str) -> None:
    assert GATE.why_not("GET", {"host": host}) is None


@pytest.mark.parametrize("host", ["rebound.example", "10.0.0.7:4599", "127.0.0.1.example", "", "[", "evil-localhost"])
def test_other_names_are_turned_away(host: str) -> None:
    assert GATE.why_not("GET", {"host": host}) is not None


def test_the_address_that_it_was_bound_to_is_answered() -> None:
    assert Gate(token="t", hosts=frozenset({"10.0.0.7"})).why_not("GET", {"host": "10.0.0.7:4599"}) is None


def test_bound_to_every_address_it_is_answered_by_each_but_by_no_name() -> None:
    gate = Gate(token="t", key="k", hosts=frozenset({"0.0.0.0"}))

    assert gate.why_not("GET", {"host": "10.0.0.7:4599"}) is None
    assert gate.why_not("GET", {"host": "[fd00::7]:4599"}) is None
    assert gate.why_not("GET", {"host": "rebound.example:4599"}) is not None


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}),
        ("GET", {"origin": "https://evil.example"}),
        ("GET", {"origin": "null"}),
        ("GET", {"origin": "http://127.0.0.1:9999"}),
        ("POST", {TOKEN_HEADER: "the-token", "origin": "https://evil.example"}),
        ("POST", {TOKEN_HEADER: "the-token", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}),
    ],
)
def test_pages_of_other_sites_are_turned_away(method: str, more: dict[str, str]) -> None:
    assert "other sites" in str(GATE.why_not(method, {**OWN, **more}))


def test_a_link_from_another_page_leads_here() -> None:
    assert GATE.why_not("GET", {**OWN, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}) is None


def test_a_decision_needs_the_token_of_this_start() -> None:
    assert GATE.why_not("POST", DECIDING) is None
    assert "reload" in str(GATE.why_not("POST", {**DECIDING, TOKEN_HEADER: "an-older-token"}))
    assert "reload" in str(GATE.why_not("POST", {**DECIDING, TOKEN_HEADER: ""}))


def test_where_there_is_a_key_it_is_needed() -> None:
    assert (True, False, False) == (GATE.has_key("the-key"), GATE.has_key("another"), GATE.has_key(None))
    assert Gate(token="t").has_key(None)
