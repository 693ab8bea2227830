"""What stacks give to each other."""

from collections.abc import Mapping
from typing import Any

from ninelives.api.call import Call
from ninelives.api.cloudformation.wire import EngineHandler, page
from ninelives.stacks import blueprints
from ninelives.stacks.engine import Engine


def list_exports(engine: Engine, call: Call) -> Mapping[str, Any]:
    exports = [
        {"ExportingStackId": owner, "Name": name, "Value": value}
        for name, (value, owner) in sorted(engine.state.exports().items())
    ]
    shown, token = page(exports, call.parameters.get("NextToken"), key=lambda one: one["Name"])
    return {"Exports": list(shown), "NextToken": token}


def list_imports(engine: Engine, call: Call) -> Mapping[str, Any]:
    name = call.parameters["ExportName"]
    if name not in engine.state.exports():
        raise blueprints.invalid(f"Export '{name}' does not exist.")
    users = engine.state.importers().get(name, [])
    if not users:
        raise blueprints.invalid(f"Export '{name}' is not imported by any stack.")
    shown, token = page(users, call.parameters.get("NextToken"), key=str)
    return {"Imports": list(shown), "NextToken": token}


HANDLERS: Mapping[str, EngineHandler] = {"ListExports": list_exports, "ListImports": list_imports}
