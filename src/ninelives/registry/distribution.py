"""The OCI distribution protocol, version 1.1, on a registry: what ``docker push`` and ``docker pull`` speak.

Repositories are made by ECR's API, as with ECR; a push to one that is not there is refused in ECR's words. What a client
was sending when it went away stays in its upload, and it may go on from there.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final
from urllib.parse import quote

from ninelives.registry.blobs import Upload
from ninelives.registry.errors import ImageNotFound, InvalidLayerPart, ManifestInvalid, RegistryError
from ninelives.registry.exchange import (
    Answer,
    Disconnected,
    FilePart,
    Receive,
    Request,
    Scope,
    Send,
    error_answer,
    is_welcome,
    json_answer,
    read_request,
    send_answer,
)
from ninelives.registry.gate import Gate, NotAdmitted
from ninelives.registry.manifests import BYTES_MAX, OCI_INDEX
from ninelives.registry.names import checked_digest, checked_tag, is_digest
from ninelives.registry.records import Image
from ninelives.registry.registry import Registry

log = logging.getLogger(__name__)

UNAUTHORIZED: Final = 401

PAGE_MAX: Final = 1000
"""Names and tags that one page has at the most."""

_NUMBER = re.compile(r"[0-9]{1,18}")
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_CONTENT_RANGE = re.compile(r"(?:bytes )?([0-9]{1,18})-([0-9]{1,18})(?:/.*)?")
"""Of more digits than any blob has Python makes no number."""

Handle = Callable[..., Awaitable[Answer]]
"""Answers a request to a registry; the parts of the path come as keyword arguments."""


class BadPage(RegistryError):
    distribution_code = "PAGINATION_NUMBER_INVALID"

    def __str__(self) -> str:
        return "n must be a number, not below 0"


async def version(_: Registry, __: Request) -> Answer:
    return json_answer({})


async def catalog(registry: Registry, request: Request) -> Answer:
    names = [one.name for one in registry.repositories()]
    shown, link = _page(names, request, "/v2/_catalog")
    return json_answer({"repositories": shown}, headers=link)


async def tags(registry: Registry, request: Request, *, name: str) -> Answer:
    shown, link = _page(registry.tags(name), request, f"/v2/{name}/tags/list")
    return json_answer({"name": name, "tags": shown}, headers=link)


def _page(names: list[str], request: Request, path: str) -> tuple[list[str], Mapping[str, str]]:
    """The page of sorted ``names`` after ``last``, and the link to the next one."""
    wanted = request.query.get("n", str(PAGE_MAX))
    if not _NUMBER.fullmatch(wanted):
        raise BadPage
    last = request.query.get("last", "")
    rest = [name for name in names if name > last]
    shown = rest[: min(int(wanted), PAGE_MAX)]
    if not shown or len(shown) == len(rest):
        return shown, {}
    return shown, {"link": f'<{path}?last={quote(shown[-1], safe="")}&n={len(shown)}>; rel="next"'}


async def head_blob(registry: Registry, _: Request, *, name: str, digest: str) -> Answer:
    registry.blob_size(name, digest)  # who asks whether it is there may be about to name it
    path, size = registry.blob(name, digest)
    return Answer(status=200, headers=_blob_headers(digest), body=FilePart(path=path, start=0, length=size))


async def get_blob(registry: Registry, request: Request, *, name: str, digest: str) -> Answer:
    path, size = registry.blob(name, digest)
    wanted = _RANGE.fullmatch(request.headers.get("range", ""))
    if wanted is None or wanted.groups() == ("", ""):
        return Answer(status=200, headers=_blob_headers(digest), body=FilePart(path=path, start=0, length=size))
    first, last = wanted.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start > end:
        message = f"The blob has {size} bytes"
        return error_answer("SIZE_INVALID", message, status=416, headers={"content-range": f"bytes */{size}"})
    return Answer(
        status=206,
        headers={**_blob_headers(digest), "content-range": f"bytes {start}-{end}/{size}"},
        body=FilePart(path=path, start=start, length=end - start + 1),
    )


def _blob_headers(digest: str) -> Mapping[str, str]:
    return {"content-type": "application/octet-stream", "docker-content-digest": digest, "accept-ranges": "bytes"}


async def begin_upload(registry: Registry, request: Request, *, name: str) -> Answer:
    """Begin an upload; with ``mount`` try to spare it, with ``digest`` take it all at once."""
    wanted = request.query.get("mount")
    if wanted is not None and registry.mount(name, wanted, request.query.get("from")):
        return _stored(name, wanted)
    upload = registry.begin_upload(name)
    digest = request.query.get("digest")
    if digest is None:
        return _progress(upload, status=202)
    try:
        await _take(registry, upload, request)
        await registry.finish_upload(upload, digest)
    except BaseException:
        registry.cancel(upload)  # The client was never told of it.
        raise
    return _stored(name, digest)


async def upload_status(registry: Registry, _: Request, *, name: str, upload_id: str) -> Answer:
    return _progress(registry.upload(name, upload_id), status=204)


async def upload_part(registry: Registry, request: Request, *, name: str, upload_id: str) -> Answer:
    upload = registry.upload(name, upload_id)
    await _take(registry, upload, request)
    return _progress(upload, status=202)


async def finish_upload(registry: Registry, request: Request, *, name: str, upload_id: str) -> Answer:
    upload = registry.upload(name, upload_id)
    digest = checked_digest(request.query.get("digest", ""))
    await _take(registry, upload, request)
    await registry.finish_upload(upload, digest)
    return _stored(name, digest)


async def cancel_upload(registry: Registry, _: Request, *, name: str, upload_id: str) -> Answer:
    registry.cancel(registry.upload(name, upload_id))
    return Answer(status=204)


async def _take(registry: Registry, upload: Upload, request: Request) -> None:
    """Append the request's body to the upload, if it begins where the upload ends."""
    given = _CONTENT_RANGE.fullmatch(request.headers.get("content-range", ""))
    if upload.is_busy or (given is not None and int(given[1]) != upload.offset):
        raise InvalidLayerPart(upload.id, upload.offset)
    async for piece in request.pieces():
        await registry.append(upload, piece)


def _progress(upload: Upload, *, status: int) -> Answer:
    location = f"/v2/{upload.repository}/blobs/uploads/{upload.id}"
    return Answer(
        status=status,
        headers={"location": location, "range": f"0-{max(0, upload.offset - 1)}", "docker-upload-uuid": upload.id},
    )


def _stored(name: str, digest: str) -> Answer:
    return Answer(status=201, headers={"location": f"/v2/{name}/blobs/{digest}", "docker-content-digest": digest})


async def get_manifest(registry: Registry, request: Request, *, name: str, reference: str) -> Answer:
    image = _image(registry, name, reference)
    if request.method == "GET":
        registry.note_pull(image)
    headers = {"content-type": image.media_type, "docker-content-digest": image.digest}
    return Answer(status=200, headers=headers, body=registry.content(image))


def _image(registry: Registry, name: str, reference: str) -> Image:
    """Raises ``ImageNotFound``, for one in the archive too. Source: ECR user guide, "Archiving an image"."""
    digest, tag = (checked_digest(reference), None) if is_digest(reference) else (None, checked_tag(reference))
    found = registry.image(name, digest=digest, tag=tag)
    if found.is_archived:
        raise ImageNotFound(name, registry.id, digest=digest, tag=tag)
    return found


async def put_manifest(registry: Registry, request: Request, *, name: str, reference: str) -> Answer:
    registry.repository(name)
    content = await request.body(BYTES_MAX)
    if content is None:
        return error_answer("MANIFEST_INVALID", f"The manifest has more than {BYTES_MAX} bytes", status=413)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip() or None
    digest, tag = (checked_digest(reference), None) if is_digest(reference) else (None, reference)
    image = registry.put_image(name, content, media_type=media_type, digest=digest, tag=tag)
    headers = {"location": f"/v2/{name}/manifests/{image.digest}", "docker-content-digest": image.digest}
    return Answer(status=201, headers=headers | ({"oci-subject": image.subject} if image.subject else {}))


async def delete_manifest(registry: Registry, _: Request, *, name: str, reference: str) -> Answer:
    """By digest the image goes with its tags; by tag only the tag."""
    image = _image(registry, name, reference)
    if is_digest(reference):
        registry.delete_image(image)
    else:
        registry.delete_tag(name, reference)
    return Answer(status=202)


async def referrers(registry: Registry, request: Request, *, name: str, digest: str) -> Answer:
    """An index of the manifests about ``digest``, of one artifact type if the query names it."""
    wanted = request.query.get("artifactType")
    found = [
        {
            "mediaType": image.media_type,
            "digest": image.digest,
            "size": size,
            **({"artifactType": image.artifact_type} if image.artifact_type else {}),
            **({"annotations": annotations} if annotations else {}),
        }
        for image, size, annotations in registry.referrers(name, checked_digest(digest))
        if wanted in {None, image.artifact_type}
    ]
    headers = {"content-type": OCI_INDEX} | ({"oci-filters-applied": "artifactType"} if wanted else {})
    return json_answer({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}, headers=headers)


ACTIONS: Final[Mapping[Handle, str]] = {
    catalog: "ecr:DescribeRepositories",
    tags: "ecr:ListImages",
    referrers: "ecr:BatchGetImage",
    head_blob: "ecr:BatchCheckLayerAvailability",
    get_blob: "ecr:GetDownloadUrlForLayer",
    begin_upload: "ecr:InitiateLayerUpload",
    upload_status: "ecr:UploadLayerPart",
    upload_part: "ecr:UploadLayerPart",
    finish_upload: "ecr:CompleteLayerUpload",
    cancel_upload: "ecr:UploadLayerPart",
    get_manifest: "ecr:BatchGetImage",
    put_manifest: "ecr:PutImage",
    delete_manifest: "ecr:BatchDeleteImage",
}
"""What ECR calls what a request does. Source: ECR user guide, "Required IAM permissions for pushing an image"."""


_ROUTES: Final[Mapping[str, Mapping[str, Handle]]] = {
    r"/v2/?": {"GET": version, "HEAD": version},
    r"/v2/_catalog": {"GET": catalog},
    r"/v2/(?P<name>.+)/tags/list": {"GET": tags},
    r"/v2/(?P<name>.+)/blobs/uploads/?": {"POST": begin_upload},
    r"/v2/(?P<name>.+)/blobs/uploads/(?P<upload_id>[^/]+)": {
        "GET": upload_status,
        "PATCH": upload_part,
        "PUT": finish_upload,
        "DELETE": cancel_upload,
    },
    r"/v2/(?P<name>.+)/blobs/(?P<digest>[^/]+)": {"GET": get_blob, "HEAD": head_blob},
    r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)": {
        "GET": get_manifest,
        "HEAD": get_manifest,
        "PUT": put_manifest,
        "DELETE": delete_manifest,
    },
    r"/v2/(?P<name>.+)/referrers/(?P<digest>[^/]+)": {"GET": referrers},
}
"""Paths as patterns; the first that matches a path counts."""


class RegistryApp:
    """ASGI, under ``/v2/``."""

    def __init__(self, registry: Registry, gate: Gate | None = None) -> None:
        self._registry = registry
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = read_request(scope, receive)
        try:
            answer = await self._answer(request)
        except Disconnected:
            return
        await send_answer(send, answer, head=request.method == "HEAD")

    async def _answer(self, request: Request) -> Answer:
        if self._gate is None and not is_welcome(request):
            return _unauthorized("Log in as AWS: see aws ecr get-login-password")
        handler = _route(request)
        if isinstance(handler, Answer):
            return handler
        if self._gate is not None:
            try:
                await _pass(self._gate, request, handler)
            except NotAdmitted as error:
                return _unauthorized(str(error)) if error.status == UNAUTHORIZED else _not_admitted(error)
        try:
            return await handler(self._registry, request)
        except Disconnected:
            raise
        except RegistryError as error:
            return _refusal(error)
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return error_answer("UNKNOWN", "An internal error of the region; its log tells more.", status=500)


def registry_app(registry: Registry, gate: Gate | None = None) -> RegistryApp:
    """The registry's protocol as an ASGI application that answers everything under ``/v2/``; a ``gate`` is asked first."""
    return RegistryApp(registry, gate)


async def _pass(gate: Gate, request: Request, handler: "partial[Awaitable[Answer]]") -> None:
    """Ask the gate. What brings bytes uploads them, and to mount another repository's blob is to read it."""
    authorization, name = request.headers.get("authorization"), handler.keywords.get("name")
    await gate.admit(authorization, ACTIONS.get(handler.func), name)
    if handler.func in {begin_upload, finish_upload} and request.headers.get("content-length", "0") != "0":
        await gate.admit(authorization, ACTIONS[upload_part], name)
    source = request.query.get("from")
    if handler.func is begin_upload and request.query.get("mount") is not None and source is not None:
        await gate.admit(authorization, ACTIONS[get_blob], source)


def _unauthorized(message: str) -> Answer:
    challenge = {"www-authenticate": 'Basic realm="ninelives"'}
    return error_answer("UNAUTHORIZED", message, status=UNAUTHORIZED, headers=challenge)


def _not_admitted(error: NotAdmitted) -> Answer:
    return error_answer(error.code, str(error), status=error.status)


def _route(request: Request) -> "partial[Awaitable[Answer]] | Answer":
    for pattern, handlers in _ROUTES.items():
        found = re.fullmatch(pattern, request.path)
        if found is None:
            continue
        handler = handlers.get(request.method)
        if handler is not None:
            return partial(handler, **found.groupdict())
        allowed = {"allow": ", ".join(handlers)}
        return error_answer("UNSUPPORTED", f"{request.method} is not for {request.path}", status=405, headers=allowed)
    return error_answer("UNSUPPORTED", f"There is nothing at {request.path}", status=404)


def _refusal(error: RegistryError) -> Answer:
    headers: dict[str, str] = {}
    message = str(error)
    match error:
        case InvalidLayerPart():
            headers["range"] = f"0-{max(0, error.offset - 1)}"
        case ImageNotFound():
            message = "Requested image not found"
        case ManifestInvalid():
            message = error.reason
        case _:
            pass
    return error_answer(error.distribution_code, message, status=error.status, headers=headers)
