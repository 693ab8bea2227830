"""Writes the service file's JSON Schema: ``python -m ninelives.deploy.schema > docs/reference/ninelives.schema.json``."""

import json
import sys

from ninelives.deploy.service_file import json_schema


def schema_text() -> str:
    """The schema as it is published."""
    return json.dumps(json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
