"""The network by which a task's containers reach the agent: a bridge of this machine, with ECS's own address on it.

It has no way out and its members do not see each other. All regions of the machine share it; each listens at its own port.
"""

import contextlib
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker import APIClient

log = logging.getLogger(__name__)

NAME = "ninelives-agent"
ADDRESS = "169.254.170.2"
SUBNET = "169.254.170.0/24"
"""Link-local: 253 tasks at a time. SDKs take credentials by plain HTTP from loopback and from this address only."""
FORBIDDEN, CONFLICT = 403, 409


def ensure_network(client: "APIClient") -> None:
    """Make the network where it is not there. It blocks; raises the SDK's ``APIError``, as where another network has it."""
    from docker.errors import APIError, NotFound
    from docker.types import IPAMConfig, IPAMPool

    try:
        client.inspect_network(NAME)
    except NotFound:
        try:
            client.create_network(
                NAME,
                driver="bridge",
                internal=True,
                ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=SUBNET, gateway=ADDRESS)]),
                options={"com.docker.network.bridge.enable_icc": "false"},
                check_duplicate=True,
            )
        except APIError as error:
            if error.status_code != CONFLICT:  # another region was quicker
                raise


def join(client: "APIClient", container_id: str) -> None:
    """Have a container that is created take part, once. It blocks; raises the SDK's ``APIError``.

    Whether the network is there, Docker only looks when the container is started (``start``).
    """
    from docker.errors import APIError

    try:
        client.connect_container_to_network(container_id, NAME)
    except APIError as error:
        if error.status_code != FORBIDDEN or "already exists" not in str(error.explanation):
            raise
        # an earlier call did it


def start(client: "APIClient", container_id: str) -> None:
    """Start a container that may take part. Another region of the machine may have removed the network when it ended: then it
    is made anew. It blocks; raises the SDK's ``APIError``.
    """
    from docker.errors import APIError

    try:
        client.start(container_id)
    except APIError as error:
        if f"network {NAME} not found" not in str(error.explanation):
            raise
        ensure_network(client)
        client.start(container_id)


def open_agent_network() -> str | None:
    """The address at which the region's agent may listen for containers; None where Docker does not give it. It blocks."""
    from docker import APIClient
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    try:
        ensure_network(APIClient(**kwargs_from_env(), version="auto"))
    except (DockerException, OSError) as error:
        log.warning("tasks have no metadata endpoint: %s", error)
        return None
    return ADDRESS


def close_agent_network() -> None:
    """Remove the network, unless a task takes part in it. It blocks."""
    from docker import APIClient
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    with contextlib.suppress(DockerException, OSError):
        APIClient(**kwargs_from_env(), version="auto").remove_network(NAME)
