"""Decisions of the page: the very functions that `ninelives promote`, `abort` and `rollback` use, without the waiting."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ninelives.deploy.aws import Aws
from ninelives.deploy.clock import Clock
from ninelives.deploy.decision import abort, promote
from ninelives.deploy.errors import DeployError
from ninelives.deploy.options import FILE_NAME, Options
from ninelives.deploy.reading import Definition
from ninelives.deploy.release import Release, Report, Session
from ninelives.deploy.reports import Step
from ninelives.deploy.rollback import roll_back
from ninelives.deploy.service_file import Image, ServiceFile
from ninelives.deploy.waiting import newest_deployment


class Verb(StrEnum):
    """What can be decided. There is none to pause: ECS pauses only where a hook says so (decision 24)."""

    PROMOTE = "promote"
    ABORT = "abort"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    verb: Verb
    cluster: str
    service: str
    hook: str | None = None
    """The pause that is meant, where several wait."""
    version: str | None = None
    """What to go back to; None: the last version that was proven good."""
    deployment: str | None = None
    """The service deployment that the page showed: a decision about another one is refused."""


def read_decision(given: Any) -> Decision:
    """From the page's JSON. Raises ``ValueError`` with a sentence."""
    if not isinstance(given, dict):
        raise ValueError("expected an object")  # noqa: TRY004 (a mistake in a request)
    texts: dict[str, Any] = {name: given.get(name) for name in ("cluster", "service", "hook", "version", "deployment")}
    if any(value is not None and not isinstance(value, str) for value in texts.values()):
        raise ValueError("expected texts")
    if not texts["cluster"] or not texts["service"]:
        raise ValueError("cluster and service are missing")
    if given.get("verb") not in set(Verb):
        raise ValueError(f"verb: expected one of {', '.join(Verb)}")
    return Decision(verb=Verb(given["verb"]), **texts)


def decide(aws: Aws, clock: Clock, decision: Decision, known: Sequence[Definition] = ()) -> list[str]:
    """Carry out a decision; what was done, in sentences. ``known`` are services of which there is a file.

    Raises ``DeployError`` where it cannot be: nothing waits, nothing is under way, no version is proven.
    """
    told: list[str] = []

    def listener(report: Report) -> None:
        if isinstance(report, Step):
            told.append(report.text)

    definition = definition_of(decision.cluster, decision.service, known)
    session = Session(aws=aws, definition=definition, clock=clock, listener=listener)
    if decision.deployment is not None and newest_deployment(session).deployment.arn != decision.deployment:
        raise DeployError("Another release has begun since the page was drawn.", hint="Look at it, and decide again.")
    _carried_out(session, decision)
    return told


def _carried_out(session: Session, decision: Decision) -> Release:
    at_once = Options(wait=False)
    match decision.verb:
        case Verb.PROMOTE:
            return promote(session, decision.hook, at_once)
        case Verb.ABORT:
            return abort(session, at_once)
        case Verb.ROLLBACK:
            return roll_back(session, decision.version, at_once)


def definition_of(cluster: str, service: str, known: Sequence[Definition] = ()) -> Definition:
    """The service's file, or what stands for it: no more than its name and its cluster.

    ECS allows names that a service file does not, so what stands for it is not validated.
    """
    for one in known:
        if (one.file.cluster_name, one.file.service) == (cluster, service):
            return one
    file = ServiceFile.model_construct(service=service, cluster=cluster, image=Image.model_construct(), port=1)
    return Definition(path=Path(FILE_NAME), environment="", file=file)
