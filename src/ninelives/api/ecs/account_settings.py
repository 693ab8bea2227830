"""Account settings on the wire: those that were put, over ECS's defaults."""

from collections.abc import Mapping, Sequence
from typing import Any

from ninelives.api.call import Call
from ninelives.api.ecs.caller import caller_arn
from ninelives.api.ecs.paging import page
from ninelives.model.ecs import AccountSetting
from ninelives.model.errors import ApiError
from ninelives.region import ecs_tags
from ninelives.region.region import Region

DEFAULTS: Mapping[str, str] = {
    "awsvpcTrunking": "disabled",
    "containerInsights": "disabled",
    "containerInstanceLongArnFormat": "enabled",
    "defaultLogDriverMode": "non-blocking",
    "fargateFIPSMode": "disabled",
    "fargateTaskRetirementWaitPeriod": "7",
    "guardDutyActivate": "off",
    "serviceLongArnFormat": "enabled",
    "tagResourceAuthorization": "on",
    "taskLongArnFormat": "enabled",
}
"""Source: ECS developer guide, "Access Amazon ECS features with account settings"."""

ON_OR_OFF = ("enabled", "disabled")
VALUES: Mapping[str, Sequence[str]] = {
    "containerInsights": (*ON_OR_OFF, "enhanced"),
    "defaultLogDriverMode": ("blocking", "non-blocking"),
    "fargateTaskRetirementWaitPeriod": ("0", "7", "14"),
    "tagResourceAuthorization": ("on", "off"),
}
"""What a setting may be, where that is not enabled or disabled."""
AWS_MANAGED = ("guardDutyActivate",)
ALWAYS_ENABLED = ("containerInstanceLongArnFormat", "serviceLongArnFormat", "taskLongArnFormat")
"""ARNs of the old form no longer exist."""


def list_account_settings(region: Region, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    principal = parameters.get("principalArn") or caller_arn(call)
    known = [one for one in region.state.account_settings.values() if one.principal_arn in {principal, caller_arn(call)}]
    known.sort(key=lambda one: one.principal_arn == principal)  # What is the principal's own counts before the account's.
    put = {one.name: one.value for one in known}
    values = {**DEFAULTS, **put} if parameters.get("effectiveSettings") else put
    settings = [
        _write(AccountSetting(name=name, value=value, principal_arn=principal))
        for name, value in sorted(values.items())
        if parameters.get("name") in {None, name} and parameters.get("value") in {None, value}
    ]
    shown, token = page(settings, parameters, key=lambda one: str(one["name"]), default=10)
    return {"settings": shown, "nextToken": token}


def put_account_setting(region: Region, call: Call) -> Mapping[str, Any]:
    parameters = call.parameters
    name, value = parameters["name"], parameters["value"]
    if name in AWS_MANAGED:
        raise ApiError("InvalidParameterException", f"The setting {name} is managed by AWS and cannot be changed.")
    if value not in VALUES.get(name, ON_OR_OFF):
        valid = ", ".join(VALUES.get(name, ON_OR_OFF))
        raise ApiError("InvalidParameterException", f"Invalid value for {name}: {value}. Valid: {valid}.")
    if name in ALWAYS_ENABLED and value != "enabled":
        raise ApiError("InvalidParameterException", f"The setting {name} cannot be disabled.")
    principal = parameters.get("principalArn") or caller_arn(call)
    setting = AccountSetting(name=name, value=value, principal_arn=principal)
    return {"setting": _write(ecs_tags.put_account_setting(region, setting))}


def delete_account_setting(region: Region, call: Call) -> Mapping[str, Any]:
    name = call.parameters["name"]
    principal = call.parameters.get("principalArn") or caller_arn(call)
    ecs_tags.delete_account_setting(region, name=name, principal_arn=principal)
    value = DEFAULTS.get(name, "")
    return {"setting": _write(AccountSetting(name=name, value=value, principal_arn=principal))}


def _write(setting: AccountSetting) -> Mapping[str, Any]:
    return {
        "name": setting.name,
        "value": setting.value,
        "principalArn": setting.principal_arn,
        "type": "aws_managed" if setting.name in AWS_MANAGED else "user",
    }


HANDLERS = {
    "ListAccountSettings": list_account_settings,
    "PutAccountSetting": put_account_setting,
    "PutAccountSettingDefault": put_account_setting,
    "DeleteAccountSetting": delete_account_setting,
}
