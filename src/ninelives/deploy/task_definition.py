"""The service file and an image as a RegisterTaskDefinition request. Pure.

Every revision bears its version, the image's digest and a fingerprint of the request as tags, so that history can name
versions and the same request is not registered twice.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ninelives.deploy.foundation import Foundation
from ninelives.deploy.image import Image
from ninelives.deploy.service_file import ServiceFile
from ninelives.model.images import read_reference

VERSION_TAG = "ninelives:version"
VERSION_LABEL = "org.opencontainers.image.version"
"""Source: OCI image specification, "Annotations"."""
DIGEST_TAG = "ninelives:digest"
FINGERPRINT_TAG = "ninelives:fingerprint"
ARCHITECTURES = {"linux/amd64": "X86_64", "linux/arm64": "ARM64"}


def task_definition_request(
    file: ServiceFile, image: Image, foundation: Foundation, region: str, secrets: Mapping[str, str]
) -> dict[str, Any]:
    """RegisterTaskDefinition's members, tags included; ``secrets`` are variables and what ECS takes as ``valueFrom``.

    Source: botocore ecs 2014-11-13.
    """
    container: dict[str, Any] = {
        "name": file.service,
        "image": image.reference,
        "essential": True,
        "portMappings": [{"containerPort": file.port, "hostPort": file.port, "protocol": "tcp"}],
        "environment": [{"name": name, "value": value} for name, value in sorted(variables(file).items())],
        "stopTimeout": int(file.drain.stop_timeout.total_seconds()),
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": file.log_group,
                "awslogs-region": region,
                "awslogs-stream-prefix": file.service,
            },
        },
    }
    if file.command is not None:
        container["command"] = list(file.command)
    if secrets:
        container["secrets"] = [{"name": name, "valueFrom": source} for name, source in sorted(secrets.items())]
    request: dict[str, Any] = {
        "family": file.service,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": str(file.cpu),
        "memory": str(file.memory),
        "executionRoleArn": foundation.execution_role_arn,
        "containerDefinitions": [container],
    }
    if foundation.task_role_arn is not None:
        request["taskRoleArn"] = foundation.task_role_arn
    if file.image.platform is not None:
        request["runtimePlatform"] = {
            "operatingSystemFamily": "LINUX",
            "cpuArchitecture": ARCHITECTURES[file.image.platform],
        }
    tags = {VERSION_TAG: image.version, FINGERPRINT_TAG: fingerprint(request, image.digest)}
    if image.digest is not None:
        tags[DIGEST_TAG] = image.digest
    return {**request, "tags": [{"key": key, "value": value} for key, value in sorted(tags.items())]}


def variables(file: ServiceFile) -> dict[str, str]:
    """The application's environment: the file's, and PORT where the file does not set it."""
    return {"PORT": str(file.port), **file.variables}


def fingerprint(request: Mapping[str, Any], digest: str | None) -> str:
    """Equal for equal requests and image contents."""
    text = json.dumps([request, digest], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def tags_of(answer: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a DescribeTaskDefinition answer (asked with ``include=["TAGS"]``)."""
    return {tag["key"]: tag.get("value", "") for tag in answer.get("tags") or ()}


def version_of(definition: Mapping[str, Any], tags: Mapping[str, str]) -> str:
    """The version that a task definition runs: its tag, else its first container's label or image's tag; else ``?``.

    The label is what a workflow of AWS's actions leaves: it names images by their digest, and knows no tags.

    >>> version_of({"containerDefinitions": [{"image": "host:5000/cats:2.0.1@sha256:aa"}]}, {})
    '2.0.1'
    >>> labels = {"org.opencontainers.image.version": "2.0.1"}
    >>> version_of({"containerDefinitions": [{"image": "host:5000/cats@sha256:aa", "dockerLabels": labels}]}, {})
    '2.0.1'
    """
    if VERSION_TAG in tags:
        return tags[VERSION_TAG]
    containers: Sequence[Mapping[str, Any]] = definition.get("containerDefinitions") or ()
    if containers and (label := (containers[0].get("dockerLabels") or {}).get(VERSION_LABEL)):
        return str(label)
    image = str(containers[0].get("image", "")) if containers else ""
    return read_reference(image).tag or "?"
