"""Short names, so that a transcript can be read."""

TASK_ID_LENGTH = 32


def short(name: str) -> str:
    """The last part of an ARN or key, no longer than is needed to know it again.

    >>> short("arn:aws:ecs:eu-west-1:123456789012:task/c/0f3d5a7c9e1b2d4f6a8c0e2f4a6b8c0d")
    '0f3d5a7c9e1b'
    >>> short("arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/cats-0/0123#172.17.0.1#8080")
    'cats-0 172.17.0.1#8080'
    """
    group, hash_sign, target = name.partition("#")
    if hash_sign and ":targetgroup/" in group:
        return f"{group.rsplit('/', 2)[1]} {target}"
    last = name.rsplit("/", 1)[-1]
    return last[:12] if len(last) == TASK_ID_LENGTH else last
