"""What the embedded region cannot run is refused by the file, with key and line, before anything is built or made."""

from pathlib import Path

import pytest

from ninelives.deploy.errors import NotSupported
from ninelives.deploy.reading import Definition, read_service_file
from ninelives.deploy.release import require_supported

LEAST = "service: cats\nimage: .\nport: 4567\n"


def definition_of(folder: Path, text: str, environment: str = "local") -> Definition:
    file = folder / "ninelives.yml"
    file.write_text(text, encoding="utf-8")
    return read_service_file(file, environment)


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("secrets:\n  API_KEY: ssm:/cats/key\n", "ninelives.yml:4: secrets: the embedded region does not read secrets yet"),
        (
            "environments:\n  local:\n    secrets: {API_KEY: 'ssm:/cats/key'}\n",
            "ninelives.yml:6: environments.local.secrets: the embedded region does not read secrets yet",
        ),
        ("deploy:\n  rollback: {alarms: [5xx]}\n", "ninelives.yml:5: deploy.rollback.alarms: the embedded region"),
        ("deploy:\n  bake: 5m\n", "ninelives.yml:5: deploy.bake: "),
        ("deploy: {strategy: canary}\n", "ninelives.yml:4: deploy.strategy: canary is not built yet"),
    ],
)
def test_it_is_told_with_its_line(tmp_path: Path, added: str, told: str) -> None:
    with pytest.raises(NotSupported) as refused:
        require_supported(definition_of(tmp_path, LEAST + added))

    assert told in refused.value.message


def test_the_hint_for_secrets_is_what_makes_the_file_run(tmp_path: Path) -> None:
    secrets = LEAST + "secrets: {API_KEY: 'ssm:/cats/key'}\n"
    with pytest.raises(NotSupported) as refused:
        require_supported(definition_of(tmp_path, secrets))
    assert refused.value.hint is not None

    advice = refused.value.hint.split("`")[3].replace("…", "none")
    cured = definition_of(tmp_path, f"{secrets}{advice}\n")

    require_supported(cured)
    assert ({}, {"API_KEY": "none"}) == (cured.file.secrets, cured.file.variables)


def test_elsewhere_secrets_and_alarms_are_for_ecs(tmp_path: Path) -> None:
    text = LEAST + "secrets: {K: 'ssm:/k'}\ndeploy: {rollback: {alarms: [5xx]}}\nenvironments: {staging: {}}\n"

    require_supported(definition_of(tmp_path, text, "staging"))
