"""A world: it is set up, lives through faults, then they stop and all must come right."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ninelives.model.cloudwatch import StateValue
from ninelives.model.ecs import (
    Service,
    ServiceEvent,
    ServiceStatus,
)
from ninelives.model.elbv2 import TargetHealth, TargetKey
from ninelives.region.ports import TaskLaunch
from ninelives.simulator import liveness
from ninelives.simulator.alarms_and_hooks import ALARMS
from ninelives.simulator.applications import GOOD, SLOW
from ninelives.simulator.control_plane import ControlPlane, Surroundings
from ninelives.simulator.disk import Name
from ninelives.simulator.event_loop import SimulatedLoop
from ninelives.simulator.faults import Complaints, Fates
from ninelives.simulator.laws import Laws
from ninelives.simulator.names import short
from ninelives.simulator.options import Fault, Options, stream
from ninelives.simulator.proxy import ProxyTarget
from ninelives.simulator.users import Users

LIVELINESS = 6 * 3600.0
"""Seconds within which all is well again once faults have stopped; the throttle's gaps are the longest of it."""
ANSWERS_AFTER = 5.0
"""Seconds after which users look for pauses again."""
SETTLING = 40.0
"""Seconds in which what was refused last is tried again."""
INSTANTS_MAX = 20_000
"""Instants in one world; more mean that something turns in a circle."""

Watch = Callable[[datetime, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A law that did not hold: when (seconds from the beginning), and what was seen."""

    at: float
    text: str

    def __str__(self) -> str:
        return f"at {self.at:.3f} s: {self.text}"


class Broken(Exception):
    """The world is at its end: a law did not hold."""


class World:
    """``watch`` hears, with its time, of everything that happens; None: nobody listens, which is quicker."""

    def __init__(self, options: Options, watch: Watch | None = None) -> None:
        self.options = options
        self.violations: list[Violation] = []
        self._watch = watch
        self._random = stream(options.seed, "world")
        self._loop = SimulatedLoop()
        self._fates = Fates(options, stream(options.seed, "fates"), self._died)
        self._around = Surroundings(options, self._loop, self._fates, self._asked)
        self._living: ControlPlane | None = None
        self._lives = 0
        self._instants = 0
        self._is_dirty = True
        self._users = Users(self._around, lambda: self._living, self.note)
        around = self._around
        self.laws = Laws(options, around.disk, around.proxy, around.clock.now, self._known_health, self._violated)
        around.machine.changed = self._changed
        around.proxy.news = self._news
        around.proxy.moved = self._moved
        around.alarms.changed = self._alarms_changed
        around.violated = self._violated
        if around.tower is not None:
            around.tower.called = self._policy_called
            around.tower.note = self.note
        around.proxy.cut = self.laws.cut
        around.proxy.is_minded = lambda: self._living is not None
        if watch is not None:
            judged = around.disk.written

            def written(before: Any, after: Any) -> None:
                self._note_records(before, after)
                judged(before, after)

            around.disk.written = written

    # A world's life.

    def run(self) -> None:
        """Live to the end, or to the first law that does not hold."""
        logger = logging.getLogger("ninelives")
        level, propagates = logger.level, logger.propagate
        complaints = Complaints(lambda text: self._violated(f"the region complains: {text}"))
        logger.setLevel(logging.ERROR)
        logger.propagate = False
        logger.addHandler(complaints)
        try:
            self._set_up()
            self._live_through_faults()
            self._come_right()
            self._end()
        except Broken:
            pass
        finally:
            self._loop.drop_everything()
            logger.removeHandler(complaints)
            logger.propagate = propagates
            logger.setLevel(level)

    def _set_up(self) -> None:
        self._come_up()
        assert self._living is not None
        self._users.prepare(self._living.region)
        for name in self._users.names:
            first = self._random.choice((GOOD, GOOD, SLOW))
            if self.options.has(Fault.BAD_RELEASES) and self._random.random() < 0.1:  # noqa: PLR2004 - a likelihood
                first = self._users.drawn_application()
            self._users.release(name, first)
        self._scale()
        self._pass(self._random.choice((0.0, 5.0, 60.0)))

    def _scale(self) -> None:
        """Set up what scales the services, where they scale."""
        tower, living = self._around.tower, self._living
        if tower is None or living is None or living.scaling is None:
            return
        for service in self._services():
            self._loop.create_task(living.scaling.set_up(service), context=living.process.context)
        tower.start()

    def _live_through_faults(self) -> None:
        self.note("faults begin")
        self._fates.are_on = True
        if self._around.tower is not None:
            self._around.tower.is_changing = True
        until = self._loop.time() + self.options.faults_last
        for name in self._users.names:
            self._users.release(name, self._users.drawn_application())
        while self._loop.time() < until:
            self._pass(self._random.expovariate(1 / self.options.pace))
            self._something_happens()
        self._fates.are_on = False
        self.note("faults end")

    def _come_right(self) -> None:
        """Faults stop. Every deployment ends, and every service becomes as it was asked to be."""
        self._fates.are_on = False
        if self._around.tower is not None:
            self._around.tower.is_changing = False
        self._around.machine.heal()
        self._around.alarms.heal()
        if self._living is None:
            self._come_up()
        for name in self._users.names:
            self._users.put_right(name)
        self._answer_pauses()
        self._until(self._is_settled, "all is well again")
        for name in self._failed():
            self._users.give_all_traffic_to_one_side(name)
            self._users.release(name, GOOD)
        self._until(self._is_settled, "all is well again")
        if self._failed():
            self._violated(f"a good release failed: {self._failed()}")
        tower = self._around.tower
        if tower is not None:
            self._until(lambda: self._is_settled() and tower.at_rest() is None, "the counts fit the loads")
        self._nothing_is_left()

    def _answer_pauses(self) -> None:
        """Whatever waits for a user goes on, now and whenever it waits again."""
        for name in self._users.names:
            self._users.answer_pauses(name)
        self._loop.call_later(ANSWERS_AFTER, self._answer_pauses, context=self._loop.world)

    def _end(self) -> None:
        if not self.options.is_deleted:
            return
        for name in self._users.names:
            self._users.delete(name)
        self._until(lambda: all(one.status is ServiceStatus.INACTIVE for one in self._services()), "the services are deleted")
        self._until(self._is_settled, "all has gone")
        self._nothing_is_left()

    def _something_happens(self) -> None:
        machine, has, random = self._around.machine, self.options.has, self._random
        running = [task for task in machine.tasks.values() if task.is_up]
        match random.randrange(13):
            case 0 | 1 if has(Fault.TASKS_DIE) and running:
                task = random.choice(running)
                self.note(f"task {short(task.arn)} dies")
                machine.die(task, random.choice((0, 1, 137)))
            case 2 | 3 if has(Fault.TASKS_SICKEN) and running:
                task = random.choice(running)
                self.note(f"task {short(task.arn)} turns {'well' if task.is_sick else 'sick'}")
                machine.sicken(task, is_sick=not task.is_sick)
            case 4 if has(Fault.CONTROL_PLANE_IS_AWAY) and self._living is not None:
                self._living.process.die()
                self._died("at a moment of its own")
            case 5 if has(Fault.MACHINE_RESTARTS) and random.random() < 0.3:  # noqa: PLR2004 - a likelihood
                self.note("the machine restarts")
                if self._living is not None:
                    self._living.process.die()
                    self._died("with its machine")
                machine.restart()
                self._around.proxy.restart()
            case 12 if has(Fault.ALARMS_GO_OFF):
                name, state = random.choice(ALARMS), random.choice(list(StateValue))
                self.note(f"alarm {name} is {state}")
                self._around.alarms.put(name, state)
            case 6 if has(Fault.PROXY_RESTARTS):
                self.note("the proxy restarts")
                self._around.proxy.restart()
            case _:
                self._users.do_something()

    # Control planes.

    def _come_up(self) -> None:
        if self._living is not None:
            return
        self._lives += 1
        control_plane = ControlPlane(self._lives, self._around)
        self._living = control_plane
        self.note(f"control plane {self._lives} comes up")
        control_plane.start()

    def _died(self, where: str) -> None:
        self.note(f"control plane {self._lives} dies {where}")
        self._living = None
        longest = 60 if self.options.has(Fault.CONTROL_PLANE_IS_AWAY) else 2
        self._loop.call_later(self._random.uniform(0.1, longest), self._come_up, context=self._loop.world)

    # What is heard.

    def _changed(self, arn: str) -> None:
        if self._living is not None:
            self._living.runtime.changed(arn)

    def _news(self) -> None:
        if self._living is not None:
            self._living.process.within(self._living.data_plane.news)

    def _alarms_changed(self) -> None:
        if self._living is not None:
            self._living.process.within(self._living.alarms.told)

    def _policy_called(self, arn: str) -> None:
        living = self._living
        if living is not None and living.scaling is not None:
            scaling = living.scaling
            living.process.within(lambda: scaling.breached(self._loop, arn))

    def _moved(self) -> None:
        self._is_dirty = True

    def _asked(self, what: str, launch: TaskLaunch) -> None:
        self.note(f"the runtime is asked to {what} task {short(launch.task.arn)}")
        self.laws.asked(self._lives, what, launch)

    def _known_health(self, key: TargetKey) -> TargetHealth | None:
        return self._living.region.target_health(key) if self._living is not None else None

    # Time.

    def _pass(self, lasts: float) -> None:
        until = self._loop.time() + lasts
        while self._instant(until):
            pass
        self._loop.jump(until)

    def _until(self, is_so: Callable[[], bool], what: str) -> None:
        until = self._loop.time() + LIVELINESS
        while not is_so():
            if not self._instant(until):
                tower = self._around.tower
                why = liveness.unsettled(self._around.disk) or (tower.at_rest() if tower is not None else None)
                self._violated(f"it did not come about that {what}: {why}")
                raise Broken

    def _instant(self, until: float) -> bool:
        """Let the next instant happen; False when nothing happens before ``until``."""
        if not self._loop.run_instant(until=until):
            return False
        self._instants += 1
        if self._is_dirty:
            self._is_dirty = False
            self.laws.look(self._answers, are_well=not self._around.machine.has_failed_by_itself)
        if self._instants > INSTANTS_MAX:
            self._violated(f"more than {INSTANTS_MAX} instants")
        if self._living is not None and self._living.task is not None and self._living.task.done():
            self._violated(f"the control plane ended by itself: {self._living.task!r}")
        for complaint in self._loop.complaints:
            self._violated(f"asyncio complains: {complaint}")
        if self.violations:
            raise Broken
        return True

    def _answers(self, target: ProxyTarget) -> bool:
        task = self._around.machine.at(target.address)
        return task is not None and task.answers

    # Liveness.

    def _failed(self) -> list[str]:
        """Services whose last deployment failed for good."""
        return [service.name for service in self._services() if liveness.has_failed(self._around.disk, service)]

    def _services(self) -> list[Service]:
        return list(self._around.disk.tables[Service].values())

    def _is_settled(self) -> bool:
        return self._living is not None and liveness.unsettled(self._around.disk) is None

    def _nothing_is_left(self) -> None:
        self._pass(SETTLING)
        assert self._living is not None
        for what in liveness.left_over(self._around, self._living.region):
            self._violated(what)
        if self.violations:
            raise Broken

    # What is said.

    def note(self, text: str) -> None:
        if self._watch is not None:
            self._watch(self._around.clock.now(), text)

    def _violated(self, text: str) -> None:
        self.note(f"VIOLATION: {text}")
        self._loop.is_halted = True
        if self._living is not None:
            self._living.process.die()  # it may be turning in a circle
        self.violations.append(Violation(at=self._loop.time(), text=text))

    def _note_records(self, before: dict[Name, Any], after: dict[Name, Any]) -> None:
        for name, record in after.items():
            kind, key = name
            was = before[name]
            if isinstance(record, ServiceEvent):
                self.note(f"event {record.message}")
            elif record is None:
                self.note(f"{kind.__name__} {short(key)} is deleted")
            else:
                changed = [
                    f"{one}={short(str(getattr(record, one)))}"
                    for one in record.__dataclass_fields__
                    if was is not None and getattr(was, one) != getattr(record, one) and one not in {"version", "updated_at"}
                ]
                self.note(f"{kind.__name__} {short(key)} {'is new' if was is None else ' '.join(changed)}")
