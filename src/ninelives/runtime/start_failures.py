"""Why a task cannot be started, in the words of Fargate (containerd and runc), whatever runs it.

Source: stopped reasons of real tasks; ECS developer guide, "CannotPullContainer task errors in Amazon ECS" and "Stopped tasks
error messages".
"""

import json

from ninelives.runtime.engine import StartFailed, cannot_pull, cannot_start

RETRIED = "pull image manifest has been retried 1 time(s)"
NEW_TASK = (
    "ResourceInitializationError: failed to create new container runtime task: failed to create shim task: "
    "OCI runtime create failed: runc create failed: unable to start container process"
)


def image_not_found(reference: str) -> StartFailed:
    """The registry has no such repository, or no such version in it."""
    return _unresolved(reference, f"{reference}: not found")


def no_such_platform(architecture: str) -> StartFailed:
    """The image is there, for other machines. ``architecture`` as images name it (``amd64``)."""
    return cannot_pull(f"{RETRIED}: image Manifest does not contain descriptor matching platform 'linux/{architecture}'.")


def registry_unreachable(reference: str, said: str) -> StartFailed:
    """The registry does not answer; ``said`` is the system's word for it."""
    return _unresolved(reference, f"failed to do request: {said}")


def pull_not_permitted(reference: str, said: str) -> StartFailed:
    return _unresolved(reference, f"pull access denied, repository does not exist or may require authorization: {said}")


def pull_failed(reference: str, said: str) -> StartFailed:
    """Whatever else goes wrong with a pull."""
    return _unresolved(reference, said)


def program_not_found(program: str, hint: str = "") -> StartFailed:
    """``program`` is the command's first word; ``hint`` is ours, and stands behind Fargate's words."""
    if "/" in program:
        return not_started(f"exec: {json.dumps(program)}: stat {program}: no such file or directory", hint)
    return not_started(f"exec: {json.dumps(program)}: executable file not found in $PATH", hint)


def program_not_permitted(program: str, hint: str = "") -> StartFailed:
    return not_started(f"exec: {json.dumps(program)}: permission denied", hint)


def not_started(cause: str, hint: str = "") -> StartFailed:
    """``cause`` is what runc says of the container's process."""
    return cannot_start(f"{NEW_TASK}: {cause}: unknown" + (f" ({hint})" if hint else ""))


def _unresolved(reference: str, cause: str) -> StartFailed:
    return cannot_pull(f"{RETRIED}: failed to resolve ref {reference}: {cause}")
