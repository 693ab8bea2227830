"""Layers on the wire: which are there, where to get them, and the upload in parts that ``PutImage`` ends."""

from collections.abc import Mapping
from typing import Any, Final

from ninelives.api.call import Call
from ninelives.api.ecr.shop import EcrHandler, Shop, invalid
from ninelives.model.errors import ApiError
from ninelives.registry.errors import DigestInvalid, InvalidLayerPart
from ninelives.registry.names import checked_digest

PART_BYTES: Final = 5 * 1024 * 1024
"""The size of parts that is asked for, and the least that all but the last must have (ECR asks for 10 MiB)."""


def batch_check_layer_availability(shop: Shop, call: Call) -> Mapping[str, Any]:
    name = shop.repository(call).name
    layers, failures = [], []
    for digest in call.parameters["layerDigests"]:
        try:
            size = shop.registry.blob_size(name, digest)
        except DigestInvalid:
            reason = f"Invalid layer digest '{digest}'"
            failures.append({"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": reason})
            continue
        availability = "UNAVAILABLE" if size is None else "AVAILABLE"
        layers.append({"layerDigest": digest, "layerAvailability": availability, "layerSize": size})
    return {"layers": layers, "failures": failures}


def get_download_url_for_layer(shop: Shop, call: Call) -> Mapping[str, Any]:
    name, digest = shop.repository(call).name, call.parameters["layerDigest"]
    shop.registry.blob(name, digest)
    return {"downloadUrl": f"http://{shop.endpoint}/v2/{name}/blobs/{digest}", "layerDigest": digest}


def initiate_layer_upload(shop: Shop, call: Call) -> Mapping[str, Any]:
    upload = shop.registry.begin_upload(shop.repository(call).name)
    return {"uploadId": upload.id, "partSize": PART_BYTES}


async def upload_layer_part(shop: Shop, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    name, content = shop.repository(call).name, parameters["layerPartBlob"]
    upload = shop.registry.upload(name, parameters["uploadId"])
    first, last = parameters["partFirstByte"], parameters["partLastByte"]
    if first != upload.offset:
        raise InvalidLayerPart(upload.id, upload.offset)
    if last - first + 1 != len(content) or not content:
        raise invalid("partLastByte", f"bytes {first} to {last} are not the {len(content)} bytes of the part")
    await shop.registry.append(upload, content)
    upload.parts.append(len(content))
    return {
        "registryId": shop.registry.id,
        "repositoryName": name,
        "uploadId": upload.id,
        "lastByteReceived": last,
    }


async def complete_layer_upload(shop: Shop, call: Call) -> Mapping[str, Any]:
    name = shop.repository(call).name
    upload = shop.registry.upload(name, call.parameters["uploadId"])
    digests = call.parameters["layerDigests"]
    if len(digests) != 1:
        raise invalid("layerDigests", "must be one digest")
    digest = checked_digest(digests[0])
    if upload.offset == 0:
        raise ApiError("EmptyUploadException", f"Upload with id '{upload.id}' does not contain any layer parts")
    if any(size < PART_BYTES for size in upload.parts[:-1]):
        raise ApiError("LayerPartTooSmallException", "Layer parts must be at least 5 MiB in size")
    if shop.registry.blob_size(name, digest) is not None:
        shop.registry.cancel(upload)
        message = (
            f"Layer with digest '{digest}' already exists in the repository with name '{name}' "
            f"in registry with id '{shop.registry.id}'"
        )
        raise ApiError("LayerAlreadyExistsException", message)
    await shop.registry.finish_upload(upload, digest)
    return {"registryId": shop.registry.id, "repositoryName": name, "uploadId": upload.id, "layerDigest": digest}


HANDLERS: Mapping[str, EcrHandler] = {
    "BatchCheckLayerAvailability": batch_check_layer_availability,
    "GetDownloadUrlForLayer": get_download_url_for_layer,
    "InitiateLayerUpload": initiate_layer_upload,
    "UploadLayerPart": upload_layer_part,
    "CompleteLayerUpload": complete_layer_upload,
}
