"""What `status` prints of the last deployment: nothing where all is well, else its cause or its warnings, and what to do."""

import pytest

from ninelives.cli.status import last_deployment_lines
from ninelives.deploy.diagnosis import Diagnosis
from ninelives.deploy.status import LastDeployment
from ninelives.deploy.verdict import Outcome, Verdict

CRASHES = Diagnosis(code="exits", cause="The container exits.", next_step="Read what it wrote.")


def last(outcome: Outcome | None, diagnosis: Diagnosis | None = None, *warnings: Diagnosis) -> LastDeployment:
    return LastDeployment(
        arn="arn:aws:ecs:r:a:service-deployment/c/cats/1",
        status="",
        version="2.0.1",
        verdict=Verdict(outcome=outcome, reason="ECS says so") if outcome is not None else None,
        diagnosis=diagnosis,
        warnings=warnings,
    )


@pytest.mark.parametrize(
    ("one", "lines"),
    [
        (last(Outcome.SUCCEEDED), []),
        (last(None), []),
        (
            last(Outcome.ROLLED_BACK, CRASHES),
            ["last deployment: 2.0.1 rolled back", "  Cause: The container exits.", "  Next:  Read what it wrote."],
        ),
        (last(Outcome.ROLLED_BACK), ["last deployment: 2.0.1 rolled back", "  Cause: ECS says so"]),
        (
            last(None, CRASHES),
            ["last deployment: 2.0.1 under way", "  Cause: The container exits.", "  Next:  Read what it wrote."],
        ),
        (
            last(Outcome.SUCCEEDED, None, CRASHES),
            ["last deployment: 2.0.1 succeeded", "  Warning: The container exits.", "  Next:  Read what it wrote."],
        ),
    ],
)
def test_lines(one: LastDeployment, lines: list[str]) -> None:
    assert lines == list(last_deployment_lines(one))
