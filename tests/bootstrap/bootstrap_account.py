"""An AWS account to be bootstrapped, and the command line that does it."""

import functools
import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from fake_cloudformation import REGION, FakeCloudFormation

from ninelives.cli.main import run
from ninelives.deploy.aws import Aws

FILE = """
service: cats
cluster: Staging-Cluster
image: {build: .}
port: 4567
health: {path: /health}
load_balancer: {test_listener: {port: 8081}}
secrets: {API_KEY: "ssm:/cats/api-key"}
bootstrap:
  account: "123456789012"
  github: {repository: acme/cats, branches: [main]}
environments:
  staging: {region: eu-west-1}
  other: {region: eu-west-1}
"""


@functools.cache
def session() -> boto3.Session:
    """One for all tests, made when moto is there: it reads botocore's models once."""
    return boto3.Session(region_name=REGION)


class Account:
    """An AWS account (moto's, with a CloudFormation that follows a script), a service file, and the command line."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        self.stacks = FakeCloudFormation()
        self.clients: dict[str, Any] = {"cloudformation": self.stacks}
        self.region = REGION
        self.write(FILE)

    def write(self, text: str) -> None:
        (self.folder / "ninelives.yml").write_text(text, encoding="utf-8")

    def client(self, name: str) -> Any:
        return self.clients.get(name) or session().client(name, region_name=REGION)  # type: ignore[call-overload]  # any service

    def connect(self, *, is_local: bool, region: str | None) -> Aws:
        return Aws(self.client, region=region or self.region, is_local=is_local)

    def bootstrap(self, *options: str, env: str = "staging") -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        self.capsys.readouterr()
        code = run(["bootstrap", "--config", str(self.folder / "ninelives.yml"), "--env", env, *options])
        captured = self.capsys.readouterr()
        return code, captured.out, captured.err

    def told(self, *options: str, env: str = "staging") -> Any:
        """What ``--json`` says of a run that goes well."""
        code, out, err = self.bootstrap("--json", *options, env=env)
        assert 0 == code, err
        return json.loads(out)
