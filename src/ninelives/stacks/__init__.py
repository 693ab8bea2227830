"""The CloudFormation engine: templates resolved purely, resources made through the region's own API operations.

**How a resource type is written.** A type is a class in ``stacks/types/``, one file for each AWS service, derived from
``ResourceType``; an instance of it stands in ``stacks/types/__init__.py``. It says how the operations of the AWS API make,
change, read and remove one resource, and nothing else:

- ``create`` makes it and answers its physical id (what ``Ref`` gives). ``request.properties`` are resolved, valid by the
  schema and of the schema's types. ``request.name()`` is the name that CloudFormation would make for it.
  Where more than one call makes it, ``request.made(physical_id)`` after the first: what is half made is then rolled back.
- ``attributes`` answers what ``Fn::GetAtt`` gives, all names of the schema's read-only properties. It is asked after each
  ``create`` and ``update``.
- ``is_stable`` is asked until it says yes, for what takes its time (a service that becomes steady).
- ``update`` changes in place what ``request.changed`` names. What the schema calls create-only never gets there: the engine
  makes a new resource, and deletes the old one when all is well. ``replacement`` may say otherwise.
- ``delete`` removes it; an error that says it is not there is as good. ``is_gone`` is asked until it says yes.
- ``read`` answers the live properties, for drift; None where the resource is not there.
- ``find`` answers the physical id of what an interrupted ``create`` may have made already (the control plane was killed
  between the call and its record): by the name, which stays the same, or by a tag with ``request.token``. None: nothing.
  It must not find what somebody else made: what bears the tag ``aws:cloudformation:stack-id`` of this stack is its own.

Everything goes through ``request.call(service, operation, parameters)``: botocore's names, parameters and answers; what is
refused raises ``ApiError``, and need not be caught, for the engine tells it as CloudFormation does. ``ResourceFailed`` is for
reasons that no API says. The stack's tags are in ``request.tags``; ``request.all_tags()`` has the resource's own over them.

A new type gets its schema by ``scripts/resource_schemas.py``, which takes it from the published ones.
"""

from ninelives.stacks.catalogue import Catalogue
from ninelives.stacks.engine import Engine
from ninelives.stacks.resource_type import AwsCall, Replacement, Request, ResourceFailed, ResourceType
from ninelives.stacks.store import StackStore

__all__ = [
    "AwsCall",
    "Catalogue",
    "Engine",
    "Replacement",
    "Request",
    "ResourceFailed",
    "ResourceType",
    "StackStore",
]
