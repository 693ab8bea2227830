"""What the ECS agent answers to a task's own containers: metadata, statistics, protection and the task role's credentials."""

from ninelives.api.agent.app import Agent, Call, Statistics, agent_app

__all__ = ["Agent", "Call", "Statistics", "agent_app"]
