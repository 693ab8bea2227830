"""SQLite: records out, transactions in, one writer."""

from ninelives.store.sqlite import SqliteStore

__all__ = ["SqliteStore"]
