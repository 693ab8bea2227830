"""What a container is told besides its definition: the variables that ECS adds."""

MIB = 1024 * 1024


def ecs_variables(region: str) -> dict[str, str]:
    """What ECS puts into every container of a Fargate task, below what the definition says."""
    return {"AWS_EXECUTION_ENV": "AWS_ECS_FARGATE", "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
