import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bootstrap_account import Account
from moto import mock_aws

for room in ("live", "api", "stacks"):  # the pipeline runs in a whole region, the templates in one in memory
    sys.path.append(str(Path(__file__).parents[1] / room))


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with mock_aws():
        account = Account(tmp_path, capsys)
        monkeypatch.setattr("ninelives.cli.session.connect", account.connect)
        yield account
