"""The keys of a region that enforces IAM."""

import stat
from pathlib import Path

from ninelives.cli.access_keys import FILE, keys_of, read_keys
from ninelives.cli.env import environment, root_keys
from ninelives.cli.settings import RunningRegion, strangers_in


def running(*, enforces_iam: bool) -> RunningRegion:
    return RunningRegion(
        pid=1, endpoint="http://127.0.0.1:4566", region="eu-west-1", account="1", runtime="host", started="1",
        enforces_iam=enforces_iam,
    )  # fmt: skip


def test_keys_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    assert read_keys(tmp_path) is None
    made = keys_of(tmp_path)

    assert made == keys_of(tmp_path) == read_keys(tmp_path)
    assert 0o600 == stat.S_IMODE((tmp_path / FILE).stat().st_mode)
    assert made.secret not in repr(made)
    assert [] == strangers_in(tmp_path)


def test_env_tells_the_keys_of_a_region_that_enforces_iam_and_of_no_other(tmp_path: Path) -> None:
    keys = keys_of(tmp_path)
    guarded, open_to_all = running(enforces_iam=True), running(enforces_iam=False)

    assert keys.access_key == environment(guarded, root_keys(guarded, tmp_path))["AWS_ACCESS_KEY_ID"]
    assert "ninelives" == environment(open_to_all, root_keys(open_to_all, tmp_path))["AWS_ACCESS_KEY_ID"]
