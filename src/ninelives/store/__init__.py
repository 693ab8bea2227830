"""SQLite: records out, transactions in, one writer."""
