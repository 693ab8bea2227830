"""Application Auto Scaling: scalable targets, policies, scheduled actions and activities, and what carries them out."""

from ninelives.autoscaling.alarms import alarm_names
from ninelives.autoscaling.database import open_scaling
from ninelives.autoscaling.ports import Neighbours
from ninelives.autoscaling.scaler import AutoScaling, service_of, zone_of

__all__ = ["AutoScaling", "Neighbours", "alarm_names", "open_scaling", "service_of", "zone_of"]
