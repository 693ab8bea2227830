"""Images on the wire: described, listed, fetched, put, deleted."""

from collections.abc import Mapping
from typing import Any

from ninelives.api.call import Call
from ninelives.api.ecr.shop import EcrHandler, Shop, invalid, page
from ninelives.registry import Image
from ninelives.registry.errors import DigestInvalid, ImageReferencedByManifestList
from ninelives.registry.names import checked_digest


def describe_images(shop: Shop, call: Call) -> Mapping[str, Any]:
    name, parameters = shop.repository(call).name, call.parameters
    asked = parameters.get("imageIds")
    if asked:
        if "maxResults" in parameters or "nextToken" in parameters:
            raise invalid("maxResults", "cannot be used with imageIds")
        found = {image.digest: image for image in (_image(shop, name, one) for one in asked)}
        return {"imageDetails": [write_detail(shop, image) for image in found.values()]}
    images = [image for image in shop.registry.images(name) if _is_asked_for(image, parameters.get("filter", {}))]
    shown, token = page(images, parameters, lambda image: image.digest)
    return {"imageDetails": [write_detail(shop, image) for image in shown], "nextToken": token}


def _image(shop: Shop, name: str, image_id: Mapping[str, str]) -> Image:
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if digest is None and tag is None:
        raise invalid("imageIds", "Invalid image id: both tag and digest cannot be null")
    return shop.registry.image(name, digest=digest, tag=tag)


def _status(image: Image) -> str:
    return "ARCHIVED" if image.is_archived else "ACTIVE"


def _is_asked_for(image: Image, wanted: Mapping[str, str]) -> bool:
    """Whether a filter lets an image through; what is archived is shown to those who ask for it only."""
    if wanted.get("imageStatus", "ACTIVE") not in {"ANY", _status(image)}:
        return False
    match wanted.get("tagStatus", "ANY"):
        case "TAGGED":
            return bool(image.tags)
        case "UNTAGGED":
            return not image.tags
        case _:
            return True


def list_images(shop: Shop, call: Call) -> Mapping[str, Any]:
    """An entry for each tag, and one for each image without a tag."""
    name, parameters = shop.repository(call).name, call.parameters
    images = [image for image in shop.registry.images(name) if _is_asked_for(image, parameters.get("filter", {}))]
    ids = [{"imageDigest": image.digest, "imageTag": tag} for image in images for tag in image.tags or (None,)]
    shown, token = page(ids, parameters, lambda one: f"{one['imageDigest']} {one['imageTag']}")
    return {"imageIds": shown, "nextToken": token}


def batch_get_image(shop: Shop, call: Call) -> Mapping[str, Any]:
    """Images with their manifests, as they were pushed: none is converted to what ``acceptedMediaTypes`` would rather have."""
    name = shop.repository(call).name
    images, failures = [], []
    for image_id in call.parameters["imageIds"]:
        found = _found(shop, name, image_id)
        if isinstance(found, Image) and found.is_archived:
            failures.append(_failure(image_id, "ImageNotFound", "Requested image not found"))
        elif isinstance(found, Image):
            shop.registry.note_pull(found)
            images.append(write_image(shop, found, tag=image_id.get("imageTag")))
        else:
            failures.append(found)
    return {"images": images, "failures": failures}


def put_image(shop: Shop, call: Call) -> Mapping[str, Any]:
    name, parameters = shop.repository(call).name, call.parameters
    image = shop.registry.put_image(
        name,
        parameters["imageManifest"].encode(),
        media_type=parameters.get("imageManifestMediaType"),
        tag=parameters.get("imageTag"),
        digest=parameters.get("imageDigest"),
        again=False,
    )
    return {"image": write_image(shop, image, tag=parameters.get("imageTag"))}


def update_image_storage_class(shop: Shop, call: Call) -> Mapping[str, Any]:
    """To the archive and back, both at once (ECR takes up to 20 minutes for the way back)."""
    name, parameters = shop.repository(call).name, call.parameters
    image = _image(shop, name, parameters["imageId"])
    moved = shop.registry.archive(image) if parameters["targetStorageClass"] == "ARCHIVE" else shop.registry.activate(image)
    return {
        "registryId": shop.registry.id,
        "repositoryName": name,
        "imageId": {"imageDigest": moved.digest, "imageTag": parameters["imageId"].get("imageTag")},
        "imageStatus": _status(moved),
    }


def batch_delete_image(shop: Shop, call: Call) -> Mapping[str, Any]:
    """By digest an image goes with its tags; by tag the tag goes, and with its last tag the image."""
    name = shop.repository(call).name
    deleted, failures = [], []
    for image_id in call.parameters["imageIds"]:
        found = _found(shop, name, image_id)
        if not isinstance(found, Image):
            failures.append(found)
            continue
        try:
            deleted += _delete(shop, found, tag=image_id.get("imageTag"))
        except ImageReferencedByManifestList as error:
            failures.append(_failure(image_id, "ImageReferencedByManifestList", str(error)))
    return {"imageIds": deleted, "failures": failures}


def _delete(shop: Shop, image: Image, *, tag: str | None) -> list[Mapping[str, Any]]:
    if tag is not None and len(image.tags) > 1:
        shop.registry.delete_tag(image.repository, tag)
        return [{"imageDigest": image.digest, "imageTag": tag}]
    shop.registry.delete_image(image)
    return [{"imageDigest": image.digest, "imageTag": one} for one in image.tags or (None,)]


def _found(shop: Shop, name: str, image_id: Mapping[str, str]) -> Image | Mapping[str, Any]:
    """The image, or why there is none."""
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if digest is None and tag is None:
        reason = "Invalid request parameters: both tag and digest cannot be null"
        return _failure(image_id, "MissingDigestAndTag", reason)
    try:
        if digest is not None:
            checked_digest(digest)
    except DigestInvalid:
        reason = "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
        return _failure(image_id, "InvalidImageDigest", reason)
    found = shop.registry.find_image(name, digest=digest, tag=tag)
    if found is not None:
        return found
    if digest is not None and tag is not None and shop.registry.find_image(name, digest=digest) is not None:
        return _failure(image_id, "ImageTagDoesNotMatchDigest", "Requested image tag does not match the image digest")
    return _failure(image_id, "ImageNotFound", "Requested image not found")


def _failure(image_id: Mapping[str, str], code: str, reason: str) -> Mapping[str, Any]:
    return {"imageId": image_id, "failureCode": code, "failureReason": reason}


def write_image(shop: Shop, image: Image, *, tag: str | None) -> Mapping[str, Any]:
    return {
        "registryId": shop.registry.id,
        "repositoryName": image.repository,
        "imageId": {"imageDigest": image.digest, "imageTag": tag},
        "imageManifest": shop.registry.content(image).decode(),
        "imageManifestMediaType": image.media_type,
    }


def write_detail(shop: Shop, image: Image) -> Mapping[str, Any]:
    return {
        "registryId": shop.registry.id,
        "repositoryName": image.repository,
        "imageDigest": image.digest,
        "imageTags": list(image.tags) or None,
        "imageSizeInBytes": image.size_in_bytes,
        "imagePushedAt": image.pushed_at,
        "imageManifestMediaType": image.media_type,
        "artifactMediaType": image.artifact_type,
        "lastRecordedPullTime": image.pulled_at,
        "subjectManifestDigest": image.subject,
        "imageStatus": _status(image),
        "lastArchivedAt": image.archived_at,
        "lastActivatedAt": image.activated_at,
    }


HANDLERS: Mapping[str, EcrHandler] = {
    "DescribeImages": describe_images,
    "ListImages": list_images,
    "BatchGetImage": batch_get_image,
    "PutImage": put_image,
    "BatchDeleteImage": batch_delete_image,
    "UpdateImageStorageClass": update_image_storage_class,
}
