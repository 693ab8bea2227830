"""ECR as boto3 sees it, with the registry behind it."""

import base64
import hashlib
import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_door import PLACE, RunningDoor

from ninelives.api import ecr
from ninelives.api.service_model import load_service
from ninelives.registry import Registry, errors, registry_app

NOW = datetime(2026, 11, 23, 20, 0, 0, tzinfo=UTC)
ENDPOINT = "127.0.0.1:4566"
MISSING = f"sha256:{'0' * 64}"
OCI_IMAGE = "application/vnd.oci.image.manifest.v1+json"
NOT_FOUND = "The repository with name 'lions' does not exist in the registry with id '111122223333'"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Principal": "*"}]})
LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
                "action": {"type": "expire"},
            }
        ]
    }
)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDoor]:
    """One for all tests: opening it takes longer than most of them."""
    registry = Registry(tmp_path_factory.mktemp("registry"), account=PLACE.account, now=lambda: NOW)
    operations = ecr.operations(registry, place=PLACE, endpoint=ENDPOINT, now=lambda: NOW)
    opened = RunningDoor({"ecr": operations}, registry=registry_app(registry))
    yield opened
    opened.stop()
    registry.close()


@pytest.fixture(scope="module")
def ecr_client(door: RunningDoor) -> Any:
    return door.client("ecr")


@pytest.fixture
def client(ecr_client: Any) -> Any:
    """The client of a registry without repositories."""
    for repository in ecr_client.describe_repositories()["repositories"]:
        ecr_client.delete_repository(repositoryName=repository["repositoryName"], force=True)
    return ecr_client


@pytest.fixture
def cats(client: Any) -> Any:
    """The client, with a repository ``cats``."""
    client.create_repository(repositoryName="cats")
    return client


def refused(call: Callable[[], Any]) -> tuple[str, str]:
    """Code and message of a refusal."""
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def push_layer(client: Any, content: bytes, *, name: str = "cats") -> str:
    begun = client.initiate_layer_upload(repositoryName=name)
    size = begun["partSize"]
    for first in range(0, len(content), size):
        part = content[first : first + size]
        client.upload_layer_part(
            repositoryName=name,
            uploadId=begun["uploadId"],
            partFirstByte=first,
            partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )
    done = client.complete_layer_upload(repositoryName=name, uploadId=begun["uploadId"], layerDigests=[digest_of(content)])
    return str(done["layerDigest"])


def manifest(*layers: bytes) -> str:
    parts = [{"mediaType": "application/any", "digest": digest_of(one), "size": len(one)} for one in layers]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_IMAGE, "config": parts[0], "layers": parts[1:]})


def push_image(client: Any, *layers: bytes, tag: str | None = None, name: str = "cats") -> str:
    """Push an image of a configuration and layers by ECR's API; its digest."""
    for content in layers:
        try:
            push_layer(client, content, name=name)
        except client.exceptions.LayerAlreadyExistsException:
            continue
    given = {} if tag is None else {"imageTag": tag}
    image = client.put_image(repositoryName=name, imageManifest=manifest(*layers), **given)["image"]
    return str(image["imageId"]["imageDigest"])


def test_every_code_is_an_exception_of_ecrs_model() -> None:
    tree = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.RegistryError)]

    assert {kind.ecr_code for kind in tree} <= set(load_service("ecr").errors)


def test_a_repository_is_shown_as_it_was_made(client: Any) -> None:
    made = client.create_repository(
        repositoryName="team/cats",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "dev-*"}],
        imageScanningConfiguration={"scanOnPush": True},
        tags=[{"Key": "team", "Value": "cats"}],
    )["repository"]

    assert made == {
        "repositoryArn": "arn:aws:ecr:eu-west-1:111122223333:repository/team/cats",
        "registryId": "111122223333",
        "repositoryName": "team/cats",
        "repositoryUri": "127.0.0.1:4566/team/cats",
        "createdAt": NOW,
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "dev-*"}],
        "imageScanningConfiguration": {"scanOnPush": True},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }
    assert client.describe_repositories(repositoryNames=["team/cats"])["repositories"] == [made]
    assert client.list_tags_for_resource(resourceArn=made["repositoryArn"])["tags"] == [{"Key": "team", "Value": "cats"}]


def test_repositories_come_in_pages(client: Any) -> None:
    for number in range(5):
        client.create_repository(repositoryName=f"cats{number}")

    pages = client.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2})

    assert [[one["repositoryName"] for one in page["repositories"]] for page in pages] == [
        ["cats0", "cats1"],
        ["cats2", "cats3"],
        ["cats4"],
    ]


@pytest.mark.parametrize(
    ("operation", "parameters", "code", "message"),
    [
        ("create_repository", {"repositoryName": "Cats"}, "InvalidParameterException", "repositoryName"),
        ("create_repository", {"repositoryName": "-cats"}, "InvalidParameterException", "repositoryName"),
        (
            "create_repository",
            {"repositoryName": "cats"},
            "RepositoryAlreadyExistsException",
            "The repository with name 'cats' already exists in the registry with id '111122223333'",
        ),
        (
            "create_repository",
            {"repositoryName": "dogs", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"},
            "InvalidParameterException",
            "imageTagMutabilityExclusionFilters",
        ),
        (
            "create_repository",
            {"repositoryName": "dogs", "tags": [{"Key": "aws:x", "Value": "y"}]},
            "InvalidTagParameterException",
            "aws:x",
        ),
        (
            "create_repository",
            {"repositoryName": "dogs", "tags": [{"Key": str(number), "Value": ""} for number in range(51)]},
            "TooManyTagsException",
            "50",
        ),
        ("describe_repositories", {"repositoryNames": ["cats", "lions"]}, "RepositoryNotFoundException", NOT_FOUND),
        (
            "describe_repositories",
            {"repositoryNames": ["cats"], "registryId": "999988887777"},
            "RepositoryNotFoundException",
            "with id '999988887777'",
        ),
        ("describe_repositories", {"nextToken": "bm90aGluZw=="}, "InvalidParameterException", "nextToken"),
        ("delete_repository", {"repositoryName": "lions"}, "RepositoryNotFoundException", NOT_FOUND),
        ("describe_images", {"repositoryName": "lions"}, "RepositoryNotFoundException", NOT_FOUND),
        (
            "describe_images",
            {"repositoryName": "cats", "imageIds": [{"imageTag": "9"}]},
            "ImageNotFoundException",
            "The image with imageId {imageDigest:'null', imageTag:'9'} does not exist within the repository with name 'cats'",
        ),
        (
            "describe_images",
            {"repositoryName": "cats", "imageIds": [{"imageTag": "9"}], "maxResults": 3},
            "InvalidParameterException",
            "imageIds",
        ),
        ("put_image", {"repositoryName": "cats", "imageManifest": "no JSON"}, "InvalidParameterException", "must be JSON"),
        (
            "put_image",
            {"repositoryName": "cats", "imageManifest": manifest(b"never pushed")},
            "LayersNotFoundException",
            f"Layers with digests '[{digest_of(b'never pushed')}]' required for pushing image into repository with name",
        ),
        (
            "put_image",
            {
                "repositoryName": "cats",
                "imageManifest": json.dumps({"schemaVersion": 2, "manifests": [{"digest": MISSING, "size": 1}]}),
            },
            "ReferencedImagesNotFoundException",
            MISSING,
        ),
        (
            "put_image",
            {"repositoryName": "cats", "imageManifest": manifest(b"{}"), "imageDigest": MISSING},
            "ImageDigestDoesNotMatchException",
            MISSING,
        ),
        (
            "get_download_url_for_layer",
            {"repositoryName": "cats", "layerDigest": MISSING},
            "LayersNotFoundException",
            MISSING,
        ),
        (
            "complete_layer_upload",
            {"repositoryName": "cats", "uploadId": "00000000-0000-4000-8000-000000000000", "layerDigests": [MISSING]},
            "UploadNotFoundException",
            "Upload with id '00000000-0000-4000-8000-000000000000' could not be found",
        ),
        (
            "get_lifecycle_policy",
            {"repositoryName": "cats"},
            "LifecyclePolicyNotFoundException",
            "Lifecycle policy does not exist for the repository with name 'cats' in the registry with id '111122223333'",
        ),
        (
            "delete_repository_policy",
            {"repositoryName": "cats"},
            "RepositoryPolicyNotFoundException",
            "Repository policy does not exist for the repository with name 'cats' in the registry with id '111122223333'",
        ),
        (
            "put_lifecycle_policy",
            {"repositoryName": "cats", "lifecyclePolicyText": '{"rules": [{"rulePriority": 1}]}'.ljust(100)},
            "InvalidParameterException",
            "Lifecycle policy validation failure",
        ),
        (
            "set_repository_policy",
            {"repositoryName": "cats", "policyText": "[]"},
            "InvalidParameterException",
            "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
        ),
        ("tag_resource", {"resourceArn": "arn:aws:s3:::x", "tags": []}, "InvalidParameterException", "resourceArn"),
    ],
)
def test_what_ecr_refuses_is_refused_in_its_words(
    cats: Any, operation: str, parameters: dict[str, Any], code: str, message: str
) -> None:
    if operation == "put_image":
        push_layer(cats, b"{}")

    found, told = refused(lambda: getattr(cats, operation)(**parameters))

    assert found == code
    assert message in told


def test_a_repository_with_images_goes_only_by_force(cats: Any) -> None:
    push_image(cats, b"{}", b"layer", tag="1")

    assert refused(lambda: cats.delete_repository(repositoryName="cats")) == (
        "RepositoryNotEmptyException",
        (
            "The repository with name 'cats' in registry with id '111122223333' cannot be deleted "
            "because it still contains images"
        ),
    )
    assert cats.delete_repository(repositoryName="cats", force=True)["repository"]["repositoryName"] == "cats"
    assert cats.describe_repositories()["repositories"] == []


def test_an_image_pushed_by_the_api_is_described_and_downloaded(cats: Any, door: RunningDoor) -> None:
    layer = bytes(range(256)) * 25_000  # More than one part.
    digest = push_image(cats, b"{}", layer, tag="2.0.1")

    assert cats.describe_images(repositoryName="cats", imageIds=[{"imageTag": "2.0.1"}])["imageDetails"] == [
        {
            "registryId": "111122223333",
            "repositoryName": "cats",
            "imageDigest": digest,
            "imageTags": ["2.0.1"],
            "imageSizeInBytes": len(layer) + 2,
            "imagePushedAt": NOW,
            "imageManifestMediaType": OCI_IMAGE,
            "artifactMediaType": "application/any",
            "imageStatus": "ACTIVE",
        }
    ]
    url = cats.get_download_url_for_layer(repositoryName="cats", layerDigest=digest_of(layer))["downloadUrl"]
    assert url == f"http://{ENDPOINT}/v2/cats/blobs/{digest_of(layer)}"
    with urllib.request.urlopen(url.replace(ENDPOINT, f"127.0.0.1:{door.port}"), timeout=10) as response:
        assert response.read() == layer
    fetched = cats.batch_get_image(repositoryName="cats", imageIds=[{"imageTag": "2.0.1"}, {"imageTag": "9"}, {}])
    assert [json.loads(one["imageManifest"])["layers"][0]["size"] for one in fetched["images"]] == [len(layer)]
    assert [one["failureCode"] for one in fetched["failures"]] == ["ImageNotFound", "MissingDigestAndTag"]
    pulled = cats.describe_images(repositoryName="cats")["imageDetails"][0]
    assert pulled["lastRecordedPullTime"] == NOW


def test_layers_are_available_once_they_are_whole(cats: Any) -> None:
    digest = push_layer(cats, b"layer")

    found = cats.batch_check_layer_availability(repositoryName="cats", layerDigests=[digest, MISSING, "sha1:00"])

    assert found["layers"] == [
        {"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": 5},
        {"layerDigest": MISSING, "layerAvailability": "UNAVAILABLE"},
    ]
    assert [one["failureCode"] for one in found["failures"]] == ["InvalidLayerDigest"]
    assert refused(lambda: push_layer(cats, b"layer"))[0] == "LayerAlreadyExistsException"


def test_an_upload_that_is_not_what_it_says_is_refused(cats: Any) -> None:
    upload_id = cats.initiate_layer_upload(repositoryName="cats")["uploadId"]
    upload = {"repositoryName": "cats", "uploadId": upload_id}

    def part(first: int, last: int, content: bytes) -> Any:
        return cats.upload_layer_part(**upload, partFirstByte=first, partLastByte=last, layerPartBlob=content)

    assert refused(lambda: cats.complete_layer_upload(**upload, layerDigests=[MISSING]))[0] == "EmptyUploadException"
    assert refused(lambda: part(3, 5, b"abc"))[0] == "InvalidLayerPartException"
    assert refused(lambda: part(0, 5, b"abc"))[0] == "InvalidParameterException"
    part(0, 2, b"abc")
    part(3, 5, b"def")
    assert refused(lambda: cats.complete_layer_upload(**upload, layerDigests=[MISSING]))[0] == "LayerPartTooSmallException"
    upload["uploadId"] = cats.initiate_layer_upload(repositoryName="cats")["uploadId"]
    part(0, 2, b"abc")
    assert refused(lambda: cats.complete_layer_upload(**upload, layerDigests=[MISSING]))[0] == "InvalidLayerException"


def test_tags_move_unless_they_are_immutable(cats: Any) -> None:
    first = push_image(cats, b"{}", b"first", tag="2.0.1")
    assert refused(lambda: push_image(cats, b"{}", b"first", tag="2.0.1")) == (
        "ImageAlreadyExistsException",
        (
            f"Image with digest '{first}' and tag '2.0.1' already exists in the repository with name 'cats' "
            "in registry with id '111122223333'"
        ),
    )
    second = push_image(cats, b"{}", b"second", tag="2.0.1")
    put = cats.put_image_tag_mutability(repositoryName="cats", imageTagMutability="IMMUTABLE")

    assert put["imageTagMutability"] == "IMMUTABLE"
    assert refused(lambda: push_image(cats, b"{}", b"third", tag="2.0.1")) == (
        "ImageTagAlreadyExistsException",
        (
            "The image tag '2.0.1' already exists in the 'cats' repository and cannot be overwritten "
            "because the tag is immutable."
        ),
    )
    listed = cats.list_images(repositoryName="cats")["imageIds"]
    assert listed == [{"imageDigest": first}, {"imageDigest": second, "imageTag": "2.0.1"}]
    for status, digest in (("TAGGED", second), ("UNTAGGED", first)):
        found = cats.describe_images(repositoryName="cats", filter={"tagStatus": status})["imageDetails"]
        assert [one["imageDigest"] for one in found] == [digest]


def test_images_come_in_pages(cats: Any) -> None:
    digests = [push_image(cats, b"{}", tag="all", name="cats")]
    digests += [push_image(cats, b"{}", bytes([number]), tag=str(number)) for number in range(4)]

    described = cats.get_paginator("describe_images").paginate(repositoryName="cats", PaginationConfig={"PageSize": 2})
    listed = cats.get_paginator("list_images").paginate(repositoryName="cats", PaginationConfig={"PageSize": 3})

    assert [one["imageDigest"] for page in described for one in page["imageDetails"]] == digests
    assert [len(page["imageIds"]) for page in listed] == [3, 2]


def test_an_image_goes_with_its_last_tag_or_by_digest(cats: Any) -> None:
    first = push_image(cats, b"{}", b"first", tag="1")
    push_image(cats, b"{}", b"first", tag="latest")
    second = push_image(cats, b"{}", b"second", tag="2")
    gone: dict[str, Any] = {"repositoryName": "cats"}

    kept = cats.batch_delete_image(**gone, imageIds=[{"imageTag": "1"}])
    assert kept["imageIds"] == [{"imageDigest": first, "imageTag": "1"}]
    assert cats.describe_images(**gone, imageIds=[{"imageDigest": first}])["imageDetails"][0]["imageTags"] == ["latest"]
    ids = [{"imageTag": "latest"}, {"imageDigest": second}, {"imageTag": "9"}, {"imageDigest": "sha256:x"}, {}]
    both = cats.batch_delete_image(**gone, imageIds=ids)
    assert both["imageIds"] == [
        {"imageDigest": first, "imageTag": "latest"},
        {"imageDigest": second, "imageTag": "2"},
    ]
    assert [one["failureCode"] for one in both["failures"]] == ["ImageNotFound", "InvalidImageDigest", "MissingDigestAndTag"]
    assert cats.list_images(**gone)["imageIds"] == []
    layers = cats.batch_check_layer_availability(**gone, layerDigests=[digest_of(b"first")])["layers"]
    assert layers[0]["layerAvailability"] == "UNAVAILABLE"


def test_an_image_in_a_list_is_not_deleted(cats: Any) -> None:
    child = push_image(cats, b"{}", b"layer")
    index = json.dumps({"schemaVersion": 2, "manifests": [{"mediaType": OCI_IMAGE, "digest": child, "size": 1}]})
    listing = cats.put_image(repositoryName="cats", imageManifest=index, imageTag="all")["image"]["imageId"]["imageDigest"]

    failure = cats.batch_delete_image(repositoryName="cats", imageIds=[{"imageDigest": child}])["failures"][0]

    assert failure["failureCode"] == "ImageReferencedByManifestList"
    assert failure["failureReason"] == f"Requested image referenced by manifest list: [{listing}]"


@pytest.mark.parametrize(
    ("put", "get", "delete", "member", "text"),
    [
        ("set_repository_policy", "get_repository_policy", "delete_repository_policy", "policyText", POLICY),
        ("put_lifecycle_policy", "get_lifecycle_policy", "delete_lifecycle_policy", "lifecyclePolicyText", LIFECYCLE),
    ],
)
def test_policies_are_recorded_until_they_are_deleted(
    cats: Any, put: str, get: str, delete: str, member: str, text: str
) -> None:
    getattr(cats, put)(repositoryName="cats", **{member: text})

    assert getattr(cats, get)(repositoryName="cats")[member] == text
    assert getattr(cats, delete)(repositoryName="cats")[member] == text
    assert refused(lambda: getattr(cats, get)(repositoryName="cats"))[0].endswith("PolicyNotFoundException")


def test_tags_of_a_repository_are_added_and_taken_away(cats: Any) -> None:
    arn = "arn:aws:ecr:eu-west-1:111122223333:repository/cats"
    cats.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    cats.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "3"}])
    cats.untag_resource(resourceArn=arn, tagKeys=["b"])

    assert cats.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "a", "Value": "3"}]


def test_scanning_is_recorded(cats: Any) -> None:
    cats.put_image_scanning_configuration(repositoryName="cats", imageScanningConfiguration={"scanOnPush": True})

    assert cats.describe_repositories()["repositories"][0]["imageScanningConfiguration"] == {"scanOnPush": True}


def test_the_token_logs_in_as_aws_for_twelve_hours(client: Any) -> None:
    data = client.get_authorization_token()["authorizationData"]

    assert len(data) == 1
    assert data[0]["expiresAt"] == NOW + timedelta(hours=12)
    assert data[0]["proxyEndpoint"] == f"http://{ENDPOINT}"
    user, _, token = base64.b64decode(data[0]["authorizationToken"]).decode().partition(":")
    assert (user, len(token) > 100) == ("AWS", True)


def docker(*arguments: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["docker", *arguments], input=given, capture_output=True, timeout=60, check=False)


@pytest.mark.docker
def test_docker_logs_in_pushes_and_pulls(client: Any, door: RunningDoor, tmp_path: Path) -> None:
    """With a file that is no other image's, so that every layer really travels."""
    import io
    import os
    import tarfile

    host = f"127.0.0.1:{door.port}"
    image = f"{host}/cats:1"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo("cat")
        member.size = 3_000_000
        tar.addfile(member, io.BytesIO(os.urandom(member.size)))
    settings = ("--config", str(tmp_path / "docker"))
    token = base64.b64decode(client.get_authorization_token()["authorizationData"][0]["authorizationToken"])

    login = docker(*settings, "login", "--username", "AWS", "--password-stdin", host, given=token.partition(b":")[2])
    assert login.returncode == 0, login.stderr
    assert docker("import", "-", image, given=archive.getvalue()).returncode == 0
    try:
        unknown = docker(*settings, "push", image)
        assert unknown.returncode == 1
        assert b"name unknown: The repository with name 'cats' does not exist in the registry" in unknown.stderr
        client.create_repository(repositoryName="cats", imageTagMutability="IMMUTABLE")
        pushed = docker(*settings, "push", image)
        assert pushed.returncode == 0, pushed.stderr
        again = docker(*settings, "push", image)
        assert b"tag invalid: The image tag '1' already exists in the 'cats' repository" in again.stderr
        detail = client.describe_images(repositoryName="cats")["imageDetails"][0]
        assert detail["imageDigest"].encode() in pushed.stdout
        assert detail["imageSizeInBytes"] > 3_000_000
        docker("rmi", image)
        pulled = docker(*settings, "pull", f"{host}/cats@{detail['imageDigest']}")
        assert pulled.returncode == 0, pulled.stderr
    finally:
        docker("rmi", image, *(f"{host}/cats@{one['imageDigest']}" for one in _images(client)))


def _images(client: Any) -> list[Any]:
    try:
        return list(client.describe_images(repositoryName="cats")["imageDetails"])
    except ClientError:
        return []


def keep(count: int) -> str:
    return LIFECYCLE.replace("10", str(count))


def test_a_preview_says_what_a_policy_would_let_go_and_does_nothing(cats: Any) -> None:
    pushed = [push_image(cats, b"{}", name.encode(), tag=name) for name in ("1", "2", "3")]
    code, _ = refused(lambda: cats.get_lifecycle_policy_preview(repositoryName="cats"))
    assert code == "LifecyclePolicyPreviewNotFoundException"

    started = cats.start_lifecycle_policy_preview(repositoryName="cats", lifecyclePolicyText=keep(1))
    found = cats.get_lifecycle_policy_preview(repositoryName="cats")

    assert (started["status"], found["status"]) == ("IN_PROGRESS", "COMPLETE")
    assert found["lifecyclePolicyText"] == keep(1)
    assert found["summary"] == {"expiringImageTotalCount": 2}
    results = found["previewResults"]
    assert {one["imageDigest"] for one in results} < set(pushed)
    assert [one["action"] for one in results] == [{"type": "EXPIRE"}] * 2
    assert [one["appliedRulePriority"] for one in results] == [1, 1]
    assert len(cats.describe_images(repositoryName="cats")["imageDetails"]) == 3
    cats.get_waiter("lifecycle_policy_preview_complete").wait(repositoryName="cats")


def test_a_preview_is_asked_in_pages_and_by_image(cats: Any) -> None:
    for name in ("1", "2", "3"):
        push_image(cats, b"{}", name.encode(), tag=name)
    cats.put_lifecycle_policy(repositoryName="cats", lifecyclePolicyText=keep(1))
    cats.start_lifecycle_policy_preview(repositoryName="cats")
    pages = cats.get_paginator("get_lifecycle_policy_preview").paginate(
        repositoryName="cats", PaginationConfig={"PageSize": 1}
    )

    seen = [one["imageTags"][0] for answer in pages for one in answer["previewResults"]]
    assert len(seen) == len(set(seen)) == 2
    one = cats.get_lifecycle_policy_preview(repositoryName="cats", imageIds=[{"imageTag": seen[0]}])["previewResults"]
    assert [image["imageTags"] for image in one] == [[seen[0]]]
    untagged = cats.get_lifecycle_policy_preview(repositoryName="cats", filter={"tagStatus": "UNTAGGED"})
    assert untagged["previewResults"] == []


def test_a_preview_without_a_policy_is_refused(cats: Any) -> None:
    code, _ = refused(lambda: cats.start_lifecycle_policy_preview(repositoryName="cats"))

    assert code == "LifecyclePolicyNotFoundException"


def test_a_policy_tells_when_it_last_ran(cats: Any) -> None:
    cats.put_lifecycle_policy(repositoryName="cats", lifecyclePolicyText=keep(1))

    assert cats.get_lifecycle_policy(repositoryName="cats")["lastEvaluatedAt"].timestamp() == 0
    assert cats.delete_lifecycle_policy(repositoryName="cats")["lastEvaluatedAt"].timestamp() == 0


def test_an_archived_image_is_described_to_those_who_ask_and_pulled_by_nobody(cats: Any, door: RunningDoor) -> None:
    digest = push_image(cats, b"{}", b"1", tag="1")
    where = {"repositoryName": "cats", "imageId": {"imageTag": "1"}}

    assert cats.update_image_storage_class(**where, targetStorageClass="ARCHIVE")["imageStatus"] == "ARCHIVED"

    assert cats.describe_images(repositoryName="cats")["imageDetails"] == []
    (detail,) = cats.describe_images(repositoryName="cats", filter={"imageStatus": "ARCHIVED"})["imageDetails"]
    assert (detail["imageDigest"], detail["imageStatus"], detail["lastArchivedAt"]) == (digest, "ARCHIVED", NOW)
    (failure,) = cats.batch_get_image(repositoryName="cats", imageIds=[{"imageTag": "1"}])["failures"]
    assert failure["failureCode"] == "ImageNotFound"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{door.url}/v2/cats/manifests/1")
    with pytest.raises(cats.exceptions.ImageNotFoundException):
        cats.update_image_storage_class(repositoryName="cats", imageId={"imageTag": "2"}, targetStorageClass="ARCHIVE")
