"""A clean-up against an account: what is looked at, what is looked at again, and what an interruption leaves."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cleaned_account import ARN, URI, Account, StoppedClock, client_error

from ninelives.insight.holders import Asked, CannotCheck
from ninelives.insight.prune import Done, Plan, Prune
from ninelives.insight.retention import Keep

KEEP_TWO = Keep(releases=2, days=30)


@pytest.fixture
def account() -> Account:
    """Five releases of which the last one runs; with two kept, three images may go."""
    made = Account()
    made.releases(5)
    return made


def clean_up(account: Account, *, deletes: bool = False, **asked: Any) -> Prune:
    what = Asked(repository="cats", family="cats", **asked)
    return Prune(account.aws(), StoppedClock(), what, KEEP_TWO, deletes_definitions=deletes)


def carry_out(work: Prune, plan: Plan | None = None) -> Done:
    return work.carry_out(plan or work.plan(), lambda _: None)


def to_go(plan: Plan) -> list[str]:
    return [one.digest for one in plan.choice.images]


OLD = ["sha256:1", "sha256:2", "sha256:3"]


def test_what_nothing_runs_and_no_rollback_needs_goes(account: Account) -> None:
    work = clean_up(account)
    plan = work.plan()
    assert (to_go(plan), plan.choice.freed_bytes) == (OLD, 30)

    done = carry_out(work, plan)

    assert sorted(account.images) == ["sha256:4", "sha256:5"]
    assert account.active == ["cats:4", "cats:5"]
    assert (len(done.deregistered), done.freed_bytes, done.spared, done.failures) == (3, 30, (), ())


def test_a_plan_changes_nothing(account: Account) -> None:
    clean_up(account).plan()

    assert {name.split("_")[0] for name, _ in account.calls} <= {"list", "describe", "get", "batch"}
    assert "batch_delete_image" not in {name for name, _ in account.calls}
    statuses = [request["status"] for name, request in account.calls if name == "list_task_definitions"]
    assert set(statuses) == {"ACTIVE"}, "thousands of INACTIVE ones are asked for only where they are to be deleted"


def test_the_same_again_finds_nothing(account: Account) -> None:
    carry_out(clean_up(account))
    account.calls.clear()

    again = clean_up(account)

    assert again.plan().is_empty
    assert carry_out(again) == Done()


def test_definitions_are_deleted_where_that_is_asked_for_old_inactive_ones_too(account: Account) -> None:
    account.definition(9, f"{URI}:9.0", status="INACTIVE")

    done = carry_out(clean_up(account, deletes=True))

    assert {arn.rsplit(":", 1)[-1] for arn in done.deleted} == {"1", "2", "3", "9"}


def standalone_task(account: Account) -> None:
    account.tasks.append(
        {"taskArn": f"{ARN}:task/c/1", "taskDefinitionArn": f"{ARN}:task-definition/cats:1", "containers": []}
    )


def another_service(account: Account) -> None:
    account.definition(1, f"{URI}@sha256:1", family="admin")
    account.services.append({"serviceName": "admin", "taskDefinition": f"{ARN}:task-definition/admin:1"})


def task_set(account: Account) -> None:
    sets = [{"taskDefinition": f"{ARN}:task-definition/cats:1"}]
    account.services.append({"serviceName": "external", "taskSets": sets})


def older_deployment(account: Account) -> None:
    account.services[0]["deployments"] = [{"taskDefinition": f"{ARN}:task-definition/cats:1"}]


def release_under_way(account: Account) -> None:
    revision = f"{ARN}:service-revision/c/cats/1"
    account.deployments["cats"].append(
        {
            "serviceDeploymentArn": "under way",
            "status": "IN_PROGRESS",
            "targetServiceRevision": {"arn": f"{ARN}:service-revision/c/cats/5"},
            "sourceServiceRevisions": [{"arn": revision}],
        }
    )


def scheduled(account: Account) -> None:
    account.rules["nightly"] = f"{ARN}:task-definition/cats:1"


def another_family(account: Account) -> None:
    account.definition(1, f"{URI}:1.0", family="by-hand")


def scheduled_by_a_request(account: Account) -> None:
    request = json.dumps({"Cluster": "c", "TaskDefinition": "cats:1"})
    account.schedules["nightly"] = {"Arn": "arn:aws:scheduler:::aws-sdk:ecs:runTask", "Input": request}


def release_under_way_of_an_unknown_definition(account: Account) -> None:
    """Its source was deregistered, and no task has told its digest."""
    release_under_way(account)
    account.deployments["cats"] = account.deployments["cats"][-1:]
    account.definitions[f"{ARN}:task-definition/cats:1"]["status"] = "INACTIVE"
    account.revisions[f"{ARN}:service-revision/c/cats/1"]["containerImages"] = []


def revision_without_tasks(account: Account) -> None:
    """The tag has moved on; what the service starts when it is scaled from zero is the digest of its revision."""
    revision = f"{ARN}:service-revision/c/cats/5b"
    account.revisions[revision] = {
        "serviceRevisionArn": revision,
        "taskDefinition": f"{ARN}:task-definition/cats:5",
        "containerImages": [{"containerName": "web", "image": URI, "imageDigest": "sha256:1"}],
    }
    account.services[0]["currentServiceRevisions"] = [{"arn": revision}]


@pytest.mark.parametrize("page_size", [1, 100])
@pytest.mark.parametrize(
    "needs_it",
    [standalone_task, another_service, task_set, older_deployment, release_under_way, scheduled, another_family,
     scheduled_by_a_request, release_under_way_of_an_unknown_definition, revision_without_tasks],
)  # fmt: skip
def test_whatever_needs_an_image_keeps_it(account: Account, needs_it: Any, page_size: int) -> None:
    for n in range(3):  # so that what needs it is on no first page
        account.services.append({"serviceName": f"a{n}", "taskDefinition": account.definition(n, "other", family=f"a{n}")})
        account.rules[f"a{n}"] = f"{ARN}:task-definition/a{n}:{n}"
    needs_it(account)
    account.page_size = page_size

    carry_out(clean_up(account))

    assert "sha256:1" in account.images
    assert "sha256:2" not in account.images


def test_a_schedule_that_names_a_family_means_its_newest(account: Account) -> None:
    account.definition(1, f"{URI}:1.0", family="nightly")
    account.rules["nightly"] = f"{ARN}:task-definition/nightly"

    assert "sha256:1" not in to_go(clean_up(account).plan())


@pytest.mark.parametrize(
    "denied",
    ["list_clusters", "list_services", "describe_services", "list_tasks", "list_service_deployments", "describe_images",
     "batch_get_image", "describe_task_definition"],
)  # fmt: skip
def test_what_may_not_be_read_stops_all_before_anything_is_deleted(account: Account, denied: str) -> None:
    def refuse(operation: str) -> None:
        if operation == denied:
            raise client_error(operation, "AccessDeniedException", f"not authorized to perform: {denied}")

    account.before = refuse

    with pytest.raises(ClientError, match=denied):
        carry_out(clean_up(account))
    assert len(account.images) == 5
    assert len(account.active) == 5


@pytest.mark.parametrize(
    "operation",
    ["describe_services", "describe_tasks", "describe_service_deployments", "describe_service_revisions"],
)
def test_what_ecs_does_not_tell_of_stops_all_and_what_has_gone_stops_nothing(account: Account, operation: str) -> None:
    standalone_task(account)
    release_under_way(account)
    account.untold = {operation: "ACCESS_DENIED"}

    with pytest.raises(CannotCheck, match="ACCESS_DENIED"):
        carry_out(clean_up(account))
    assert len(account.images) == 5

    account.untold = {operation: "MISSING"}
    clean_up(account).plan()


def test_a_service_of_ecs_whose_releases_cannot_be_listed_stops_all(account: Account) -> None:
    def refuse(operation: str) -> None:
        if operation == "list_service_deployments":
            raise client_error("ListServiceDeployments", "InvalidParameterException", "not now")

    account.before = refuse

    with pytest.raises(ClientError, match="not now"):
        carry_out(clean_up(account))
    assert len(account.images) == 5


def test_more_of_other_families_than_a_page_has_can_be_looked_at(account: Account) -> None:
    for n in range(1, 130):
        account.definition(n, f"{URI}:{1 if n == 1 else 5}.0", family="by-hand")

    assert "sha256:1" in to_go(clean_up(account, revisions_of_others=128).plan())
    assert "sha256:1" not in to_go(clean_up(account, revisions_of_others=129).plan())
    sizes = {request["maxResults"] for name, request in account.calls if "maxResults" in request}
    assert sizes == {100}


def test_a_signature_that_only_its_tag_ties_to_an_image_stays_with_it(account: Account) -> None:
    digests = {1: f"sha256:{'1' * 64}", 5: f"sha256:{'5' * 64}"}
    for n, digest in digests.items():
        account.image(digest, f"{n}.0", age=100 - n)
        account.images.pop(f"sha256:{n}")
        account.image(f"sha256:signature-{n}", f"{digest.replace(':', '-')}.sig", age=99 - n)
    for n in (6, 7):
        account.image(f"sha256:{n}", f"{n}.0", age=50)  # never released, and the newest two

    carry_out(clean_up(account))

    assert {"sha256:signature-5", digests[5], "sha256:4", "sha256:6", "sha256:7"} <= account.images.keys()
    assert not {"sha256:signature-1", digests[1], "sha256:3"} & account.images.keys()


def test_unreadable_schedules_stop_it_unless_they_are_left_aside(account: Account) -> None:
    def refuse(operation: str) -> None:
        if operation == "list_rules":
            raise client_error("ListRules", "AccessDeniedException", "not authorized to perform: events:ListRules")

    account.before = refuse

    with pytest.raises(CannotCheck, match="events:ListRules"):
        clean_up(account).plan()
    plan = clean_up(account, looks_at_schedules=False).plan()
    assert to_go(plan) == OLD
    assert "scheduled tasks were not looked at, as asked for" in plan.limits


def test_a_definition_that_runs_and_cannot_be_read_stops_it(account: Account) -> None:
    account.services.append({"serviceName": "odd", "taskDefinition": f"{ARN}:task-definition/gone:1"})

    with pytest.raises(CannotCheck, match="gone:1"):
        clean_up(account).plan()


def test_a_service_that_ecs_does_not_deploy_is_told_as_a_limit(account: Account) -> None:
    account.services[0]["deploymentController"] = {"type": "CODE_DEPLOY"}

    def refuse(operation: str) -> None:
        if operation == "list_service_deployments":
            raise client_error("ListServiceDeployments", "UnsupportedFeatureException")

    account.before = refuse

    assert any("c/cats is not deployed by ECS itself" in limit for limit in clean_up(account).plan().limits)


def test_what_is_needed_again_at_the_second_look_is_spared(account: Account) -> None:
    work = clean_up(account)
    plan = work.plan()
    standalone_task(account)

    done = carry_out(work, plan)

    assert "sha256:1" in account.images
    assert done.spared == ("image 1.0", "task definition cats:1")
    assert "cats:1" in account.active


def test_an_image_that_got_a_new_tag_meanwhile_is_spared(account: Account) -> None:
    work = clean_up(account)
    plan = work.plan()
    account.images["sha256:1"]["imageTags"].append("golden")

    done = carry_out(work, plan)

    assert "sha256:1" in account.images
    assert done.spared == ("image 1.0",)


def test_who_is_interrupted_in_between_leaves_no_definition_without_its_image(account: Account) -> None:
    def die(operation: str) -> None:
        if operation == "batch_delete_image":
            raise KeyboardInterrupt

    account.before = die
    with pytest.raises(KeyboardInterrupt):
        carry_out(clean_up(account))
    assert len(account.images) == 5
    assert account.active == ["cats:4", "cats:5"]

    account.before = lambda _: None
    carry_out(clean_up(account))

    assert sorted(account.images) == ["sha256:4", "sha256:5"]


def test_images_go_a_hundred_at_a_time_and_an_index_in_a_call_before_its_parts(account: Account) -> None:
    for n in range(150):
        account.image(f"sha256:many{n:03}", age=200)
    account.image("sha256:index", age=300, manifests=[{"digest": "sha256:many000"}, {"digest": "sha256:many149"}])

    done = carry_out(clean_up(account))

    sizes = [len(request["imageIds"]) for name, request in account.calls if name == "batch_delete_image"]
    assert sum(sizes) == 154
    assert max(sizes) == 100
    assert done.failures == ()
    assert sorted(account.images) == ["sha256:4", "sha256:5"]


def test_what_has_gone_meanwhile_is_no_failure(account: Account) -> None:
    def somebody_else(operation: str) -> None:
        if operation == "batch_delete_image":
            account.images.pop("sha256:2", None)

    account.before = somebody_else

    assert carry_out(clean_up(account)).failures == ()


def test_what_cannot_be_known_is_said(account: Account) -> None:
    root = "arn:aws:iam::210987654321:root"
    account.policy = json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"AWS": [root, "*"]}}]})

    limits = clean_up(account).plan().limits

    assert any("210987654321" in limit and "*" in limit for limit in limits)
    assert any("other accounts and regions" in limit for limit in limits)
