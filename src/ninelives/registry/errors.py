"""What a registry refuses, and why. One tree, for both of its doors:

RegistryError
├── InvalidName, InvalidTag, ManifestInvalid, DigestInvalid
├── RepositoryNotFound, RepositoryAlreadyExists, RepositoryNotEmpty
├── ImageNotFound, ImageAlreadyExists, ImageTagAlreadyExists, ImageDigestDoesNotMatch, ImageReferencedByManifestList
├── LayersNotFound, ReferencedImagesNotFound, BlobUnknown
└── UploadNotFound, InvalidLayerPart, InvalidLayer

``ecr_code`` is the exception of ECR's API, ``distribution_code`` and ``status`` are those of the distribution protocol.
Source: botocore ``ecr`` 2015-09-21; OCI distribution specification 1.1, "Error Codes".
"""

from collections.abc import Sequence
from typing import ClassVar

NAME_PATTERN = "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(\\/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*"


class RegistryError(Exception):
    """A request that is refused."""

    ecr_code: ClassVar[str] = "InvalidParameterException"
    distribution_code: ClassVar[str] = "UNSUPPORTED"
    status: ClassVar[int] = 400


class InvalidName(RegistryError):
    distribution_code = "NAME_INVALID"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression "
            f"'{NAME_PATTERN}' and have 2 to 256 characters'"
        )


class InvalidTag(RegistryError):
    distribution_code = "TAG_INVALID"

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.tag = tag

    def __str__(self) -> str:
        return (
            "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular expression "
            "'[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}''"
        )


class ManifestInvalid(RegistryError):
    distribution_code = "MANIFEST_INVALID"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{self.reason}'"


class DigestInvalid(RegistryError):
    distribution_code = "DIGEST_INVALID"

    def __init__(self, digest: str) -> None:
        super().__init__(digest)
        self.digest = digest

    def __str__(self) -> str:
        return f"Invalid digest '{self.digest}': expected sha256: and 64 hexadecimal digits in lower case"


class _OfRepository(RegistryError):
    """Names the repository and the registry that it is sought in."""

    def __init__(self, repository: str, registry_id: str) -> None:
        super().__init__(repository, registry_id)
        self.repository = repository
        self.registry_id = registry_id


class RepositoryNotFound(_OfRepository):
    ecr_code = "RepositoryNotFoundException"
    distribution_code = "NAME_UNKNOWN"
    status = 404

    def __str__(self) -> str:
        return f"The repository with name '{self.repository}' does not exist in the registry with id '{self.registry_id}'"


class RepositoryAlreadyExists(_OfRepository):
    ecr_code = "RepositoryAlreadyExistsException"

    def __str__(self) -> str:
        return f"The repository with name '{self.repository}' already exists in the registry with id '{self.registry_id}'"


class RepositoryNotEmpty(_OfRepository):
    ecr_code = "RepositoryNotEmptyException"

    def __str__(self) -> str:
        return (
            f"The repository with name '{self.repository}' in registry with id '{self.registry_id}' cannot be deleted "
            "because it still contains images"
        )


class ImageNotFound(_OfRepository):
    ecr_code = "ImageNotFoundException"
    distribution_code = "MANIFEST_UNKNOWN"
    status = 404

    def __init__(self, repository: str, registry_id: str, *, digest: str | None, tag: str | None) -> None:
        super().__init__(repository, registry_id)
        self.digest = digest
        self.tag = tag

    def __str__(self) -> str:
        image_id = f"{{imageDigest:'{self.digest or 'null'}', imageTag:'{self.tag or 'null'}'}}"
        return (
            f"The image with imageId {image_id} does not exist within the repository with name '{self.repository}' "
            f"in the registry with id '{self.registry_id}'"
        )


class ImageAlreadyExists(_OfRepository):
    ecr_code = "ImageAlreadyExistsException"

    def __init__(self, repository: str, registry_id: str, *, digest: str, tag: str | None) -> None:
        super().__init__(repository, registry_id)
        self.digest = digest
        self.tag = tag

    def __str__(self) -> str:
        return (
            f"Image with digest '{self.digest}' and tag '{self.tag or 'null'}' already exists in the repository with name "
            f"'{self.repository}' in registry with id '{self.registry_id}'"
        )


class ImageTagAlreadyExists(RegistryError):
    ecr_code = "ImageTagAlreadyExistsException"
    distribution_code = "TAG_INVALID"

    def __init__(self, repository: str, tag: str) -> None:
        super().__init__(repository, tag)
        self.repository = repository
        self.tag = tag

    def __str__(self) -> str:
        return (
            f"The image tag '{self.tag}' already exists in the '{self.repository}' repository and cannot be overwritten "
            "because the tag is immutable."
        )


class ImageDigestDoesNotMatch(RegistryError):
    ecr_code = "ImageDigestDoesNotMatchException"
    distribution_code = "DIGEST_INVALID"

    def __init__(self, given: str, found: str) -> None:
        super().__init__(given, found)
        self.given = given
        self.found = found

    def __str__(self) -> str:
        return f"The given image digest '{self.given}' does not match the digest of the manifest, '{self.found}'"


class ImageReferencedByManifestList(RegistryError):
    distribution_code = "DENIED"
    status = 403

    def __init__(self, lists: Sequence[str]) -> None:
        super().__init__(lists)
        self.lists = lists

    def __str__(self) -> str:
        return f"Requested image referenced by manifest list: [{', '.join(self.lists)}]"


class LayersNotFound(_OfRepository):
    ecr_code = "LayersNotFoundException"
    distribution_code = "MANIFEST_BLOB_UNKNOWN"

    def __init__(self, repository: str, registry_id: str, digests: Sequence[str]) -> None:
        super().__init__(repository, registry_id)
        self.digests = digests

    def __str__(self) -> str:
        return (
            f"Layers with digests '[{', '.join(self.digests)}]' required for pushing image into repository with name "
            f"'{self.repository}' in the registry with id '{self.registry_id}' do not exist"
        )


class ReferencedImagesNotFound(_OfRepository):
    ecr_code = "ReferencedImagesNotFoundException"
    distribution_code = "MANIFEST_BLOB_UNKNOWN"

    def __init__(self, repository: str, registry_id: str, digests: Sequence[str]) -> None:
        super().__init__(repository, registry_id)
        self.digests = digests

    def __str__(self) -> str:
        return (
            f"Images with digests '[{', '.join(self.digests)}]' required for pushing image into repository with name "
            f"'{self.repository}' in the registry with id '{self.registry_id}' do not exist"
        )


class BlobUnknown(_OfRepository):
    ecr_code = "LayersNotFoundException"
    distribution_code = "BLOB_UNKNOWN"
    status = 404

    def __init__(self, repository: str, registry_id: str, digest: str) -> None:
        super().__init__(repository, registry_id)
        self.digest = digest

    def __str__(self) -> str:
        return (
            f"The layer with digest '{self.digest}' does not exist in the repository with name '{self.repository}' "
            f"in the registry with id '{self.registry_id}'"
        )


class UploadNotFound(_OfRepository):
    ecr_code = "UploadNotFoundException"
    distribution_code = "BLOB_UPLOAD_UNKNOWN"
    status = 404

    def __init__(self, repository: str, registry_id: str, upload_id: str) -> None:
        super().__init__(repository, registry_id)
        self.upload_id = upload_id

    def __str__(self) -> str:
        return (
            f"Upload with id '{self.upload_id}' could not be found for the repository with name '{self.repository}' "
            f"in the registry with id '{self.registry_id}'"
        )


class InvalidLayerPart(RegistryError):
    """A part that does not begin where the upload ends; ``offset`` is the number of bytes that are there."""

    ecr_code = "InvalidLayerPartException"
    distribution_code = "BLOB_UPLOAD_INVALID"
    status = 416

    def __init__(self, upload_id: str, offset: int) -> None:
        super().__init__(upload_id, offset)
        self.upload_id = upload_id
        self.offset = offset

    def __str__(self) -> str:
        return f"The next part of upload '{self.upload_id}' must begin at byte {self.offset}"


class InvalidLayer(RegistryError):
    """What was uploaded is not what its digest says."""

    ecr_code = "InvalidLayerException"
    distribution_code = "DIGEST_INVALID"

    def __init__(self, given: str, found: str) -> None:
        super().__init__(given, found)
        self.given = given
        self.found = found

    def __str__(self) -> str:
        return f"Layer digest '{self.given}' does not match the digest of what was uploaded, '{self.found}'"
