"""Runs tasks: Docker containers, or host processes where no Docker answers."""

from ninelives.runtime.docker_runtime import DockerRuntime
from ninelives.runtime.host_images import layer_path
from ninelives.runtime.host_runtime import HostRuntime

__all__ = ["DockerRuntime", "HostRuntime", "layer_path"]
