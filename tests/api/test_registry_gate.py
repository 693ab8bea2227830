"""The registry where IAM is enforced: a login is somebody's, and his policies decide of pulls and pushes."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from running_door import PLACE, RunningDoor

from ninelives.api import ecr
from ninelives.api.authorization.credentials import RegionKeys
from ninelives.api.authorization.reference import reference_of
from ninelives.api.authorization.registry_gate import RegistryGate, registry_password
from ninelives.api.call import Call
from ninelives.registry import Registry, registry_app
from ninelives.registry.distribution import ACTIONS

REPOSITORY = f"arn:aws:ecr:eu-west-1:{PLACE.account}:repository/cats"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDoor]:
    from moto.core.base_backend import BackendDict

    BackendDict.reset()
    directory: Path = tmp_path_factory.mktemp("registry")
    running = RunningDoor({}, keys=RegionKeys.new(), guarded=lambda guard: _parts(guard, directory))
    running.root("ecr").create_repository(repositoryName="cats")
    running.root("ecr").create_repository(repositoryName="dogs")
    yield running
    running.stop()
    BackendDict.reset()


def _parts(guard: Any, directory: Path) -> tuple[Mapping[str, Any], Any]:
    registry = Registry(directory, account=PLACE.account, now=guard.now)

    def password(call: Call) -> str:
        assert call.caller is not None

        return registry_password(guard, call.caller)

    operations = ecr.operations(registry, place=PLACE, endpoint="127.0.0.1", now=guard.now, password=password)
    return {"ecr": operations}, registry_app(registry, RegistryGate(guard))


def a_login(door: RunningDoor, name: str, *actions: str, resource: str = "*") -> str:
    """What a user with these permissions logs in with."""
    iam = door.root("iam")
    iam.create_user(UserName=name)
    statement = [
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        *([{"Effect": "Allow", "Action": list(actions), "Resource": resource}] if actions else []),
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    answer = door.client_of(keys, "ecr").get_authorization_token()
    token: str = answer["authorizationData"][0]["authorizationToken"]
    return token


def ask(door: RunningDoor, path: str, token: str | None, method: str = "GET") -> tuple[int, str]:
    headers = {} if token is None else {"Authorization": f"Basic {token}"}
    request = urllib.request.Request(door.url + path, method=method, headers=headers, data=b"" if method == "POST" else None)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, ""
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_nobody_comes_in_without_a_login_of_this_region(door: RunningDoor) -> None:
    forged = base64.b64encode(b"AWS:a-password").decode()

    assert 401 == ask(door, "/v2/", None)[0] == ask(door, "/v2/", forged)[0] == ask(door, "/v2/cats/tags/list", forged)[0]
    assert 200 == ask(door, "/v2/", a_login(door, "ada"))[0]


def test_who_may_only_pull_cannot_push(door: RunningDoor) -> None:
    token = a_login(door, "bea", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", resource=REPOSITORY)
    status, said = ask(door, "/v2/cats/blobs/uploads/", token, "POST")

    assert 404 == ask(door, "/v2/cats/manifests/1", token)[0]  # let in, and not found
    assert 403 == status
    assert json.loads(said)["errors"][0] == {
        "code": "DENIED",
        "message": f"User: arn:aws:iam::{PLACE.account}:user/bea is not authorized to perform: ecr:InitiateLayerUpload on "
        f"resource: {REPOSITORY} because no identity-based policy allows the ecr:InitiateLayerUpload action",
    }
    assert 403 == ask(door, "/v2/dogs/manifests/1", token)[0]


def test_who_may_push_begins_an_upload_and_mounts_only_what_he_may_read(door: RunningDoor) -> None:
    token = a_login(door, "cid", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", resource=REPOSITORY)
    mount = f"/v2/cats/blobs/uploads/?mount=sha256:{'a' * 64}&from=dogs"

    assert 202 == ask(door, "/v2/cats/blobs/uploads/", token, "POST")[0]
    assert 403 == ask(door, mount, token, "POST")[0]


def test_the_policy_of_a_repository_lets_in_too(door: RunningDoor) -> None:
    token = a_login(door, "dan")
    assert 403 == ask(door, "/v2/cats/tags/list", token)[0]

    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{PLACE.account}:user/dan"},
        "Action": "ecr:ListImages",
    }
    door.resource_policies[REPOSITORY] = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    assert 200 == ask(door, "/v2/cats/tags/list", token)[0]


def test_a_login_lasts_twelve_hours(door: RunningDoor) -> None:
    token = a_login(door, "eve")
    door.minutes_on = 12 * 60 + 1
    try:
        status, said = ask(door, "/v2/", token)
    finally:
        door.minutes_on = 0

    assert (403, True) == (status, "Your authorization token has expired" in said)


def test_every_request_to_the_registry_is_an_action_of_ecrs() -> None:
    reference = reference_of("ecr")
    assert reference is not None

    asked = {action.partition(":")[2] for action in ACTIONS.values()}
    assert asked <= reference.actions.keys()
