"""Application Auto Scaling: scalable targets, policies and schedules that change desired counts by the API of ECS."""
