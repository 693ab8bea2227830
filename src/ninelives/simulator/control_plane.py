"""One life of a control plane: the real region, state and loop on simulated ports, from its start to its death."""

import asyncio
from collections.abc import Callable, Sequence

from ninelives.model.arns import Place
from ninelives.model.timing import Timing
from ninelives.region.awslogs import LogDestination
from ninelives.region.loop import Loop
from ninelives.region.ports import LogLine
from ninelives.region.region import Region
from ninelives.region.state import State
from ninelives.simulator.alarms_and_hooks import AlarmBoard, SimulatedAlarms, SimulatedFunctions
from ninelives.simulator.auto_scaling import SimulatedScaling, Watchtower
from ninelives.simulator.data_plane import SimulatedDataPlane
from ninelives.simulator.disk import Disk, SimulatedStore
from ninelives.simulator.event_loop import Process, SimulatedLoop
from ninelives.simulator.faults import Fates
from ninelives.simulator.identity import SeededIds, SimulatedClock
from ninelives.simulator.machine import Machine
from ninelives.simulator.options import Options, stream
from ninelives.simulator.proxy import Proxy
from ninelives.simulator.runtime import Asked, SimulatedRuntime

PLACE = Place(region="eu-west-1", account="123456789012")


class NoLogSink:
    """Tasks of a simulated world write nothing."""

    def write(self, destination: LogDestination, lines: Sequence[LogLine], stored: Callable[[], None]) -> None:
        """Nothing comes here."""


class Surroundings:
    """What outlives a control plane, and what a new one comes up with."""

    def __init__(self, options: Options, loop: SimulatedLoop, fates: Fates, asked: Asked) -> None:
        self.options = options
        self.loop = loop
        self.fates = fates
        self.asked = asked
        self.clock = SimulatedClock(loop)
        self.ids = SeededIds(stream(options.seed, "ids"))
        self.disk = Disk()
        self.machine = Machine(loop, self.clock, options)
        self.proxy = Proxy(loop, self.machine, options)
        self.alarms = AlarmBoard()
        scaling = options.scaling
        self.tower = (
            None if scaling is None else Watchtower(loop, self.disk, scaling, stream(options.seed, "load"), self.clock.now)
        )
        self.violated: Callable[[str], None] = lambda _: None
        """Hears of laws that a control plane's own parts see broken."""


class ControlPlane:
    def __init__(self, number: int, around: Surroundings) -> None:
        self.process = Process(f"control plane {number}")
        seed, loop = around.options.seed, around.loop
        self.data_plane = SimulatedDataPlane(
            loop, around.proxy, self.process, around.fates, stream(seed, f"data plane {number}")
        )
        self.runtime = SimulatedRuntime(
            loop,
            around.clock,
            around.machine,
            self.process,
            around.fates,
            stream(seed, f"runtime {number}"),
            asked=around.asked,
        )
        self.alarms = SimulatedAlarms(around.alarms)
        self.functions = SimulatedFunctions(loop, self.process, around.fates, stream(seed, f"functions {number}"))
        self.region = Region(
            place=PLACE,
            state=State(SimulatedStore(around.disk, self.process, around.fates)),
            clock=around.clock,
            ids=around.ids,
            data_plane=self.data_plane,
            timing=Timing(time_scale=around.options.time_scale),
            alarms=self.alarms,
        )
        self._loop = loop
        self.task: asyncio.Task[None] | None = None
        tower = around.tower
        self.scaling = (
            None if tower is None else SimulatedScaling(tower, self.region, self.process, around.fates, around.violated)
        )

    def start(self) -> None:
        """Come up, adopt what is there, and go on for ever."""
        self.task = self._loop.create_task(self._run(), name=self.process.name, context=self.process.context)

    async def _run(self) -> None:
        loop = Loop(self.region, runtime=self.runtime, log_sink=NoLogSink(), hook_functions=self.functions)
        await loop.start()
        if self.scaling is not None:
            self._scaling = self._loop.create_task(self.scaling.run(), name="auto scaling", context=self.process.context)
        await loop.run()
