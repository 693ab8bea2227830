"""Tasks as processes of the host, where no Docker answers."""

from pathlib import Path

from ninelives.region.ports import InputSource
from ninelives.runtime.engine_runtime import EngineRuntime
from ninelives.runtime.host_engine import HostEngine


class HostRuntime(EngineRuntime):
    """The ``TaskRuntime`` over processes of this machine (Linux 5.3 or later, for process handles).

    An image is pulled from its registry by HTTP and unpacked for each task; its command runs with the host's programs in the
    unpacked working directory, and learns its port from ``PORT``. Each container port gets a free port of 127.0.0.1; ``HOST``
    and ``BIND`` are 127.0.0.1 unless the definition names an address. ``PORT_<container port>`` names the ports of the whole
    task. Health checks run on the host; in them ``localhost:<container port>`` means the task's own port.

    Enforced: memory, by a look at the resident memory twice a second. Not enforced: CPU, user, read-only root, and any
    isolation of files, processes and network.

    ``directory`` holds tasks, layers and logs, and marks what is this region's; ``inputs`` has the secrets and environment
    files of tasks.
    """

    def __init__(self, *, instance: str, region: str, directory: Path, inputs: InputSource | None = None) -> None:
        super().__init__(HostEngine(instance=instance, region=region, directory=directory), inputs)
