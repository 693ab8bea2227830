"""Parses arguments, wires the real parts together in compose.py, prints."""
