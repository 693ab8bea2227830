"""A clean-up after several releases, on each runtime: what runs and what a rollback needs stays, and the disk is freed.

Then the lifecycle policy that ``ninelives bootstrap`` gives a repository, carried out by the region itself.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_region import RegionUnderTest, eventually, runtimes, skip_without_docker, started

from ninelives.bootstrap.template import Kind, template_data

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

RELEASES = 3
WEIGHT = 200_000
"""Bytes that only one version has."""
KEPT_BY_BOOTSTRAP = 10
"""The fewest images that `bootstrap: {keep: {images: …}}` takes."""


@pytest.fixture(scope="module", params=runtimes())
def cleaned(request: pytest.FixtureRequest) -> Iterator[RegionUnderTest]:
    """A region with three releases behind it, each with a layer of its own. Its time runs 60 times as fast."""
    skip_without_docker(request.param)
    with started(request.param, time_scale=60) as region:
        dockerfile = region.project / "Dockerfile"
        dockerfile.write_text(dockerfile.read_text().replace("COPY config.ru", "COPY weight config.ru"))
        for number in range(1, RELEASES + 1):
            (region.project / "weight").write_bytes(os.urandom(WEIGHT))
            code, result = region.deploy(f"{number}.0")
            assert (0, "succeeded") == (code, result["verdict"])
        yield region


def blobs(region: RegionUnderTest) -> dict[str, int]:
    """Bytes of the registry's files by their names."""
    folder = region.settings.state_directory / "registry" / "blobs"
    return {path.name: path.stat().st_size for path in folder.glob("sha256/*/*")}


def tags(region: RegionUnderTest) -> set[str]:
    found = region.client("ecr").describe_images(repositoryName="behaves")["imageDetails"]
    return {tag for image in found for tag in image.get("imageTags", ())}


def prune(region: RegionUnderTest, *arguments: str) -> Any:
    done = region.command("prune", "--keep", "2", "--keep-days", "0", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def listen_to_deletions(region: RegionUnderTest) -> str:
    """The URL of a queue that is told of every image that is deleted."""
    sqs, events = region.client("sqs"), region.client("events")
    url: str = sqs.create_queue(QueueName="deleted-images")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.ecr"], "detail-type": ["ECR Image Action"], "detail": {"action-type": ["DELETE"]}}
    events.put_rule(Name="deleted-images", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="deleted-images", Targets=[{"Id": "1", "Arn": arn}])
    return url


def deleted_tags(region: RegionUnderTest, url: str, into: list[str]) -> list[str]:
    """``into``, with the tags that the queue tells of added."""
    messages = region.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ())
    into += [json.loads(message["Body"])["detail"]["image-tag"] for message in messages]
    return into


def docker_knows(region: RegionUnderTest, tag: str) -> bool:
    name = f"{region.running.endpoint.removeprefix('http://')}/behaves:{tag}"
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False).returncode == 0


def test_a_clean_up_frees_what_it_says_and_a_rollback_still_works(cleaned: RegionUnderTest) -> None:
    url = listen_to_deletions(cleaned)
    before = blobs(cleaned)
    planned = prune(cleaned, "--dry-run")
    assert blobs(cleaned) == before, "a plan deletes nothing"

    done = prune(cleaned, "--yes")["done"]

    assert len(done["images"]) == len(done["deregistered"]) == 1
    assert done["spared"] == done["failures"] == []
    assert tags(cleaned) == {"2.0", "3.0"}
    freed = sum(before.values()) - sum(blobs(cleaned).values())
    assert done["freed_bytes"] == planned["freed_bytes"] == freed
    assert freed > WEIGHT, "the weight of a version, compressed or not"
    _nothing_of_it_is_left_on_this_machine(cleaned, gone=set(before) - set(blobs(cleaned)))
    assert prune(cleaned, "--yes")["done"] is None, "there is nothing more to do"
    told: list[str] = []
    eventually(lambda: deleted_tags(cleaned, url, told) == ["1.0"], what="the event of the deletion")

    assert cleaned.command("rollback", "--json").returncode == 0
    assert cleaned.get() == "2.0"


def _nothing_of_it_is_left_on_this_machine(region: RegionUnderTest, *, gone: set[str]) -> None:
    layers: Path = region.settings.state_directory / "tasks" / "layers"
    assert not {f"sha256-{name}" for name in gone} & {path.name for path in layers.glob("*")}
    if region.runtime == "docker":
        eventually(lambda: not docker_knows(region, "1.0"), what="the end of Docker's copy")
        assert docker_knows(region, "3.0")


def test_the_policy_of_bootstrap_keeps_what_runs_and_what_a_rollback_needs(cleaned: RegionUnderTest) -> None:
    """Ten images stay; what runs and the way back are the oldest of them here."""
    ecr = cleaned.client("ecr")
    for number in range(KEPT_BY_BOOTSTRAP - 2):
        _push_once_more(ecr, f"next-{number}")
    assert {"2.0", "3.0"} < tags(cleaned)

    ecr.put_lifecycle_policy(repositoryName="behaves", lifecyclePolicyText=_policy_of_bootstrap())
    ecr.start_lifecycle_policy_preview(repositoryName="behaves")
    assert ecr.get_lifecycle_policy_preview(repositoryName="behaves")["previewResults"] == []
    eventually(
        lambda: ecr.get_lifecycle_policy(repositoryName="behaves")["lastEvaluatedAt"].timestamp() > 0,
        what="the policy's first run",
    )

    assert {"2.0", "3.0"} < tags(cleaned)
    assert cleaned.command("rollback", "3.0", "--json").returncode == 0
    assert cleaned.get() == "3.0"


def test_the_policy_knows_nothing_of_what_runs_but_a_clean_up_does(cleaned: RegionUnderTest) -> None:
    """The danger: releases that are pushed and never become good push out the one that runs. ``prune`` sees it."""
    ecr = cleaned.client("ecr")
    for number in range(2):
        _push_once_more(ecr, f"bad-{number}")

    ecr.start_lifecycle_policy_preview(repositoryName="behaves", lifecyclePolicyText=_policy_of_bootstrap())
    previewed = ecr.get_lifecycle_policy_preview(repositoryName="behaves")["previewResults"]

    assert {tag for image in previewed for tag in image["imageTags"]} == {"2.0", "3.0"}
    planned = {tag for image in prune(cleaned, "--dry-run")["images"] for tag in image["tags"]}
    assert planned
    assert not planned & {"2.0", "3.0"}


def findings(region: RegionUnderTest) -> dict[str, dict[str, str]]:
    """What `ninelives doctor` finds, by check."""
    done = region.command("doctor", "--offline", "--json")
    assert done.returncode in {0, 1}, done.stderr
    told = json.loads(done.stdout)
    assert "service behaves in environment local" in told["looked_at"]
    return {one["check"]: one for one in told["findings"]}


def test_the_doctor_sees_what_was_changed_behind_the_files_back(cleaned: RegionUnderTest) -> None:
    before = findings(cleaned)
    assert not {"drift", "log-retention", "alarms-missing"} & before.keys()
    elbv2, logs = cleaned.client("elbv2"), cleaned.client("logs")
    (group,) = elbv2.describe_target_groups(Names=["behaves"])["TargetGroups"]

    elbv2.modify_target_group_attributes(
        TargetGroupArn=group["TargetGroupArn"], Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "77"}]
    )
    logs.delete_retention_policy(logGroupName="/ecs/behaves")

    after = findings(cleaned)
    assert "drain.deregistration_delay 10 in the file, 77 live" in after["drift"]["what"]
    assert after["drift"]["where"].endswith("drain")
    assert after["log-retention"]["severity"] == "warning"
    assert "root" in after, "the image of this test runs as root"


def _policy_of_bootstrap() -> str:
    """The text in its template, for ten images."""
    repository = template_data(Kind.SERVICE)["Resources"]["Repository"]["Properties"]
    text = repository["LifecyclePolicy"]["LifecyclePolicyText"]["Fn::Sub"]
    assert "${ImagesKept}" in text
    return str(text.replace("${ImagesKept}", str(KEPT_BY_BOOTSTRAP)))


def _push_once_more(ecr: Any, tag: str) -> None:
    """What 3.0 is, as another image: its layers with a configuration of its own."""
    found = ecr.batch_get_image(repositoryName="behaves", imageIds=[{"imageTag": "3.0"}])["images"][0]
    manifest = json.loads(found["imageManifest"]) | {"annotations": {"of": tag}}
    ecr.put_image(
        repositoryName="behaves",
        imageTag=tag,
        imageManifest=json.dumps(manifest),
        imageManifestMediaType=found["imageManifestMediaType"],
    )
