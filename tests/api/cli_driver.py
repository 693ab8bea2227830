"""Runs an AWS CLI's own entry again and again in one process of the CLI's own Python: a line of JSON in, one out.

In: the arguments. Out: the exit code, what was printed and what was complained about. The first line out tells which
operations the CLI's models have, by service. Importing the CLI takes most of the time of a call.
"""

import contextlib
import io
import json
import sys

from awscli.clidriver import create_clidriver  # type: ignore[import-untyped]  # it has no stubs

answers = sys.stdout
driver = create_clidriver()
SERVED = ("ecs", "elbv2", "cloudwatch", "events", "application-autoscaling", "ecr")
models = {name: driver.session.get_service_model(name) for name in SERVED}
answers.write(json.dumps({name: sorted(model.operation_names) for name, model in models.items()}) + "\n")
answers.flush()


class Capture(io.TextIOWrapper):
    """Text that is kept; the CLI may write bytes to ``buffer``."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def kept(self) -> str:
        return str(self.buffer.getvalue().decode())  # type: ignore[attr-defined]


for line in sys.stdin:
    out, err = Capture(), Capture()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = driver.main(json.loads(line))
        except SystemExit as ended:
            code = ended.code
    answers.write(json.dumps([code, out.kept(), err.kept()]) + "\n")
    answers.flush()
