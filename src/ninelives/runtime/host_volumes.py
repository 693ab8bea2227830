"""Volumes of a task on the host: directories of the task, linked into each container's root.

There is no mount: a program finds a volume by a path below its working directory, or below the root that holds it. An absolute
path is the host's, and a volume that is mounted read-only can be written.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from ninelives.model.ecs import ContainerDefinition, TaskDefinition


def mounts_of(definition: TaskDefinition, container: ContainerDefinition) -> Iterator[tuple[str, str]]:
    """Container path and volume of all that a container mounts, from others first; a ``tmpfs`` is a volume here."""
    by_name = {one.name: one for one in definition.containers}
    for other in container.volumes_from:
        yield from mounts_of(definition, by_name[other.source_container])
    yield from ((point.container_path, point.source_volume) for point in container.mount_points)
    yield from ((one.container_path, f"{container.name}{one.container_path.replace('/', '~')}") for one in container.tmpfs)


def link_volume(root: Path, container_path: str, volume: Path) -> None:
    """Put ``volume`` at a container path below ``root``. One that is empty gets what the image has there, as with Docker.

    Raises ``OSError``.
    """
    place = root / container_path.strip("/")
    volume.mkdir(parents=True, exist_ok=True)
    if place.is_symlink() and place.readlink() == volume:
        return
    if place == root:
        raise OSError(f"a volume cannot take the place of the whole root ({container_path})")
    if place.is_dir() and not place.is_symlink():
        if not any(volume.iterdir()):
            shutil.copytree(place, volume, dirs_exist_ok=True, symlinks=True)
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(volume)
