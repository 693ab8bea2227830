"""What a region's registry left in Docker is removed; other images, and other names of the same one, stay."""

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import pytest

from ninelives.cli.docker_images import forget_images, forget_names
from ninelives.runtime import DockerRuntime

OURS, OTHERS = "127.0.0.1:14999", "127.0.0.1:14998"


@pytest.fixture
def docker_client() -> Iterator[Any]:
    import docker

    problem = DockerRuntime.probe()
    if problem:
        pytest.skip(problem)
    with contextlib.closing(docker.from_env()) as client:
        yield client


@pytest.mark.docker
def test_only_the_names_of_this_registry_go(docker_client: Any) -> None:
    image, _ = docker_client.images.build(fileobj=io.BytesIO(b"FROM scratch\nLABEL of=test_forget_images\n"), rm=True)
    kept = [f"{OTHERS}/team/cats:1", "forget-images-test:1"]
    for name in (f"{OURS}/cats:1", f"{OURS}/team/cats:2", *kept):
        image.tag(name)
    try:
        assert 1 == forget_images(OURS)

        assert sorted(kept) == sorted(docker_client.images.get(image.id).tags)
        assert 0 == forget_images(OURS)
    finally:
        docker_client.images.remove(image.id, force=True)


@pytest.mark.docker
def test_an_image_goes_with_its_last_name_but_not_while_a_container_has_it(docker_client: Any) -> None:
    image, _ = docker_client.images.build(fileobj=io.BytesIO(b"FROM scratch\nLABEL of=test_forget_names\n"), rm=True)
    names = [f"{OURS}/cats:3", f"{OURS}/cats:4"]
    for name in names:
        image.tag(name)
    container = docker_client.containers.create(image.id, command="none")
    try:
        assert 1 == forget_names([names[0], f"{OURS}/never:1"])
        assert 0 == forget_names([names[1]])
        assert [names[1]] == docker_client.images.get(image.id).tags
    finally:
        container.remove()
    assert 1 == forget_names([names[1]])
    assert not [one for one in docker_client.images.list(all=True) if one.id == image.id]


def test_where_docker_does_not_answer_nothing_happens(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")

    assert 0 == forget_images(OURS)
