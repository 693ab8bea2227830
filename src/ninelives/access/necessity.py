"""Which parts of a policy are needed: each one is left out in turn, and what needed it shows.

A part is a statement, or one action of a statement with several. Whether a policy without it still suffices is asked of the
caller: by a run of the whole pipeline, or by the requests that one good run made (``suffices``).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ninelives.access.evaluation import Policies, Request, decide
from ninelives.access.policies import PolicyKind, read_policy

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A statement (``action`` None), or one of its actions."""

    position: int
    statement: str
    action: str | None = None

    def __str__(self) -> str:
        return self.statement if self.action is None else f"{self.action} of {self.statement}"


def parts(document: Document) -> Iterator[Part]:
    """Every statement that allows, and every action of one that has several."""
    for position, statement in enumerate(_statements(document)):
        if statement["Effect"] != "Allow":
            continue
        name = statement.get("Sid") or f"statement {position + 1}"
        yield Part(position=position, statement=name)
        actions = _listed(statement.get("Action", []))
        if len(actions) > 1:
            yield from (Part(position=position, statement=name, action=action) for action in actions)


def without(document: Document, part: Part) -> dict[str, Any]:
    """The document without one part; the document itself stays as it is."""
    statements = _statements(document)
    if part.action is None:
        kept = [one for position, one in enumerate(statements) if position != part.position]
    else:
        kept = [
            {**one, "Action": [action for action in _listed(one["Action"]) if action != part.action]}
            if position == part.position
            else one
            for position, one in enumerate(statements)
        ]
    return {**document, "Statement": kept}


def unneeded(document: Document, still_works: Callable[[Document], bool]) -> list[Part]:
    """The parts without which it still works. Where a whole statement is not needed, its actions are not asked about."""
    found: list[Part] = []
    idle: set[int] = set()
    for part in parts(document):
        if part.position not in idle and still_works(without(document, part)):
            found.append(part)
            if part.action is None:
                idle.add(part.position)
    return found


def suffices(document: Document, requests: Iterable[tuple[Request, Policies]], *, name: str) -> bool:
    """Whether each request is decided as before with ``document`` in place of the identity's policy called ``name``.

    The requests are those of a run that worked; each comes with the policies that it met.
    """
    if not _statements(document):
        changed: tuple[Any, ...] = ()
    else:
        changed = (read_policy(json.dumps(document), PolicyKind.IDENTITY, name),)
    for request, policies in requests:
        identity = tuple(one for one in policies.identity if one.name != name)
        if not decide(request, replace(policies, identity=(*identity, *changed))).is_allowed:
            return False
    return True


def _statements(document: Document) -> list[Document]:
    given = document["Statement"]
    return [given] if isinstance(given, Mapping) else list(given)


def _listed(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else list(given)
