"""The demo's service: where its sources are, and what its image is based on."""

import contextlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from ninelives.cli.errors import UserError
from ninelives.deploy.deploy_part import Canary, Linear, Strategy
from ninelives.deploy.options import FILE_NAME
from ninelives.deploy.reading import Definition, read_service_file

PLACE = Path("examples") / "cats"
BASE_IMAGE_ARGUMENT = "BASE_IMAGE"
LOCAL_BASE_IMAGE = "ninelives-cats-base:bookworm"
"""What ``make base-image`` makes."""
SHOWN_BAKE = timedelta(minutes=1)
"""The shortest that ECS counts in; the demo's time scale makes seconds of it."""


def find_cats(start: Path) -> Path:
    """The folder of Cats: in or above ``start``, else in the checkout that this package is run from. Raises ``UserError``."""
    for folder in (start, *start.parents, *Path(__file__).resolve().parents):
        if (folder / PLACE / FILE_NAME).is_file():
            return folder / PLACE
    raise UserError(
        f"The demo's service ({PLACE}) is neither in {start} nor above it.",
        hint="Run `ninelives demo` in a clone of the project: `make demo` does.",
    )


def cats_definition(folder: Path, runtime: str) -> Definition:
    """Cats as its own file says; with Docker, on the local base image where the Dockerfile's own is not on this machine."""
    definition = read_service_file(folder / FILE_NAME)
    if runtime != "docker" or not _is_here(LOCAL_BASE_IMAGE) or _is_here(_own_base_image(folder / "Dockerfile")):
        return definition
    image = definition.file.image
    based = image.model_copy(update={"args": {**image.args, BASE_IMAGE_ARGUMENT: LOCAL_BASE_IMAGE}})
    return replace(definition, file=definition.file.model_copy(update={"image": based}))


def shifting(definition: Definition, strategy: Strategy) -> Definition:
    """Cats by another strategy than its file says, in steps that an audience can follow."""
    told = {
        "strategy": strategy,
        "bake": SHOWN_BAKE,
        "canary": Canary(percent=20.0, bake=SHOWN_BAKE),
        "linear": Linear(step=20.0, bake=SHOWN_BAKE),
    }
    deploy = definition.file.deploy.model_copy(update=told)
    return replace(definition, file=definition.file.model_copy(update={"deploy": deploy}))


def _own_base_image(dockerfile: Path) -> str:
    for line in dockerfile.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"ARG {BASE_IMAGE_ARGUMENT}="):
            return line.partition("=")[2].strip()
    raise AssertionError(f"{dockerfile} names no base image")


def _is_here(image: str) -> bool:
    import docker
    from docker.errors import ImageNotFound

    with contextlib.closing(docker.from_env()) as client:
        try:
            client.images.get(image)
        except ImageNotFound:
            return False
    return True
