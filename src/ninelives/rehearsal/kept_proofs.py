"""Proofs that stay on this machine, by the service deployment that they are of: ECS has no place for them.

``$XDG_STATE_HOME/ninelives/releases/REGION-ACCOUNT/CLUSTER/SERVICE/ID.json``; a report beside it ends in ``.html``.
Of each service the newest ``KEPT_MOST`` files stay.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

KEPT_MOST: Final = 400
"""Files kept of one service, the newest: proofs and reports of some 200 releases, 20 MB."""


def releases_folder() -> Path:
    """Where proofs and reports of releases are kept (XDG base directory specification)."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "ninelives" / "releases"


def place_of(service_deployment: str, folder: Path | None = None) -> Path:
    """Where what is kept of a service deployment stands, without an ending.

    >>> arn = "arn:aws:ecs:eu-west-1:123456789012:service-deployment/shop/cats/LCsZPb5P"
    >>> str(place_of(arn, Path("/state")))
    '/state/eu-west-1-123456789012/shop/cats/LCsZPb5P'
    """
    _, _, _, region, account, resource = service_deployment.split(":", 5)
    cluster, service, identifier = resource.split("/")[1:]
    parts = (f"{region}-{account}", cluster, service, identifier)
    if any(part in {"", ".", ".."} for part in parts):
        raise ValueError(f"expected the ARN of a service deployment, found {service_deployment!r}")
    return (folder or releases_folder()).joinpath(*parts)


def keep_proof(service_deployment: str, proof: Mapping[str, Any], folder: Path | None = None) -> Path | None:
    """Keep a proof (``proof_as_json``); None where this machine cannot."""
    kept = json.dumps({"service_deployment": service_deployment, "proof": proof})
    return _keep(kept.encode(), place_of(service_deployment, folder).with_suffix(".json"))


def keep_report(service_deployment: str, report: Path, folder: Path | None = None) -> Path | None:
    """Keep a copy of a report; None where this machine cannot."""
    try:
        page = report.read_bytes()
    except OSError:
        return None
    return _keep(page, place_of(service_deployment, folder).with_suffix(".html"))


def _keep(content: bytes, path: Path) -> Path | None:
    draft = path.with_suffix(".draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(path)
        _forget_oldest(path.parent)
    except OSError:
        return None
    return path


def _forget_oldest(folder: Path) -> None:
    kept = sorted(folder.iterdir(), key=lambda one: one.stat().st_mtime_ns, reverse=True)
    for path in kept[KEPT_MOST:]:
        path.unlink(missing_ok=True)


def kept_proof(service_deployment: str, folder: Path | None = None) -> dict[str, Any] | None:
    """The proof that is kept of a service deployment; None where there is none."""
    try:
        found = json.loads(place_of(service_deployment, folder).with_suffix(".json").read_text(encoding="utf-8"))
        proof: dict[str, Any] = found["proof"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return proof


def kept_report(service_deployment: str, folder: Path | None = None) -> Path | None:
    """The report that is kept of a service deployment; None where there is none."""
    try:
        path = place_of(service_deployment, folder).with_suffix(".html")
    except ValueError:
        return None
    return path if path.is_file() else None
