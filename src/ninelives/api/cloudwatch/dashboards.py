"""Dashboards: recorded and given back."""

import json
from collections.abc import Mapping
from typing import Any

from ninelives.api.call import Call
from ninelives.api.cloudwatch.handling import CloudWatchHandler, page
from ninelives.model.errors import ApiError
from ninelives.model.metrics import Dashboard
from ninelives.monitoring import findings
from ninelives.telemetry import CloudWatch

LISTED_AT_ONCE = 1000


def put_dashboard(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    body = call.parameters["DashboardBody"]
    found = findings(_read_body(body))
    told = [{"DataPath": one.path, "Message": one.message} for one in found]
    errors = [{"dataPath": one.path, "message": one.message} for one in found if one.is_error]
    if errors:
        message = f"The dashboard body is invalid, there are {len(errors)} validation errors: {json.dumps(errors, indent=2)}"
        raise ApiError("DashboardInvalidInputError", message, members={"dashboardValidationMessages": told})
    cloudwatch.records.put(Dashboard(name=call.parameters["DashboardName"], body=body, modified_at=cloudwatch.now()))
    return {"DashboardValidationMessages": told}


def _read_body(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise ApiError("DashboardInvalidInputError", "The field DashboardBody must be a valid JSON object")
    return body


def get_dashboard(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    found = _find(cloudwatch, call.parameters["DashboardName"])
    return {"DashboardArn": _arn(cloudwatch, found), "DashboardBody": found.body, "DashboardName": found.name}


def list_dashboards(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    prefix = call.parameters.get("DashboardNamePrefix", "")
    found = sorted(
        (one for one in cloudwatch.records.dashboards.values() if one.name.startswith(prefix)), key=lambda one: one.name
    )
    shown, token = page(found, call.parameters.get("NextToken"), LISTED_AT_ONCE, key=lambda one: one.name)
    entries = [
        {
            "DashboardName": one.name,
            "DashboardArn": _arn(cloudwatch, one),
            "LastModified": one.modified_at,
            "Size": len(one.body.encode()),
        }
        for one in shown
    ]
    return {"DashboardEntries": entries, "NextToken": token}


def delete_dashboards(cloudwatch: CloudWatch, call: Call) -> Mapping[str, Any]:
    """All of them or, where one does not exist, none."""
    for one in [_find(cloudwatch, name) for name in dict.fromkeys(call.parameters["DashboardNames"])]:
        cloudwatch.records.delete(one)
    return {}


def _find(cloudwatch: CloudWatch, name: str) -> Dashboard:
    found = cloudwatch.records.dashboards.get(name)
    if found is None:
        raise ApiError("DashboardNotFoundError", f"Dashboard {name} does not exist")
    return found


def _arn(cloudwatch: CloudWatch, one: Dashboard) -> str:
    return f"arn:{cloudwatch.place.partition}:cloudwatch::{cloudwatch.place.account}:dashboard/{one.name}"


HANDLERS: Mapping[str, CloudWatchHandler] = {
    "PutDashboard": put_dashboard,
    "GetDashboard": get_dashboard,
    "ListDashboards": list_dashboards,
    "DeleteDashboards": delete_dashboards,
}
