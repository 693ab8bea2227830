"""Physical names, as CloudFormation makes them where a template gives none. Pure: the random part is an argument.

Source: "AWS CloudFormation template reference", "Name type".
"""

SUFFIX_LENGTH = 12


def physical_name(stack_name: str, logical_id: str, suffix: str, *, limit: int = 255, is_lower: bool = False) -> str:
    """``stack-logicalid-SUFFIX`` in at most ``limit`` characters; what is too long loses from the stack's name and logical id.

    >>> physical_name("cats", "LogGroup", "1A2B3C4D5E6F")
    'cats-LogGroup-1A2B3C4D5E6F'
    >>> physical_name("a-stack-with-a-long-name", "LoadBalancer", "1A2B3C4D5E6F", limit=32)
    'a-stack-w-LoadBalan-1A2B3C4D5E6F'
    >>> physical_name("Cats", "Bucket", "1A2B3C4D5E6F", is_lower=True)
    'cats-bucket-1a2b3c4d5e6f'
    """
    room = limit - len(suffix) - 2
    if len(stack_name) + len(logical_id) > room:
        kept = min(len(logical_id), max(room - len(stack_name), room // 2))
        stack_name, logical_id = stack_name[: room - kept], logical_id[:kept]
    parts = [part.strip("-") for part in (stack_name, logical_id, suffix)]
    name = "-".join(part for part in parts if part)
    return name.lower() if is_lower else name
