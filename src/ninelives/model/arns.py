"""Amazon Resource Names: how each one of ours is made, and what can be read back from it.

Source: "Actions, resources, and condition keys for Amazon Elastic Container Service" and the same page for
Elastic Load Balancing V2 (Service Authorization Reference).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a resource lives: partition, region and account (12 digits)."""

    region: str
    account: str
    partition: str = "aws"

    def arn(self, service: str, resource: str) -> str:
        """The ARN of ``resource`` of ``service`` in this place.

        >>> Place(region="eu-west-1", account="123456789012").arn("ecs", "cluster/c")
        'arn:aws:ecs:eu-west-1:123456789012:cluster/c'
        """
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def cluster(self, name: str) -> str:
        return self.arn("ecs", f"cluster/{name}")

    def service(self, cluster: str, name: str) -> str:
        return self.arn("ecs", f"service/{cluster}/{name}")

    def task_definition(self, family: str, revision: int) -> str:
        return self.arn("ecs", f"task-definition/{family}:{revision}")

    def task(self, cluster: str, task_id: str) -> str:
        return self.arn("ecs", f"task/{cluster}/{task_id}")

    def container(self, cluster: str, task_id: str, container_id: str) -> str:
        return self.arn("ecs", f"container/{cluster}/{task_id}/{container_id}")

    def service_revision(self, cluster: str, service: str, number: str) -> str:
        return self.arn("ecs", f"service-revision/{cluster}/{service}/{number}")

    def service_deployment(self, cluster: str, service: str, deployment_id: str) -> str:
        return self.arn("ecs", f"service-deployment/{cluster}/{service}/{deployment_id}")

    def load_balancer(self, name: str, load_balancer_id: str) -> str:
        return self.arn("elasticloadbalancing", f"loadbalancer/app/{name}/{load_balancer_id}")

    def target_group(self, name: str, target_group_id: str) -> str:
        return self.arn("elasticloadbalancing", f"targetgroup/{name}/{target_group_id}")


def place_of(arn: str) -> Place:
    """The place that an ARN names.

    >>> place_of("arn:aws:ecs:eu-west-1:123456789012:cluster/c").region
    'eu-west-1'
    """
    _, partition, _, region, account, _ = arn.split(":", 5)
    return Place(region=region, account=account, partition=partition)


def last_part(arn: str) -> str:
    """The part after the last slash: a task's id, a service's or cluster's name.

    >>> last_part("arn:aws:ecs:eu-west-1:123456789012:task/c/0f3d")
    '0f3d'
    """
    return arn.rsplit("/", 1)[-1]


def listener_arn(load_balancer_arn: str, listener_id: str) -> str:
    """The ARN of a listener of a load balancer.

    >>> listener_arn("arn:aws:elasticloadbalancing:r:a:loadbalancer/app/n/1", "2")
    'arn:aws:elasticloadbalancing:r:a:listener/app/n/1/2'
    """
    return load_balancer_arn.replace(":loadbalancer/", ":listener/", 1) + f"/{listener_id}"


def rule_arn(listener: str, rule_id: str) -> str:
    """The ARN of a rule of a listener.

    >>> rule_arn("arn:aws:elasticloadbalancing:r:a:listener/app/n/1/2", "3")
    'arn:aws:elasticloadbalancing:r:a:listener-rule/app/n/1/2/3'
    """
    return listener.replace(":listener/", ":listener-rule/", 1) + f"/{rule_id}"
