"""Minds Envoy: publishes snapshots by delta ADS, reports target health and requests in flight."""

from ninelives.dataplane.envoy import EnvoyDataPlane
from ninelives.dataplane.process import EnvoyFailed

__all__ = ["EnvoyDataPlane", "EnvoyFailed"]
