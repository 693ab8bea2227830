"""The grammar of repository names, tags and digests.

Source: botocore ``ecr`` 2015-09-21, ``RepositoryName``; OCI distribution specification 1.1, "Pulling manifests".
"""

import hashlib
import re

from ninelives.registry.errors import NAME_PATTERN, DigestInvalid, InvalidName, InvalidTag

NAME_LENGTHS = range(2, 257)
_NAME = re.compile(NAME_PATTERN)
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def checked_name(name: str) -> str:
    """``name``, if a repository may have it. Raises ``InvalidName``.

    >>> checked_name("team/cats__api")
    'team/cats__api'
    """
    if len(name) not in NAME_LENGTHS or not _NAME.fullmatch(name):
        raise InvalidName(name)
    return name


def checked_tag(tag: str) -> str:
    """``tag``, if an image may have it. Raises ``InvalidTag``."""
    if not _TAG.fullmatch(tag):
        raise InvalidTag(tag)
    return tag


def checked_digest(digest: str) -> str:
    """``digest``, if it is one that this registry can verify: SHA-256. Raises ``DigestInvalid``."""
    if not _DIGEST.fullmatch(digest):
        raise DigestInvalid(digest)
    return digest


def is_digest(reference: str) -> bool:
    """Whether a manifest's reference means a digest: no tag has a colon."""
    return ":" in reference


def digest_of(content: bytes) -> str:
    """The SHA-256 digest of ``content``.

    >>> digest_of(b"")[:19]
    'sha256:e3b0c44298fc'
    """
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
