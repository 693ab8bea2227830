"""Rehearse, deploy and prove zero-downtime releases on Amazon ECS."""

__version__ = "0.1.0"
