"""The region's facts for authorisation: its own records, and IAM's as they were last read."""

from collections.abc import Callable, Mapping

from ninelives.api.authorization.facts import KnownDefinition
from ninelives.api.authorization.records import AccountRecords
from ninelives.region.ecs_lookup import find_task_definition
from ninelives.region.region import Region

ROLES = ("taskRoleArn", "executionRoleArn")


class RegionFacts:
    """``Facts`` of a running region. ``repository_tags`` tells those of a repository by its ARN."""

    def __init__(
        self,
        region: Region | None,
        *,
        repository_tags: Callable[[str], Mapping[str, str] | None] = lambda _: None,
    ) -> None:
        self._region = region
        self._repository_tags = repository_tags
        self.records = AccountRecords()

    def tags(self, arn: str) -> Mapping[str, str] | None:
        found = self.records.tags.get(arn)
        if found is not None or self._region is None:
            return found
        state = self._region.state
        for known in (
            state.services,
            state.tasks,
            state.clusters,
            state.task_definitions,
            state.load_balancers,
            state.target_groups,
            state.listeners,
            state.rules,
        ):
            one = known.get(arn)
            if one is not None:
                return dict(getattr(one, "tags", ()))
        return self._repository_tags(arn)

    def iam_arn(self, kind: str, name: str) -> str | None:
        return self.records.arns.get((kind, name))

    def secret_arn(self, name: str) -> str | None:
        if not name.startswith("arn:"):
            return self.records.secrets.get(name)
        return next((arn for arn in self.records.secrets.values() if arn.startswith(name)), None)

    def task_definition(self, reference: str) -> KnownDefinition | None:
        found = find_task_definition(self._region, reference) if self._region is not None and reference else None
        if found is None:
            return None
        task_role, execution_role = map(found.members.get, ROLES)
        return KnownDefinition(arn=found.arn, task_role=task_role, execution_role=execution_role)
