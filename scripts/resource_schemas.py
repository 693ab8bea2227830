# ruff: noqa: INP001
"""Writes ``src/ninelives/stacks/schemas.json``: AWS's published schemas of the resource types that the region has.

They come from the cfn-lint package, a development dependency. Run it with `.venv/bin/python scripts/resource_schemas.py`
after a type was added; names may be given beside those that are registered.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cfnlint
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from ninelives.stacks.types import TYPES

TARGET = Path(__file__).resolve().parent.parent / "src" / "ninelives" / "stacks" / "schemas.json"
PROVIDERS = Path(cfnlint.__file__).parent / "data" / "schemas" / "providers"

PROSE = frozenset({"description", "title", "examples", "format", "$comment", "markdownDescription"})
"""Keywords that say nothing of what is valid here; ``format`` is cfn-lint's own."""
OF_A_TYPE = (
    "properties",
    "patternProperties",
    "definitions",
    "required",
    "additionalProperties",
    "oneOf",
    "anyOf",
    "allOf",
    "createOnlyProperties",
    "conditionalCreateOnlyProperties",
    "readOnlyProperties",
    "writeOnlyProperties",
    "primaryIdentifier",
    "replacementStrategy",
)
REGION = "us-east-1"
"""The region whose types are the fullest."""


def compact(value: Any, *, is_named: bool = False) -> Any:
    """A schema without prose. The names in ``properties`` and ``definitions`` are no keywords."""
    if isinstance(value, Mapping):
        kept = {name: one for name, one in value.items() if is_named or name not in PROSE}
        named = ("properties", "definitions", "patternProperties")
        return {name: compact(one, is_named=not is_named and name in named) for name, one in kept.items()}
    if isinstance(value, list):
        return [compact(one) for one in value]
    return value


def schema(type_name: str) -> Mapping[str, Any]:
    """A type's schema, and as ``attributes`` what ``Fn::GetAtt`` gives: of some types more than what is read-only."""
    published = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_name)
    body = published.schema
    kept = {name: compact(body[name], is_named=name in {"properties", "definitions"}) for name in OF_A_TYPE if name in body}
    return kept | {"attributes": sorted(published.get_atts)}


def main() -> None:
    published = json.loads((PROVIDERS / f"{REGION}.json").read_text(encoding="utf-8"))
    known = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.exists() else {}
    wanted = sorted({name for name in (*known, *TYPES, *sys.argv[1:]) if name in published})
    lines = [f"{json.dumps(name)}: {json.dumps(schema(name), separators=(',', ':'), sort_keys=True)}" for name in wanted]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    sys.stdout.write(f"{len(wanted)} types\n")


if __name__ == "__main__":
    main()
