"""SQLite: records out, transactions in, one writer."""

from ninelives.store.sqlite import SqliteStore, StoreFromTheFuture

__all__ = ["SqliteStore", "StoreFromTheFuture"]
