"""The registry: repositories, uploads, blobs, images, and what may be done to them.

All methods are called on one event loop, which is their lock; only file I/O goes to threads. A blob belongs to the
repositories that got it by an upload or a mount; it is removed when no manifest in any of them names it any more. One that
awaits its manifest (a push is under way) is spared for ``GRACE``.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from ninelives.registry.blobs import BlobFiles, Upload
from ninelives.registry.catalog import Catalog
from ninelives.registry.errors import (
    BlobUnknown,
    ImageAlreadyExists,
    ImageDigestDoesNotMatch,
    ImageNotFound,
    ImageReferencedByManifestList,
    ImageTagAlreadyExists,
    InvalidLayer,
    InvalidLayerPart,
    LayersNotFound,
    ReferencedImagesNotFound,
    RepositoryAlreadyExists,
    RepositoryNotEmpty,
    RepositoryNotFound,
    UploadNotFound,
)
from ninelives.registry.lifecycle_evaluation import Action, Mark, evaluate, read_rules
from ninelives.registry.manifests import Manifest, read_manifest
from ninelives.registry.names import checked_digest, checked_name, checked_tag
from ninelives.registry.records import Image, ImageAction, Repository

GRACE: Final = timedelta(hours=1)
"""How long an upload may be silent, and a blob may await its manifest."""

PULLS_APART: Final = timedelta(minutes=1)
"""Pulls nearer to each other than this are recorded as one. ECR itself promises no more than 24 hours."""


class Registry:
    """The registry of one account, below ``directory``. ``now`` gives the time, aware."""

    def __init__(self, directory: Path, *, account: str, now: Callable[[], datetime]) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.id = account
        self.now = now
        self._files = BlobFiles(directory)
        self._catalog = Catalog(directory / "registry.sqlite")
        self._uploads: dict[str, Upload] = {}
        self._wanted: dict[tuple[str, str], datetime] = {}
        """When a client was last told that a repository has a blob: it may be about to name it in a manifest."""
        self._being_kept: list[str] = []
        """Digests whose files are being moved into their place."""
        self._watchers: list[Callable[[ImageAction], None]] = []
        self._file_watchers: list[Callable[[Sequence[str]], None]] = []
        self._sweep()

    def close(self) -> None:
        """Let go; uploads in progress are lost."""
        self._catalog.close()

    def watch(self, watcher: Callable[[ImageAction], None]) -> None:
        """Tell ``watcher`` of each push and deletion of an image, once it is recorded."""
        self._watchers.append(watcher)

    def watch_files(self, watcher: Callable[[Sequence[str]], None]) -> None:
        """Tell ``watcher`` of the blobs whose files were removed, by digest."""
        self._file_watchers.append(watcher)

    def _tell(self, action: str, image: Image, tag: str | None, *, is_last: bool = False) -> None:
        told = ImageAction(action=action, repository=image.repository, digest=image.digest, tag=tag, is_last=is_last)
        for watcher in self._watchers:
            watcher(told)

    # Repositories.

    def repository(self, name: str) -> Repository:
        """Raises ``RepositoryNotFound``."""
        found = self._catalog.repository(name)
        if found is None:
            raise RepositoryNotFound(name, self.id)
        return found

    def repositories(self) -> list[Repository]:
        """All, by name."""
        return self._catalog.repositories()

    def create_repository(self, repository: Repository) -> Repository:
        """Raises ``InvalidName``, ``RepositoryAlreadyExists``."""
        checked_name(repository.name)
        if self._catalog.repository(repository.name) is not None:
            raise RepositoryAlreadyExists(repository.name, self.id)
        self._catalog.put_repository(repository)
        return repository

    def change_repository(self, repository: Repository) -> Repository:
        """Record other settings of a repository that is there."""
        self.repository(repository.name)
        self._catalog.put_repository(repository)
        return repository

    def delete_repository(self, name: str, *, force: bool = False) -> Repository:
        """Delete a repository and the blobs that are only its. Raises ``RepositoryNotEmpty`` unless ``force``."""
        found = self.repository(name)
        if not force and self._catalog.images(name):
            raise RepositoryNotEmpty(name, self.id)
        for upload in [one for one in self._uploads.values() if one.repository == name]:
            self.cancel(upload)
        orphans = self._catalog.blobs_of(name)
        self._catalog.delete_repository(name)
        self._wanted = {key: at for key, at in self._wanted.items() if key[0] != name}
        self._remove_files(orphans)
        return found

    # Uploads.

    def begin_upload(self, repository: str) -> Upload:
        self.repository(repository)
        self._end_silent_uploads()
        upload = self._files.begin(repository, self.now())
        self._uploads[upload.id] = upload
        return upload

    def upload(self, repository: str, upload_id: str) -> Upload:
        """Raises ``RepositoryNotFound``, ``UploadNotFound``."""
        self.repository(repository)
        found = self._uploads.get(upload_id)
        if found is None or found.repository != repository:
            raise UploadNotFound(repository, self.id, upload_id)
        return found

    async def append(self, upload: Upload, content: bytes) -> None:
        """Write the next bytes of an upload. Raises ``UploadNotFound`` if it was cancelled."""
        self._check_open(upload)
        await self._in_thread(upload, partial(upload.append, content))
        upload.touched_at = self.now()

    async def finish_upload(self, upload: Upload, digest: str) -> None:
        """Make a blob of an upload and give it to its repository.

        Raises ``InvalidLayer`` where the digest is another; the upload is then gone, for it cannot be mended.
        """
        checked_digest(digest)
        self._check_open(upload)
        if upload.digest != digest:
            self.cancel(upload)
            raise InvalidLayer(digest, upload.digest)
        self._being_kept.append(digest)
        try:
            await self._in_thread(upload, partial(self._files.keep, upload))
            # Without awaiting anything in between: nobody may remove the file before it is recorded.
            self._uploads.pop(upload.id, None)
            if self._catalog.repository(upload.repository) is None:
                raise RepositoryNotFound(upload.repository, self.id)
            self._catalog.put_blob(upload.repository, digest, upload.offset, self.now())
        finally:
            self._being_kept.remove(digest)
            self._remove_files([digest])

    def cancel(self, upload: Upload) -> None:
        self._uploads.pop(upload.id, None)
        self._files.drop(upload)

    def mount(self, repository: str, digest: str, source: str | None) -> bool:
        """Give a blob of ``source`` to ``repository``; whether that could be done. Raises ``RepositoryNotFound``."""
        self.repository(repository)
        checked_digest(digest)
        size = self._catalog.blob_size(source, digest) if source is not None else None
        if size is None:
            return False
        self._catalog.put_blob(repository, digest, size, self.now())
        return True

    def _check_open(self, upload: Upload) -> None:
        if upload.id not in self._uploads:
            raise UploadNotFound(upload.repository, self.id, upload.id)
        if upload.is_busy:
            raise InvalidLayerPart(upload.id, upload.offset)

    async def _in_thread(self, upload: Upload, work: Callable[[], None]) -> None:
        upload.is_busy = True
        try:
            await asyncio.to_thread(work)
        except FileNotFoundError:
            raise UploadNotFound(upload.repository, self.id, upload.id) from None
        finally:
            upload.is_busy = False

    def _end_silent_uploads(self) -> None:
        for upload in [one for one in self._uploads.values() if self.now() - one.touched_at > GRACE and not one.is_busy]:
            self.cancel(upload)

    # Blobs.

    def blob_size(self, repository: str, digest: str) -> int | None:
        """Bytes of a blob of a repository, which is then spared for a while: the asker may be about to name it."""
        self.repository(repository)
        size = self._catalog.blob_size(repository, checked_digest(digest))
        if size is not None:
            self._wanted[repository, digest] = self.now()
        return size

    def blob(self, repository: str, digest: str) -> tuple[Path, int]:
        """File and size of a blob, for one who reads it. Raises ``BlobUnknown``."""
        self.repository(repository)
        size = self._catalog.blob_size(repository, checked_digest(digest))
        if size is None:
            raise BlobUnknown(repository, self.id, digest)
        return self._files.path(digest), size

    # Images.

    def images(self, repository: str) -> list[Image]:
        """All, in the order in which they were pushed first."""
        self.repository(repository)
        return self._catalog.images(repository)

    def find_image(self, repository: str, *, digest: str | None = None, tag: str | None = None) -> Image | None:
        self.repository(repository)
        return self._catalog.image(repository, digest=digest, tag=tag)

    def image(self, repository: str, *, digest: str | None = None, tag: str | None = None) -> Image:
        """Raises ``RepositoryNotFound``, ``ImageNotFound``."""
        found = self.find_image(repository, digest=digest, tag=tag)
        if found is None:
            raise ImageNotFound(repository, self.id, digest=digest, tag=tag)
        return found

    def content(self, image: Image) -> bytes:
        """The manifest of an image that is there."""
        return self._catalog.content(image.repository, image.digest)

    def note_pull(self, image: Image) -> None:
        now = self.now()
        if image.pulled_at is None or now - image.pulled_at >= PULLS_APART:
            self._catalog.note_pull(image.repository, image.digest, now)

    def tags(self, repository: str) -> list[str]:
        """All, in lexical order."""
        self.repository(repository)
        return self._catalog.tags(repository)

    def referrers(self, repository: str, subject: str) -> list[tuple[Image, int, dict[str, str]]]:
        """Manifests about ``subject``, each with the length of its content and its annotations."""
        self.repository(repository)
        return [(image, size, dict(notes)) for image, size, notes in self._catalog.referrers(repository, subject)]

    def put_image(
        self,
        repository: str,
        content: bytes,
        *,
        media_type: str | None = None,
        tag: str | None = None,
        digest: str | None = None,
        again: bool = True,
    ) -> Image:
        """Record a manifest under a tag, a digest or both; ``again``: whether the same once more is a success.

        Raises ``ManifestInvalid``, ``InvalidTag``, ``ImageDigestDoesNotMatch``, ``LayersNotFound``,
        ``ReferencedImagesNotFound``, ``ImageTagAlreadyExists``, ``ImageAlreadyExists``.
        """
        where = self.repository(repository)
        manifest = read_manifest(content, media_type)
        if digest is not None and digest != manifest.digest:
            raise ImageDigestDoesNotMatch(digest, manifest.digest)
        if tag is not None:
            self._check_tag(where, checked_tag(tag), manifest, again=again)
        elif not again and self._catalog.image(repository, digest=manifest.digest):
            raise ImageAlreadyExists(repository, self.id, digest=manifest.digest, tag=None)
        size = self._size(repository, manifest)
        self._catalog.put_image(repository, manifest, tag=tag, size=size, now=self.now())
        for one in manifest.blobs:
            self._wanted.pop((repository, one.digest), None)
        image = self.activate(self.image(repository, digest=manifest.digest))  # ECR: pushed again, it is back
        self._tell("PUSH", image, tag)
        return image

    def _check_tag(self, repository: Repository, tag: str, manifest: Manifest, *, again: bool) -> None:
        tagged = self._catalog.digest_of_tag(repository.name, tag)
        if tagged is None:
            return
        if tagged == manifest.digest and not again:
            raise ImageAlreadyExists(repository.name, self.id, digest=tagged, tag=tag)
        # ECR refuses the same digest too: https://github.com/aws/containers-roadmap/issues/2179
        if repository.is_immutable(tag):
            raise ImageTagAlreadyExists(repository.name, tag)

    def _size(self, repository: str, manifest: Manifest) -> int:
        """Bytes of an image; all that its manifest names must be there."""
        sizes = {one.digest: self._catalog.blob_size(repository, one.digest) for one in manifest.blobs if not one.is_foreign}
        missing = [digest for digest, size in sizes.items() if size is None]
        if missing:
            raise LayersNotFound(repository, self.id, missing)
        images = {one.digest: self._catalog.image(repository, digest=one.digest) for one in manifest.manifests}
        missing = [digest for digest, image in images.items() if image is None]
        if missing:
            raise ReferencedImagesNotFound(repository, self.id, missing)
        if manifest.is_list:
            return max((image.size_in_bytes for image in images.values() if image is not None), default=0)
        return sum(size for size in sizes.values() if size is not None)

    def delete_image(self, image: Image) -> None:
        """Delete an image with its tags, and the blobs that nothing names any more.

        Raises ``ImageReferencedByManifestList``.
        """
        lists = self._catalog.lists_with(image.repository, image.digest)
        if lists:
            raise ImageReferencedByManifestList(lists)
        self._catalog.delete_image(image.repository, image.digest)
        self.collect()
        tags = image.tags or (None,)
        for tag in tags:
            self._tell("DELETE", image, tag, is_last=tag is tags[-1])

    def archive(self, image: Image) -> Image:
        """Move an image to the archive: it stays, and cannot be pulled."""
        if not image.is_archived:
            self._catalog.note_archived(image.repository, image.digest, self.now())
        return self.image(image.repository, digest=image.digest)

    def activate(self, image: Image) -> Image:
        """Bring an image back from the archive, at once (ECR takes up to 20 minutes)."""
        if image.is_archived:
            self._catalog.note_activated(image.repository, image.digest, self.now())
        return self.image(image.repository, digest=image.digest)

    def delete_tag(self, repository: str, tag: str) -> None:
        """Take a tag from its image, which stays."""
        image = self.image(repository, tag=tag)
        self._catalog.delete_tag(repository, tag)
        self._tell("DELETE", image, tag)

    # Lifecycle policies.

    def foresee(self, repository: str, policy: str) -> tuple[Mark, ...]:
        """What ``policy``, which has no mistakes, would do to a repository now. Nothing is done."""
        self.repository(repository)
        rules = read_rules(policy)
        return evaluate(rules, self._catalog.images(repository), self._catalog.lists(repository), self.now())

    def carry_out_policy(self, repository: str) -> tuple[Mark, ...]:
        """Delete what the repository's policy lets expire, with the blobs that nothing names any more, and archive what it
        wants archived; what that was.
        """
        found = self.repository(repository)
        if found.lifecycle_policy is None:
            return ()
        marks = self.foresee(repository, found.lifecycle_policy)
        for mark in marks:
            if mark.action is Action.EXPIRE:
                self.delete_image(mark.image)
            else:
                self.archive(mark.image)
        self.note_policy_run(repository)
        return marks

    def note_policy_run(self, repository: str) -> None:
        """Record that the repository's policy was looked at now."""
        self._catalog.put_repository(replace(self.repository(repository), lifecycle_evaluated_at=self.now()))

    # Clean-up.

    def collect(self) -> int:
        """Remove blobs that no manifest names, but not those that await one; how many files went."""
        now = self.now()
        self._wanted = {key: at for key, at in self._wanted.items() if now - at <= GRACE}
        gone = [
            (repository, digest)
            for repository, digest, awaited_since in self._catalog.unreferenced()
            if (repository, digest) not in self._wanted and (awaited_since is None or now - awaited_since > GRACE)
        ]
        for repository, digest in gone:
            self._catalog.delete_blob(repository, digest)
        return self._remove_files(digest for _, digest in gone)

    def _remove_files(self, digests: Iterable[str]) -> int:
        """Remove the files of those that no repository has; records first, for a file too many does no harm."""
        removed = [digest for digest in self._catalog.without_repository(digests) if digest not in self._being_kept]
        for digest in removed:
            self._files.remove(digest)
        for watcher in self._file_watchers if removed else ():
            watcher(removed)
        return len(removed)

    def _sweep(self) -> None:
        """What an earlier process left half done: files without a record."""
        self.collect()
        self._remove_files(self._files.digests())
