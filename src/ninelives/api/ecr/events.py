"""What ECR tells EventBridge: an image was pushed, or deleted.

Source: ECR user guide, "Sample events from Amazon ECR".
"""

from ninelives.model.events import Happening
from ninelives.registry import ImageAction


def image_action(action: ImageAction) -> Happening:
    """The event of a push or a deletion; ECR tells of each tag by itself, and of an image without tags without one.

    >>> image_action(ImageAction(action="DELETE", repository="cats", digest="sha256:0", tag=None)).detail["action-type"]
    'DELETE'
    """
    tag = {"image-tag": action.tag} if action.tag is not None else {}
    detail = {
        "result": "SUCCESS",
        "repository-name": action.repository,
        "image-digest": action.digest,
        "action-type": action.action,
        **tag,
    }
    return Happening(source="aws.ecr", detail_type="ECR Image Action", resources=(), detail=detail)
