"""An OCI registry: what stands behind ECR."""

from ninelives.registry.distribution import registry_app
from ninelives.registry.errors import RegistryError
from ninelives.registry.lifecycle_runs import LifecycleRuns
from ninelives.registry.records import Image, ImageAction, Repository
from ninelives.registry.registry import Registry

__all__ = ["Image", "ImageAction", "LifecycleRuns", "Registry", "RegistryError", "Repository", "registry_app"]
