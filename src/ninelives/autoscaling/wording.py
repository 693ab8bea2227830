"""What scaling activities say, in Application Auto Scaling's words.

Source: user guide, "Scaling activities for Application Auto Scaling", and the examples of ``DescribeScalingActivities``.
"""

from ninelives.model.scaling import ScalableTarget, ScalingActivity, ScheduledAction

ATTEMPT = "Attempting to scale due to alarm triggered"


def setting(capacity: int) -> str:
    return f"Setting desired count to {capacity}."


def waiting(capacity: int) -> str:
    return f"Successfully set desired count to {capacity}. Waiting for change to be fulfilled by ecs."


def fulfilled(capacity: int) -> str:
    return f"Successfully set desired count to {capacity}. Change successfully fulfilled by ecs."


def overridden(capacity: int, found: int) -> str:
    return f"Successfully set desired count to {capacity}. It was then set to {found} by another request."


def unfulfilled(capacity: int) -> str:
    return f"Successfully set desired count to {capacity}. Change was not fulfilled by ecs."


def failed(capacity: int, reason: str) -> str:
    return f"Failed to set desired count to {capacity}. Reason: {reason}"


def bound_cause(target: ScalableTarget, desired: int) -> str:
    """Why a count that its target's bounds do not allow is changed."""
    if desired < target.min_capacity:
        return f"minimum capacity was set to {target.min_capacity}"
    return f"maximum capacity was set to {target.max_capacity}"


def scheduled_cause(action: ScheduledAction) -> str:
    return f"scheduled action name {action.name} was triggered"


def setting_bounds(action: ScheduledAction) -> str:
    """What a scheduled action sets: both bounds, or the one that it names.

    >>> from datetime import datetime
    >>> action = ScheduledAction(arn="", name="n", resource_id="", schedule="", created_at=datetime.min, min_capacity=5)
    >>> setting_bounds(action)
    'Setting min capacity to 5'
    """
    return f"Setting {_bounds(action)}"


def set_bounds(action: ScheduledAction) -> str:
    return f"Successfully set {_bounds(action)}"


def _bounds(action: ScheduledAction) -> str:
    named = [("min", action.min_capacity), ("max", action.max_capacity)]
    return " and ".join(f"{bound} capacity to {value}" for bound, value in named if value is not None)


def direction(activity: ScalingActivity) -> str:
    """As EventBridge is told it."""
    return "scale-in" if activity.is_scale_in else "scale-out"
