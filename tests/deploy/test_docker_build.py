"""Docker builds: a failed step is told with the build's last lines."""

from pathlib import Path

import pytest

from ninelives.deploy.docker_build import Build, build, why_docker_cannot
from ninelives.deploy.errors import BuildFailed


@pytest.mark.docker
@pytest.mark.parametrize(
    ("dockerfile", "words"),
    [
        ("FROM scratch\nCOPY nowhere /\n", "nowhere"),
        ("FROM scratch\nCOPY Dockerfile /\nRUN false\n", r"(?s)could not be built.*Step 3/3 : RUN false"),
        ("FROMM scratch\n", "FROMM"),
    ],
)
def test_a_failed_build_says_where_it_failed(tmp_path: Path, dockerfile: str, words: str) -> None:
    if problem := why_docker_cannot():
        pytest.skip(problem)
    (tmp_path / "Dockerfile").write_text(dockerfile)
    wanted = Build(folder=tmp_path, dockerfile="Dockerfile", arguments={}, platform=None, labels={})

    with pytest.raises(BuildFailed, match=words):
        build(wanted)


def test_without_an_engine_the_reason_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")

    assert "No Docker engine answers." == why_docker_cannot()
