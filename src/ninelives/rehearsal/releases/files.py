"""The files of the service that the catalogue releases."""

from pathlib import Path

FOLDER = Path(__file__).parent / "app"
SERVICE = FOLDER / "service.py"
