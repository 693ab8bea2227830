"""An OCI registry: what stands behind ECR."""

from ninelives.registry.distribution import registry_app
from ninelives.registry.errors import RegistryError
from ninelives.registry.records import Image, Repository
from ninelives.registry.registry import Registry

__all__ = ["Image", "Registry", "RegistryError", "Repository", "registry_app"]
