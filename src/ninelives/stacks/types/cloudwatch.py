"""CloudWatch: alarms and dashboards. Source: ``cloudwatch`` 2010-08-01."""

from collections.abc import Mapping
from typing import Any, Final

from ninelives.stacks.declared import Declared, Named, Step, described, tag_list, tagging, take
from ninelives.stacks.resource_type import Request

ALARM_NAME: Final = Named(name="AlarmName")
DASHBOARD_NAME: Final = Named(name="DashboardName")

ACTIONS: Final = "ActionsEnabled AlarmActions AlarmDescription InsufficientDataActions OKActions"
METRIC_ALARM: Final = (
    f"{ACTIONS} ComparisonOperator DatapointsToAlarm Dimensions EvaluateLowSampleCountPercentile EvaluationPeriods "
    "ExtendedStatistic MetricName Metrics Namespace Period Statistic Threshold ThresholdMetricId TreatMissingData Unit"
)
COMPOSITE_ALARM: Final = f"{ACTIONS} AlarmRule ActionsSuppressor ActionsSuppressorExtensionPeriod ActionsSuppressorWaitPeriod"


def _alarm_type(kind: str, operation: str, members: str, path: str, more: Mapping[str, str]) -> Declared:
    """An alarm, which is put whole again when it changes."""

    def put(it: Request) -> Mapping[str, Any]:
        # Tags of an alarm that is there already are left as they are: `Tagging` changes them.
        tags = None if it.physical_id else tag_list(it)
        return {**take(members)(it), "AlarmName": ALARM_NAME(it) if not it.physical_id else it.physical_id, "Tags": tags}

    async def read(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
        del it
        return {"Arn": found["AlarmArn"]}

    return Declared(
        name=f"AWS::CloudWatch::{kind}",
        takes=f"AlarmName {members}",
        create_by=Step(f"cloudwatch:{operation}", put),
        identified_by=lambda it, _: ALARM_NAME(it),
        named=ALARM_NAME,
        parts=(
            tagging("cloudwatch:TagResource", "cloudwatch:UntagResource", lambda it: {"ResourceARN": it.attributes["Arn"]}),
        ),
        update_by=Step(f"cloudwatch:{operation}", put),
        read_by=described(
            Step("cloudwatch:DescribeAlarms", lambda it: {"AlarmNames": [it.physical_id], "AlarmTypes": [path[:-1]]}),
            path,
            read,
        ),
        delete_by=(Step("cloudwatch:DeleteAlarms", lambda it: {"AlarmNames": [it.physical_id]}),),
        refused=more,
    )


def _dashboard(it: Request) -> Mapping[str, Any]:
    return {"DashboardName": it.physical_id or DASHBOARD_NAME(it), "DashboardBody": it.properties.get("DashboardBody")}


DASHBOARD: Final = Declared(
    name="AWS::CloudWatch::Dashboard",
    takes="DashboardName DashboardBody",
    create_by=Step("cloudwatch:PutDashboard", _dashboard),
    identified_by=lambda it, _: DASHBOARD_NAME(it),
    named=DASHBOARD_NAME,
    update_by=Step("cloudwatch:PutDashboard", _dashboard),
    read_by=described(Step("cloudwatch:GetDashboard", lambda it: {"DashboardName": it.physical_id}), ""),
    delete_by=(Step("cloudwatch:DeleteDashboards", lambda it: {"DashboardNames": [it.physical_id]}),),
)

TYPES: Final = (
    _alarm_type("Alarm", "PutMetricAlarm", METRIC_ALARM, "MetricAlarms", {}),
    _alarm_type("CompositeAlarm", "PutCompositeAlarm", COMPOSITE_ALARM, "CompositeAlarms", {}),
    DASHBOARD,
)
