"""Tasks as Docker containers."""

from pathlib import Path

from ninelives.region.ports import InputSource
from ninelives.runtime.docker_engine import DockerEngine
from ninelives.runtime.docker_probe import probe
from ninelives.runtime.engine_runtime import EngineRuntime


class DockerRuntime(EngineRuntime):
    """The ``TaskRuntime`` over a Docker engine on this machine.

    ``instance`` labels the tasks of this region, and no others are touched; ``region`` is what containers see as
    ``AWS_REGION``. In ``directory`` it is noted how far logs were delivered; without one, a new control plane delivers the
    logs of running tasks from their beginning. ``inputs`` has the secrets and environment files of tasks.
    """

    def __init__(
        self, *, instance: str, region: str, directory: Path | None = None, inputs: InputSource | None = None
    ) -> None:
        super().__init__(DockerEngine(instance=instance, region=region, directory=directory), inputs)

    @staticmethod
    def probe() -> str | None:
        """None if an engine answers whose containers can be reached; otherwise a sentence that says why not."""
        return probe()
