"""Pages of the AWS console that tell more of a release. Pure."""

from collections.abc import Iterator
from urllib.parse import quote

from ninelives.deploy.release_record import Link

CONSOLES = (("cn-", "console.amazonaws.cn"), ("us-gov-", "console.amazonaws-us-gov.com"))
"""Of the partitions that have their own, by how their regions' names begin."""
AWS_CONSOLE = "console.aws.amazon.com"


def links_of(
    *, region: str, cluster: str, service: str, task_definition: str | None, log_group: str, alarms: tuple[str, ...] = ()
) -> Iterator[Link]:
    """The service's deployments, the task definition, the logs, the alarms.

    >>> found = links_of(region="eu-west-1", cluster="c", service="s", task_definition=None, log_group="/ecs/s")
    >>> next(found).url
    'https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/c/services/s/deployments?region=eu-west-1'
    """
    domain = next((name for begins, name in CONSOLES if region.startswith(begins)), AWS_CONSOLE)
    base, here = f"https://{region}.{domain}", f"region={region}"
    yield Link(
        label="deployments of the service",
        url=f"{base}/ecs/v2/clusters/{quote(cluster)}/services/{quote(service)}/deployments?{here}",
    )
    if task_definition is not None:
        family, _, revision = task_definition.rpartition("/")[2].partition(":")
        yield Link(label="task definition", url=f"{base}/ecs/v2/task-definitions/{quote(family)}/{revision}?{here}")
    escaped = quote(quote(log_group, safe=""), safe="").replace("%", "$")  # as the console's own addresses have it
    yield Link(label="logs", url=f"{base}/cloudwatch/home?{here}#logsV2:log-groups/log-group/{escaped}")
    for name in alarms:
        yield Link(label=f"alarm {name}", url=f"{base}/cloudwatch/home?{here}#alarmsV2:alarm/{quote(name)}")
