"""Every place where the region leans on moto's internals, moto 5.2.5's; each has a test of its own.

Requests go to moto's response classes as its in-process mocks send them (``moto.core.request.Request`` and the URL tables),
not through ``moto.server``: no Flask, no folder listing for each request. moto has no locks: one thread at a time.
Importing this module imports moto; nothing else in the region does.
"""

import copyreg
import importlib
import io
import json
import marshal
import os
import pickle
import re
import threading
import types
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from urllib.parse import unquote_plus

os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # Each of its 500 images would stand in every snapshot.

import botocore.session
from botocore.model import ServiceModel
from moto import backends, settings
from moto.backend_index import backend_url_patterns
from moto.core.base_backend import AccountSpecificBackend, BackendDict, BaseBackend
from moto.core.common_models import BaseModel
from moto.core.exceptions import HTTPException
from moto.core.request import Request
from moto.core.responses import BaseResponse
from moto.core.utils import get_service_model
from moto.utilities import utils as utilities

from ninelives.api.authorization.records import AccountRecords, Identity, NamedDocument, OidcProvider, UserKey
from ninelives.api.moto_records import BackendKey
from ninelives.api.wire import WireRequest
from ninelives.model.arns import Place

settings.ACM_VALIDATION_WAIT = 0  # A certificate is issued when it is first looked at, not 60 s later.

HOST_LABELS: Final = {
    "budgets": "budgets",
    "eventbridge": "events",
    "iotdata": "data-ats.iot",
    "memorydb": "memory-db",
    "mobiletargeting": "pinpoint",
    "payment-cryptography": "controlplane.payment-cryptography",
    "sagemaker": "api.sagemaker",
}
"""Host names of services where they are not the signing name. Source: botocore's endpoints."""

GLOBAL_REGION: Final = "aws"
"""Where moto keeps what has no region: IAM, STS, S3, Route 53."""

Handler = Callable[[Any, str, Any], tuple[int, Mapping[str, Any], Any]]


class NoSuchRoute(Exception):
    """moto has no backend or no handler for a request; ``what`` names it."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return self.what


@dataclass(frozen=True, slots=True)
class MotoAnswer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def stop_tracking_instances() -> None:
    """Let models die: moto appends every instance to a list of its class, for ever, for a dashboard that is not served."""

    def new(cls: type[Any], *_: object, **__: object) -> Any:
        return object.__new__(cls)

    BaseModel.__new__ = new


def silence_warnings() -> None:
    """Keep moto's warnings from the user: it warns of every error code that its models lack."""
    warnings.filterwarnings("ignore", module=r"moto\..*")


def load_offerings_of(region: str) -> None:
    """Leave out which EC2 instance types other regions offer: moto loads all of them, 47 MB, when EC2 is imported.

    Without effect if EC2 was imported before.
    """
    load = cast("Any", utilities.load_resource)
    if isinstance(load, _OfferingsLoader):
        load.regions.add(region)
    else:
        utilities.load_resource = _OfferingsLoader(load, {region})


@dataclass(frozen=True, slots=True)
class _OfferingsLoader:
    load: Callable[[str], Any]
    regions: set[str]

    def __call__(self, path: str) -> Any:
        folder, _, name = path.rpartition("/")
        if "instance_type_offerings" in folder and name.partition(".")[0] not in self.regions:
            return []
        return self.load(path)


def decide_at_the_door() -> None:
    """Let moto's S3 leave bucket policies to the door: it reads no conditions, so that a denial of plain HTTP denies all."""
    from moto.iam.access_control import PermissionResult
    from moto.s3.models import FakeBucket

    FakeBucket.get_permission = lambda *_: PermissionResult.PERMITTED


ADAPTED: Final = {"s3": decide_at_the_door}
"""What is to be done to a backend before it is used first, by its name."""


def read_json_as_json() -> None:
    """Take what a request in JSON asks for from its target and its body alone.

    moto reads its body as a form as well, and believes that first: a log line with ``&Action=DeleteLogGroup&`` deletes its
    group.
    """
    setup = cast("Any", BaseResponse.setup_class)
    if hasattr(setup, "reads_forms"):
        return
    get_action = cast("Any", BaseResponse._get_action)  # noqa: SLF001

    def setup_class(self: Any, request: Any, *arguments: Any, **more: Any) -> None:
        setup(self, request, *arguments, **more)
        if "x-amz-target" in request.headers:
            self.querystring = self.data = {}

    def _get_action(self: Any) -> str:
        target = self.headers.get("x-amz-target")
        return str(target).rpartition(".")[2] if target else cast("str", get_action(self))

    setup_class.reads_forms = setup  # type: ignore[attr-defined]  # so that it is done once
    cast("Any", BaseResponse).setup_class = setup_class
    cast("Any", BaseResponse)._get_action = _get_action  # noqa: SLF001


AWS_POLICY: Final = re.compile(r"arn:aws[\w-]*:iam::aws:policy/(?:[\w+=,.@-]+/)*(?P<name>[\w+=,.@-]+)")


def bring_aws_policies(iam: Any, body: bytes) -> None:
    """Give IAM the policies of AWS that a request names: all of them, as moto can load them, would stand in every snapshot."""
    wanted = {found["name"] for found in AWS_POLICY.finditer(unquote_plus(body.decode(errors="replace")))}
    known = {policy.name for policy in iam.aws_managed_policies}
    if wanted <= known:
        return
    from moto.iam.aws_managed_policies import aws_managed_policies_data
    from moto.iam.models import AWSManagedPolicy

    published = json.loads(aws_managed_policies_data)
    for name in sorted((wanted - known) & published.keys()):
        policy = AWSManagedPolicy.from_data(name, iam.account_id, iam.region_name, published[name])
        iam.aws_managed_policies.append(policy)
        iam.managed_policies[policy.arn] = policy


def find_regions_without_models() -> None:
    """Answer where EC2 is from botocore's list of endpoints alone, read once.

    When EC2 is imported, moto asks three sessions of its own, and each reads the list anew and EC2's whole model, for the
    prefix ``ec2``: 33 MB that stay, and a third of a second.
    """
    session = cast("Any", botocore.session.Session)
    if hasattr(session.get_available_regions, "asks_models"):
        return
    asks_models = session.get_available_regions

    def get_available_regions(
        self: Any, service_name: str, partition_name: str = "aws", allow_non_regional: bool = False
    ) -> list[str]:
        if service_name != "ec2":
            return cast("list[str]", asks_models(self, service_name, partition_name, allow_non_regional))
        shared = cast("Any", AccountSpecificBackend.get_session())._session  # noqa: SLF001 the one that moto keeps
        endpoints = shared.get_component("endpoint_resolver")
        return cast("list[str]", endpoints.get_available_endpoints("ec2", partition_name, allow_non_regional))

    get_available_regions.asks_models = asks_models  # type: ignore[attr-defined]  # so that it is done once
    session.get_available_regions = get_available_regions


stop_tracking_instances()
silence_warnings()
find_regions_without_models()
read_json_as_json()


def service_model(service: str) -> ServiceModel:
    """Botocore's model of a service as moto has read it: EC2's alone takes 14 MB."""
    return cast("ServiceModel", get_service_model(service))


def backend_name_of(url: str) -> str:
    """The moto backend that answers a URL in AWS's own spelling. Raises ``NoSuchRoute``."""
    for name, pattern in backend_url_patterns:
        if pattern.match(url):
            return str(name)
    raise NoSuchRoute(url)


def aws_host(service: str, region: str, request: WireRequest) -> str:
    """The host that AWS serves a signed request at, for moto routes by host."""
    if service == "budgets":
        return "budgets.amazonaws.com"
    if service == "dynamodb" and (request.target or "").startswith("DynamoDBStreams"):
        return f"streams.dynamodb.{region}.amazonaws.com"
    if service == "timestream":
        label = "query" if (request.target or "").endswith(("Query", "DescribeEndpoints")) else "ingest"
        return f"{label}.timestream.{region}.amazonaws.com"
    if service == "s3" and request.raw_path.startswith("/v20180820/"):
        return f"{request.headers.get('x-amz-account-id', '0')}.s3-control.{region}.amazonaws.com"
    return f"{HOST_LABELS.get(service, service)}.{region}.amazonaws.com"


class Moto:
    """moto's records for one account. Not safe between threads."""

    def __init__(self, place: Place) -> None:
        load_offerings_of(place.region)
        self._place = place
        self._routes: dict[str, list[tuple[re.Pattern[str], Handler]]] = {}

    def respond(self, service: str, region: str, request: WireRequest) -> tuple[BackendKey, MotoAnswer]:
        """The answer and the backend that gave it. Raises ``NoSuchRoute``, and whatever moto raises."""
        base = f"https://{aws_host(service, region, request)}"
        name = backend_name_of(base)
        url = base + request.raw_path
        handler = self._handler(name, region, url)
        if name == "iam":
            bring_aws_policies(cast("Any", self.backend(BackendKey("iam", GLOBAL_REGION))), request.body)
        if request.query_string:
            url += f"?{request.query_string}"
        arrived = Request.from_primitives(request.method, url, self._headers(request), request.body)
        arrived.environ["RAW_URI"] = url
        try:
            status, headers, body = handler(arrived, arrived.raw_url, arrived.headers)
        except HTTPException as error:
            status, headers, body = error.code or 500, dict(error.get_headers()), error.get_body()
        return BackendKey(name, self._region_in(name, region)), _answer(status, headers, body)

    def _headers(self, request: WireRequest) -> dict[str, str]:
        """The request's headers, the account set, and no region in the user agent: moto would believe it."""
        headers = dict(request.headers)
        headers["x-moto-account-id"] = self._place.account
        headers["user-agent"] = headers.get("user-agent", "").replace("region/", "region-")
        return headers

    def _handler(self, name: str, region: str, url: str) -> Handler:
        if name not in self._routes:
            if name in ADAPTED:
                ADAPTED[name]()
            backend = self.backend(BackendKey(name, self._region_in(name, region)))
            self._routes[name] = [(re.compile(pattern), handler) for pattern, handler in backend.urls.items()]
        for pattern, handler in self._routes[name]:
            if pattern.match(url):
                return handler
        raise NoSuchRoute(url)

    def _region_in(self, name: str, region: str) -> str:
        account_backends = cast("Any", backends.get_backend(name))[self._place.account]
        if region in account_backends:
            return region
        if GLOBAL_REGION in account_backends:
            return GLOBAL_REGION
        raise NoSuchRoute(f"{name} in {region}")

    def backend(self, key: BackendKey) -> BaseBackend:
        """A backend, made if it is not there yet. Raises ``NoSuchRoute``."""
        try:
            return cast("BaseBackend", cast("Any", backends.get_backend(key.name))[self._place.account][key.region])
        except KeyError as error:
            raise NoSuchRoute(f"{key.name} in {key.region}") from error

    def loaded(self) -> Iterator[tuple[BackendKey, BaseBackend]]:
        """Every backend of the account that exists now."""
        for backend_dict in list(BackendDict._instances):  # noqa: SLF001 moto's own list of what is in use
            name = backend_dict.service_name
            try:
                if backends.get_backend(name) is not backend_dict:
                    continue
            except (ImportError, AttributeError):
                continue
            for account, region, backend in list(backend_dict.iter_backends()):
                if account == self._place.account:
                    yield BackendKey(name, region), backend

    def dump(self, key: BackendKey) -> bytes:
        """A backend's records; other backends that it refers to are named, not copied."""
        out = io.BytesIO()
        _Pickler(out, self).dump(self.backend(key).__dict__)
        return out.getvalue()

    def restore(self, key: BackendKey, dumped: bytes) -> None:
        """Put a backend's records back, into the backend that others may refer to already."""
        records = _Unpickler(io.BytesIO(dumped), self).load()
        backend = self.backend(key)
        backend.__dict__.clear()
        backend.__dict__.update(records)


def _answer(status: int, headers: Mapping[str, Any], body: Any) -> MotoAnswer:
    raw = body.encode() if isinstance(body, str) else bytes(body or b"")
    kept = {str(name).lower(): str(value) for name, value in headers.items()}
    for hop in ("status", "connection", "transfer-encoding", "date"):
        kept.pop(hop, None)
    return MotoAnswer(int(status), kept, raw)


class _Pickler(pickle.Pickler):
    """Names other backends instead of copying them, takes local functions along, and forgets locks."""

    def __init__(self, out: io.BytesIO, owner: Moto) -> None:
        super().__init__(out, protocol=5)
        self._names = {id(backend): key for key, backend in owner.loaded()}
        self.dispatch_table = copyreg.dispatch_table.copy()
        self.dispatch_table[type(threading.Lock())] = lambda _: (threading.Lock, ())
        self.dispatch_table[type(threading.RLock())] = lambda _: (threading.RLock, ())

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, BaseBackend) and id(obj) in self._names:
            key = self._names[id(obj)]
            return (key.name, key.region)
        return None

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, types.FunctionType) and "<locals>" in obj.__qualname__:
            cells = tuple(cell.cell_contents for cell in obj.__closure__ or ())
            return _function_again, (obj.__module__, marshal.dumps(obj.__code__), obj.__defaults__, cells)
        if isinstance(obj, defaultdict) and type(obj) is not defaultdict:
            state = (obj.default_factory, dict(obj), obj.__dict__)
            return copyreg.__newobj__, (type(obj),), state, None, None, _fill_again  # type: ignore[attr-defined]
        if type(obj).__module__ == "moto.acm.models" and type(obj).__name__ == "CertBundle":
            # What moto has parsed of a certificate and its key cannot be pickled; both stand beside it as text.
            text = {name: value for name, value in obj.__dict__.items() if name not in {"_key", "_cert"}}
            return copyreg.__newobj__, (type(obj),), text, None, None, _parse_again  # type: ignore[attr-defined]
        return NotImplemented


def _function_again(module: str, code: bytes, defaults: tuple[Any, ...] | None, cells: tuple[Any, ...]) -> types.FunctionType:
    """A function that moto made inside another one, such as the factory of a ``defaultdict``."""
    names = vars(importlib.import_module(module))
    return types.FunctionType(marshal.loads(code), names, None, defaults, tuple(map(types.CellType, cells)))  # noqa: S302 our own file


def _fill_again(made: Any, state: tuple[Any, dict[Any, Any], dict[str, Any]]) -> None:
    """Fill a ``defaultdict`` of moto's own, whose ``__init__`` asks for more than pickle knows."""
    made.default_factory, items, members = state
    dict.update(made, items)
    made.__dict__.update(members)


def _parse_again(made: Any, state: dict[str, Any]) -> None:
    """Whether a certificate has expired meanwhile is not asked."""
    from cryptography.x509 import load_pem_x509_certificate

    made.__dict__.update(state)
    made._key = made.validate_pk()  # noqa: SLF001
    made._cert = load_pem_x509_certificate(made.cert)  # noqa: SLF001


class _Unpickler(pickle.Unpickler):
    def __init__(self, source: io.BytesIO, owner: Moto) -> None:
        super().__init__(source)
        self._owner = owner

    def persistent_load(self, pid: tuple[str, str]) -> BaseBackend:
        return self._owner.backend(BackendKey(*pid))


def key_pair_of(owner: Moto, arn: str) -> tuple[str, str] | None:
    """A server certificate of ACM or IAM with those that lead to its issuer, and its private key; PEM."""
    kind, region = (arn.split(":") + [""] * 6)[2:4]
    if kind == "acm":
        from moto.acm.models import AWS_ROOT_CA

        found = cast("Any", owner.backend(BackendKey("acm", region)))._certificates.get(arn)  # noqa: SLF001 no operation tells it
        # moto adds Amazon's root to every chain; who has imported a certificate has not.
        parts = (found.cert, found.chain.replace(AWS_ROOT_CA, b""), found.key) if found is not None else None
    elif kind == "iam":
        found = cast("Any", owner.backend(BackendKey("iam", GLOBAL_REGION))).get_certificate_by_arn(arn)
        parts = (found.cert_body, found.cert_chain, found.private_key) if found is not None else None
    else:
        return None
    if parts is None:
        return None
    certificate, chain, key = (part.decode() if isinstance(part, bytes) else part or "" for part in parts)
    return "\n".join(part.strip() for part in (certificate, chain) if part.strip()) + "\n", key


def archive_event(owner: Moto, region: str, archive: str, event: Mapping[str, Any]) -> None:
    """Add an event to an archive, which moto's rule for it names as ``ARN:uuid``; one that is gone takes none.

    moto keeps the time of an archived event as seconds since the epoch.
    """
    name, _, uuid = archive.rpartition("archive/")[2].rpartition(":")
    found = cast("Any", owner.backend(BackendKey("events", region))).archives.get(name)
    if found is not None and found.uuid == uuid:
        time = datetime.fromisoformat(event["time"])
        found.events.append({**event, "time": time.timestamp()})


def account_records_of(owner: Moto, region: str) -> AccountRecords:
    """What decides in IAM, and the policies on resources of those backends that are in use."""
    iam = cast("Any", owner.backend(BackendKey("iam", GLOBAL_REGION)))
    managed = {arn: _text(_default_version(policy)) for arn, policy in iam.managed_policies.items()}
    users = {user.name: _user(iam, user, managed) for user in iam.users.values()}
    roles = {role.arn: _role(role, managed) for role in iam.roles.values()}
    keys = {
        key.access_key_id: UserKey(user=user.name, secret=key.secret_access_key, is_active=key.status == "Active")
        for user in iam.users.values()
        for key in user.access_keys
    }
    providers = [
        OidcProvider(arn=one.arn, issuer=one.url.rstrip("/"), audiences=tuple(one.client_id_list))
        for one in iam.open_id_providers.values()
    ]
    arns = {("role", one.name): one.arn for one in roles.values()} | {("user", one.name): one.arn for one in users.values()}
    arns |= {("group", group.name): group.arn for group in iam.groups.values()}
    arns |= {("instance-profile", name): one.arn for name, one in iam.instance_profiles.items()}
    return AccountRecords(
        users=users,
        roles=roles,
        keys=keys,
        providers={one.issuer: one for one in providers},
        managed=managed,
        arns=arns,
        tags={one.arn: one.tags for one in [*users.values(), *roles.values()]},
        secrets=_secret_arns(owner, region),
        resource_policies=_resource_policies(owner, region),
    )


def _user(iam: Any, user: Any, managed: Mapping[str, str]) -> Identity:
    tags = iam.tagger.list_tags_for_resource(user.arn).get("Tags", [])
    groups = [group for group in iam.groups.values() if user in group.users]
    return Identity(
        name=user.name,
        arn=user.arn,
        id=user.id,
        tags={tag["Key"]: tag["Value"] for tag in tags},
        policies=tuple(found for one in (user, *groups) for found in _policies_of(one, managed)),
        boundary=_boundary(getattr(user, "permissions_boundary_arn", None), managed),
    )


def _role(role: Any, managed: Mapping[str, str]) -> Identity:
    return Identity(
        name=role.name,
        arn=role.arn,
        id=role.id,
        tags={tag["Key"]: tag["Value"] for tag in role.tags or ()},
        policies=tuple(_policies_of(role, managed)),
        boundary=_boundary(role.permissions_boundary_arn, managed),
        trust=_text(role.assume_role_policy_document or "{}"),
        max_session_seconds=int(role.max_session_duration or 3600),
    )


def _policies_of(holder: Any, managed: Mapping[str, str]) -> Iterator[NamedDocument]:
    """Inline policies stand by name in ``policies``, managed ones by ARN in ``managed_policies``."""
    for name, document in holder.policies.items():
        yield NamedDocument(name=name, document=_text(document))
    for arn, policy in holder.managed_policies.items():
        yield NamedDocument(name=arn, document=managed.get(arn) or _text(_default_version(policy)))


def _boundary(arn: str | None, managed: Mapping[str, str]) -> NamedDocument | None:
    """A boundary that is gone allows nothing."""
    return NamedDocument(name=arn, document=managed.get(arn, "")) if arn else None


def _default_version(policy: Any) -> Any:
    # ``update_default_version`` marks a version in a member that nothing reads; the policy's own word is right.
    return next((one.document for one in policy.versions if one.version_id == policy.default_version_id), "")


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


def _secret_arns(owner: Moto, region: str) -> dict[str, str]:
    return {secret.name: secret.arn for secret in _secrets(owner, region)}


def _secrets(owner: Moto, region: str) -> list[Any]:
    backend = _loaded(owner, "secretsmanager", region)
    return [] if backend is None else list(dict.values(backend.secrets))


def _resource_policies(owner: Moto, region: str) -> dict[str, str]:
    """Of buckets, queues, topics and secrets that have one."""
    found: dict[str, Any] = {secret.arn: getattr(secret, "policy", None) for secret in _secrets(owner, region)}
    buckets, queues, topics = (_loaded(owner, name, region) for name in ("s3", "sqs", "sns"))
    if buckets is not None:
        found |= {f"arn:aws:s3:::{name}": bucket.policy for name, bucket in buckets.buckets.items()}
    if queues is not None:
        found |= {queue.queue_arn: queue.policy for queue in queues.queues.values()}
    if topics is not None:
        found |= {arn: topic.policy for arn, topic in topics.topics.items()}
    return {arn: text.decode() if isinstance(text, bytes) else text for arn, text in found.items() if text}


def _loaded(owner: Moto, name: str, region: str) -> Any:
    """A backend that is in use; None for one that is not, which is not made for that."""
    return next((one for key, one in owner.loaded() if key.name == name and key.region in {region, GLOBAL_REGION}), None)
