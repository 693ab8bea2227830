"""Stack policies: which resources an update may touch. Pure.

Without a policy all may be updated; with one, only what it allows. Source: "Prevent updates to stack resources",
CloudFormation user guide.
"""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from ninelives.model.errors import ApiError

ACTIONS: Final = frozenset({"Update:Modify", "Update:Replace", "Update:Delete", "Update:*"})


def check_policy(text: str) -> None:
    """Raises ``ApiError`` for what is no stack policy."""
    try:
        policy = json.loads(text)
        statements = policy["Statement"]
        for statement in statements if isinstance(statements, list) else [statements]:
            actions = _listed(statement.get("Action", statement.get("NotAction", [])))
            if statement["Effect"] not in {"Allow", "Deny"} or not set(actions) <= ACTIONS | {"*"}:
                raise KeyError("Effect")  # noqa: TRY301 all of it is one refusal
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ApiError("ValidationError", f"Error validating stack policy: Invalid stack policy ({error})") from None


def denial(text: str | None, logical_id: str, type_name: str, action: str) -> str | None:
    """Why a stack policy does not let ``action`` (Update:Modify, …) be done to a resource; None where it does."""
    if text is None:
        return None
    policy = json.loads(text)
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    about = [place for place, one in enumerate(statements, 1) if _is_about(one, logical_id, type_name, action)]
    denying = [place for place in about if statements[place - 1]["Effect"] == "Deny"]
    if about and not denying:
        return None
    resource = f"LogicalResourceId/{logical_id}"
    if denying:
        return f"Action denied by stack policy: Statement [#{denying[0]}] does not allow [{action}] for resource [{resource}]"
    return f"Action not allowed by stack policy: no statement allows [{action}] for resource [{resource}]"


def _is_about(statement: Mapping[str, Any], logical_id: str, type_name: str, action: str) -> bool:
    if "NotAction" in statement:
        is_action = not any(fnmatchcase(action, one) for one in _listed(statement["NotAction"]))
    else:
        is_action = any(fnmatchcase(action, one) for one in _listed(statement.get("Action", [])))
    name = f"LogicalResourceId/{logical_id}"
    if "NotResource" in statement:
        is_resource = not any(fnmatchcase(name, one) for one in _listed(statement["NotResource"]))
    else:
        is_resource = any(one == "*" or fnmatchcase(name, one) for one in _listed(statement.get("Resource", "*")))
    return is_action and is_resource and _holds(statement.get("Condition", {}), type_name)


def _holds(conditions: Mapping[str, Any], type_name: str) -> bool:
    for operator, wanted in conditions.items():
        types = _listed(wanted.get("ResourceType", []))
        is_like = operator == "StringLike"
        if not any(fnmatchcase(type_name, one) if is_like else type_name == one for one in types):
            return False
    return True


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
