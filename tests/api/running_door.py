import asyncio
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

import boto3
from botocore.config import Config

from ninelives.access import Decision, Policies, Request
from ninelives.api import cloudformation
from ninelives.api import logs as cloudwatch_logs
from ninelives.api.authorization import simulation, sts
from ninelives.api.authorization.credentials import RegionKeys
from ninelives.api.authorization.guard import Guard
from ninelives.api.authorization.known import RegionFacts
from ninelives.api.authorization.stack_actors import StackActors
from ninelives.api.authorization.web_identity import FetchedKeys
from ninelives.api.call import Operations
from ninelives.api.door import create_app
from ninelives.api.in_process import InProcess
from ninelives.api.metrics_page import MetricsPage
from ninelives.api.moto_bridge import MotoBridge
from ninelives.api.server import serve
from ninelives.api.wire import ASGIApp
from ninelives.cli.identity import RandomIds, SystemClock
from ninelives.model.arns import Place
from ninelives.stacks import Catalogue, Engine, ResourceType, StackStore
from ninelives.telemetry import CloudWatchLogs, Subscriptions

PLACE = Place(region="eu-west-1", account="111122223333")


Guarded = Callable[[Guard], tuple[Mapping[str, Operations], ASGIApp | None]]
"""Services and a registry that ask a door's guard."""


@cache
def a_session() -> Any:
    """One for all tests: making one reads botocore's data anew."""
    return cast(
        "Any",
        boto3.Session(aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="secret", region_name=PLACE.region),
    )


FIGURES = b"ninelives_time_scale 1.0\n"


async def figures(accept: str) -> tuple[bytes, str]:
    """What scrapers get."""
    return FIGURES, "application/openmetrics-text" if "openmetrics" in accept else "text/plain"


class RunningDoor:
    """A door that serves on a thread and a loop of its own."""

    def __init__(
        self,
        operations: Mapping[str, Operations],
        *,
        directory: Path | None = None,
        registry: ASGIApp | None = None,
        before_moto: Callable[[MotoBridge], Mapping[str, Operations]] = lambda _: {},
        keys: RegionKeys | None = None,
        types: Mapping[str, ResourceType] | None = None,
        guarded: Guarded = lambda _: ({}, None),
    ) -> None:
        self._types = types
        """Those of CloudFormation, where it is served."""
        self._before_moto = before_moto
        self._guarded = guarded
        self.resource_policies: dict[str, str] = {}
        """Policies on resources of the region's own, by ARN."""
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self.port = 0
        self.keys = keys
        """The root keys of a door that enforces IAM."""
        self.noted: list[tuple[Request, Policies, Decision]] = []
        self.guard: Guard | None = None
        self.counted: list[tuple[str, str, int, float]] = []
        """The calls that were counted for Prometheus."""
        self.minutes_on = 0
        """How far the guard's clock is ahead."""
        self._thread = threading.Thread(target=self._run, args=(operations, directory, registry))
        self._thread.start()
        assert self._ready.wait(10)
        if self._failure is not None:
            raise self._failure

    def _run(self, *arguments: Any) -> None:
        try:
            asyncio.run(self._serve(*arguments))
        except BaseException as error:  # noqa: BLE001 handed to the test
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self, operations: Mapping[str, Operations], directory: Path | None, registry: ASGIApp | None) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self.moto = MotoBridge(place=PLACE, directory=directory)
        self.moto.start()
        guard = self.guard = self._guard() if self.keys else None
        before_moto = {**self._before_moto(self.moto), **({"iam": simulation.operations(guard.records)} if guard else {})}
        self.logs = CloudWatchLogs(directory / "logs.sqlite" if directory else None, place=PLACE, now=SystemClock().now)
        self.called: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        subscriptions = Subscriptions(self.logs, self._called, has_function=lambda arn: arn.endswith(":known"))
        delivering = asyncio.create_task(subscriptions.run())
        served = {"logs": cloudwatch_logs.operations(self.logs, subscriptions), **operations}
        if guard is not None:
            more, registry = self._guarded(guard)
            served |= {**more, "sts": sts.operations(guard, FetchedKeys())}
        in_process = InProcess(operations=served, before_moto=before_moto, moto=self.moto.call, place=PLACE, guard=guard)
        self.in_process = in_process
        actors = StackActors(guard, in_process) if guard else None
        self.engine = Engine(
            StackStore(directory / "stacks.sqlite" if directory else None),
            place=PLACE,
            now=SystemClock().now,
            ids=RandomIds(),
            call=in_process,
            catalogue=Catalogue(self._types or {}),
            poll_seconds=0.005,
            call_for=actors.call_for if actors else None,
        )
        if self._types is not None:
            served["cloudformation"] = cloudformation.operations(self.engine, actors)
            self.engine.start()
        app = create_app(
            operations=served,
            moto=self.moto,
            registry=registry,
            place=PLACE,
            before_moto=before_moto,
            guard=guard,
            metrics=MetricsPage(figures, count=lambda *counted: self.counted.append(counted), guard=guard),
        )
        await serve(app, "127.0.0.1", 0, stop=self._stop, listening=self._listening)
        await self.engine.close()
        delivering.cancel()
        await self.logs.close()
        self.engine.state.close()
        await self.moto.close()

    async def _called(self, _: str, payload: Mapping[str, Any]) -> None:
        """A function that log events are sent to."""
        await self.called.put(payload)

    def _guard(self) -> Guard:
        assert self.keys is not None

        return Guard(
            place=PLACE,
            keys=self.keys,
            now=lambda: datetime.now(UTC) + timedelta(minutes=self.minutes_on),  # noqa: TID251 clients sign by the clock
            facts=RegionFacts(None),
            source=self.moto,
            resource_policy=self.resource_policies.get,
            noted=lambda *decided: self.noted.append(decided),
        )

    def _listening(self, port: int) -> None:
        self.port = port
        self._ready.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str, **settings: Any) -> Any:
        config = settings.pop("config", Config(retries={"total_max_attempts": 1}))
        return a_session().client(service, endpoint_url=self.url, config=config, **settings)

    def client_of(self, credentials: Mapping[str, str], service: str, **settings: Any) -> Any:
        """A client with keys as STS or IAM answers them."""
        settings.setdefault("region_name", PLACE.region)
        return a_session().client(
            service,
            endpoint_url=self.url,
            config=settings.pop("config", Config(retries={"total_max_attempts": 1})),
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials.get("SessionToken"),
            **settings,
        )

    def root(self, service: str, **settings: Any) -> Any:
        """A client with the root keys."""
        assert self.keys is not None
        found = {"AccessKeyId": self.keys.access_key, "SecretAccessKey": self.keys.secret}
        return self.client_of(found, service, **settings)

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """An in-process call, from outside the door's loop."""
        coroutine = self.in_process(service, operation, parameters)
        return dict(asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30))

    def stop(self) -> None:
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()
        if self._failure is not None:
            raise self._failure


OpenDoor = Callable[..., RunningDoor]
