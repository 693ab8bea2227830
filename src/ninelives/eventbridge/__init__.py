"""EventBridge's delivery: from the outbox through the rules' patterns to their targets."""

from ninelives.eventbridge.bus import EventBridge
from ninelives.eventbridge.patterns import InvalidPattern, check_pattern, matches
from ninelives.eventbridge.rules import Rules
from ninelives.eventbridge.targets import Targets

__all__ = ["EventBridge", "InvalidPattern", "Rules", "Targets", "check_pattern", "matches"]
