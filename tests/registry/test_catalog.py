"""The registry's file is its owner's only, and one of a newer version is left alone."""

import sqlite3
from pathlib import Path

import pytest

from ninelives.database import DatabaseFromTheFuture
from ninelives.registry.catalog import Catalog


def test_a_catalogue_of_a_newer_version_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    Catalog(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(path) as written:
        written.execute("PRAGMA user_version = 99")

    with pytest.raises(
        DatabaseFromTheFuture, match=r"catalog\.sqlite: written by a newer ninelives \(schema 99, this one knows 2\)"
    ):
        Catalog(path)

    (version,) = sqlite3.connect(path).execute("PRAGMA user_version").fetchone()
    assert version == 99
