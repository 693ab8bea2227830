"""``ninelives scale``: the count, its bounds and what is suspended, changed by hand."""

from dataclasses import dataclass
from typing import Any

from ninelives.deploy.errors import DeployError
from ninelives.deploy.observation import see_service
from ninelives.deploy.release import Session
from ninelives.deploy.reports import Act
from ninelives.deploy.scaling import find_target, scaled
from ninelives.deploy.scaling_view import SUSPENSIONS
from ninelives.deploy.service_call import require_service


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleChange:
    """What is to be changed; what is None or empty stays."""

    count: int | None = None
    least: int | None = None
    most: int | None = None
    suspend: tuple[str, ...] = ()
    """Of ``in``, ``out``, ``scheduled``."""
    resume: tuple[str, ...] = ()

    @property
    def is_nothing(self) -> bool:
        return self == ScaleChange()


def scale(session: Session, change: ScaleChange) -> None:
    """Carry out a change. Raises ``DeployError`` where it cannot be, before anything is changed."""
    aws, definition, tell = session.aws, session.definition, session.tell
    file = definition.file
    live = require_service(aws, definition)
    target = find_target(aws, file)
    request: dict[str, Any] = {}
    if target is None and (change.least is not None or change.most is not None or change.suspend or change.resume):
        raise DeployError(
            f"Nothing scales {file.service}: there are no bounds, and nothing to suspend.",
            hint="Write `count: {min: …, max: …}` and `scaling: {cpu: 60%}` into the service file, then deploy.",
        )
    if target is not None:
        least = target["MinCapacity"] if change.least is None else change.least
        most = target["MaxCapacity"] if change.most is None else change.most
        if least > most:
            raise DeployError(f"The fewest tasks ({least}) would be more than the most ({most}).", hint="Set --min and --max.")
        if change.count is not None and not least <= change.count <= most:
            raise DeployError(
                f"A count of {change.count} is outside the bounds, {least} to {most}: scaling would undo it.",
                hint=f"Move the bounds with it: `ninelives scale {change.count} "
                f"{'--min' if change.count < least else '--max'} {change.count}`.",
            )
        states = {SUSPENSIONS[kind]: True for kind in change.suspend} | {SUSPENSIONS[kind]: False for kind in change.resume}
        if change.least is not None or change.most is not None:
            request |= {"MinCapacity": least, "MaxCapacity": most}
        if states:
            request["SuspendedState"] = states
    if request:
        aws.scaling.register_scalable_target(**scaled(file), **request)
        tell(Act.CHANGED, _told(request))
    if change.count is not None:
        now = live["desiredCount"]
        if now == change.count:
            tell(Act.NOTE, f"the count is {now} already")
            return
        aws.ecs.update_service(cluster=file.cluster_name, service=file.service, desiredCount=change.count)
        tell(Act.CHANGED, f"count {now} to {change.count}")


def _told(request: dict[str, Any]) -> str:
    told = [f"{request['MinCapacity']} to {request['MaxCapacity']} tasks"] if "MinCapacity" in request else []
    shorts = {member: short for short, member in SUSPENSIONS.items()}
    for member, is_suspended in request.get("SuspendedState", {}).items():
        told.append(f"{shorts[member]} {'suspended' if is_suspended else 'resumed'}")
    return f"scaling: {', '.join(told)}"


def is_settled(session: Session) -> bool:
    """Whether as many tasks run as are desired, and none is about to come or go."""
    aws, file = session.aws, session.definition.file
    seen = see_service(aws, file.cluster_name, file.service)
    return seen is not None and seen.running_count == seen.desired_count and seen.pending_count == 0
