"""boto3's clients as far as the release tool uses them, over a bench's operations in process."""

from types import SimpleNamespace
from typing import Any

import botocore
from botocore.exceptions import ClientError
from ecs_world import PLACE
from scaling_bench import ScalingBench

from ninelives.api.service_model import load_service
from ninelives.deploy.aws import Aws
from ninelives.model.errors import ApiError


class InProcessClient:
    def __init__(self, bench: ScalingBench, service: str) -> None:
        self._bench = bench
        self._service = service
        self._names = {botocore.xform_name(name): name for name in load_service(service).operation_names}
        self.exceptions = SimpleNamespace(ClusterNotFoundException=ClientError)

    def __getattr__(self, name: str) -> Any:
        operation = self._names[name]

        def ask(**parameters: Any) -> Any:
            self._bench.asked.append(operation)
            try:
                return dict(self._bench.runner.run(self._bench.in_process(self._service, operation, parameters)))
            except ApiError as error:
                told: Any = {"Error": {"Code": error.code, "Message": error.message}}
                raise ClientError(told, operation) from error

        return ask


def aws_of(bench: ScalingBench) -> Aws:
    return Aws(lambda service: InProcessClient(bench, service), region=PLACE.region, is_local=True)
