"""CloudWatch Logs. Source: ``logs`` 2014-03-28."""

from collections.abc import Mapping
from typing import Any, Final

from ninelives.stacks.resource_type import Request, ResourceType


class LogGroup(ResourceType):
    name = "AWS::Logs::LogGroup"

    async def create(self, request: Request) -> str:
        properties = request.properties
        name: str = properties.get("LogGroupName") or request.name(512)
        given = {
            "logGroupName": name,
            "kmsKeyId": properties.get("KmsKeyId"),
            "logGroupClass": properties.get("LogGroupClass"),
        }
        created = {key: value for key, value in given.items() if value is not None}
        await request.call("logs", "CreateLogGroup", created | {"tags": request.all_tags()})
        if "RetentionInDays" in properties:
            await self._retain(request, name)
        return name

    async def find(self, request: Request) -> str | None:
        name = request.properties.get("LogGroupName") or request.name(512)
        return name if await self._described(request, name) else None

    async def update(self, request: Request) -> None:
        if "RetentionInDays" in request.changed:
            await self._retain(request, request.physical_id)

    async def _retain(self, request: Request, name: str) -> None:
        days = request.properties.get("RetentionInDays")
        if days is None:
            await request.call("logs", "DeleteRetentionPolicy", {"logGroupName": name})
        else:
            await request.call("logs", "PutRetentionPolicy", {"logGroupName": name, "retentionInDays": days})

    async def delete(self, request: Request) -> None:
        await request.call("logs", "DeleteLogGroup", {"logGroupName": request.physical_id})

    async def attributes(self, request: Request) -> Mapping[str, Any]:
        return {"Arn": request.place.arn("logs", f"log-group:{request.physical_id}:*")}

    async def read(self, request: Request) -> Mapping[str, Any] | None:
        found = await self._described(request, request.physical_id)
        if found is None:
            return None
        return {"LogGroupName": found["logGroupName"], "RetentionInDays": found.get("retentionInDays")}

    async def _described(self, request: Request, name: str) -> Mapping[str, Any] | None:
        answer = await request.call("logs", "DescribeLogGroups", {"logGroupNamePrefix": name})
        return next((group for group in answer["logGroups"] if group["logGroupName"] == name), None)


TYPES: Final = (LogGroup(),)
