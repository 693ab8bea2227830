"""What is shown before it is agreed to, what is then done, and in which order; a second run has nothing to do."""

import json

import pytest
from bootstrap_account import FILE, Account
from fake_cloudformation import Failure, change

from ninelives.bootstrap.template import Kind

NAMES = ["Staging-Cluster-network", "Staging-Cluster-cluster", "cats-service", "ninelives-github", "cats-github"]


def test_a_first_run_makes_all_stacks_in_order_and_a_second_one_nothing(account: Account) -> None:
    first = account.told("--yes")

    assert "changed" == first["result"]
    assert NAMES == account.stacks.executed
    assert ["create"] * 5 == [stack["action"] for stack in first["stacks"]]
    assert "github-DeployRoleArn" == first["deploy_role_arn"]

    second = account.told("--yes")

    assert "unchanged" == second["result"]
    assert NAMES == account.stacks.executed
    assert {} == account.stacks.change_sets
    assert "github-DeployRoleArn" == second["deploy_role_arn"]
    code, out, _ = account.bootstrap()
    assert (0, "No changes: everything is as the service file says.\n") == (code, out)


def test_changes_and_costs_are_shown_before_anything_is_done(account: Account) -> None:
    code, out, err = account.bootstrap("--dry-run")

    assert (0, "Nothing was changed.\n") == (code, out)
    assert [] == account.stacks.executed
    assert {} == account.stacks.stacks
    assert "Stack cats-service: new" in err
    assert "LoadBalancer " in err
    assert "AWS::ElasticLoadBalancingV2::LoadBalancer" in err
    assert "1 x NAT gateway ($0.048 an hour)" in err
    assert "Data transfer (to the internet, between zones) is not included." in err


def test_without_anybody_to_ask_nothing_is_done(account: Account) -> None:
    code, _, err = account.bootstrap()

    assert 1 == code
    assert "Agree beforehand with --yes. Nothing was changed." in err
    assert {} == account.stacks.stacks


@pytest.mark.parametrize(("answer", "executed"), [(True, NAMES), (False, [])])
def test_somebody_who_is_there_is_asked(
    account: Account, monkeypatch: pytest.MonkeyPatch, answer: bool, executed: list[str]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)

    def confirm(question: str, **_: object) -> bool:
        asked.append(question)
        return answer

    monkeypatch.setattr("click.confirm", confirm)

    code, _, err = account.bootstrap()

    assert ["Make these changes?"] == asked
    assert executed == account.stacks.executed
    assert (0 if answer else 1) == code
    assert answer or "Nothing was changed." in err


def test_what_has_changed_in_the_file_is_all_that_is_changed(account: Account) -> None:
    account.told("--yes")
    account.write(FILE.replace("{path: /health}", "{path: /up}"))

    told = account.told("--yes")

    assert [("cats-service", "update")] == [(one["name"], one["action"]) for one in told["stacks"] if one["action"] != "keep"]
    assert "/up" == account.stacks.stacks["cats-service"].parameters["HealthPath"]


@pytest.mark.parametrize("options", [("--dry-run",), (), ("--yes",)])
def test_a_change_set_that_is_not_carried_out_is_not_left_behind(account: Account, options: tuple[str, ...]) -> None:
    account.told("--yes")
    account.stacks.foreseen["Staging-Cluster-network"] = [change("Remove", "PublicSubnetC", "AWS::EC2::Subnet")]
    done = len(account.stacks.executed)

    account.bootstrap(*options)

    assert {} == account.stacks.change_sets
    assert done == len(account.stacks.executed)


def test_a_replacement_is_said_loudly_and_yes_alone_does_not_agree_to_it(account: Account) -> None:
    account.told("--yes")
    replaced = change(
        "Modify", "LoadBalancer", "AWS::ElasticLoadBalancingV2::LoadBalancer", replacement="True", properties=("Scheme",)
    )
    account.stacks.foreseen["cats-service"] = [replaced]

    code, _, err = account.bootstrap("--yes")

    assert 1 == code
    assert "REPLACE         LoadBalancer  AWS::ElasticLoadBalancingV2::LoadBalancer  Scheme" in err
    assert "What is replaced or removed is lost, with all that it holds." in err
    assert "If that is meant, say so: --yes --allow-replacement. Nothing was changed." in err
    assert "changed" == account.told("--yes", "--allow-replacement")["result"]


def test_progress_is_a_line_for_each_event_with_its_time_or_a_line_of_json(account: Account) -> None:
    _, _, err = account.bootstrap("--yes")

    assert "2026-11-27T08:00:" in err
    assert "Z stack cats-service create in progress\n" in err
    assert "Z cats-service: TargetGroup (AWS::ElasticLoadBalancingV2::TargetGroup) create complete\n" in err

    account.write(FILE.replace("{path: /health}", "{path: /up}"))
    _, _, err = account.bootstrap("--yes", "--json")
    lines = [json.loads(line) for line in err.splitlines()]
    assert {"stack_event"} == {line["type"] for line in lines}
    assert ("cats-service", "UPDATE_COMPLETE") == (lines[-1]["stack"], lines[-1]["status"])


def test_the_print_holds_every_template_with_its_parameters_and_asks_nobody(account: Account) -> None:
    code, out, err = account.bootstrap("--print")

    assert (0, "") == (code, err)
    assert [] == account.stacks.calls
    assert [f"# Stack {name}" for name in NAMES] == [
        line.partition(",")[0] for line in out.splitlines() if line.startswith("# Stack")
    ]
    assert "#   Subjects: repo:acme/cats:ref:refs/heads/main\n" in out


def test_a_failed_stack_is_explained_by_the_first_resource_that_failed(account: Account) -> None:
    account.stacks.fails = Failure("Listener", "Certificate 'arn:aws:acm:x' not found")

    code, _, err = account.bootstrap("--yes")

    assert 1 == code
    assert (
        "The stack cats-service failed (ROLLBACK_COMPLETE): Listener (AWS::ElasticLoadBalancingV2::Listener): "
        "Certificate 'arn:aws:acm:x' not found\n"
        "See to the certificate: it must be issued, and in the load balancer's own region (`bootstrap.certificate`). "
        "Then run `ninelives bootstrap` again.\n"
    ) in err
    assert NAMES[:3] == account.stacks.executed

    account.stacks.fails = None
    told = account.told("--yes")

    assert ["keep", "keep", "recreate", "create", "create"] == [stack["action"] for stack in told["stacks"]]
    assert "CREATE_COMPLETE" == account.stacks.stacks["cats-service"].status


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        (
            "User: arn:aws:iam::1:user/a is not authorized to perform: iam:CreateRole on resource: x",
            "Allow iam:CreateRole to the credentials",
        ),
        ("Resource handler returned message: cats already exists", "Something of that name is there already"),
        ("The maximum number of VPCs has been reached.", "A quota of the account is used up"),
        ("Something else", "Mend that, then run `ninelives bootstrap` again"),
    ],
)
def test_each_kind_of_failure_comes_with_what_to_do(account: Account, reason: str, advice: str) -> None:
    account.stacks.fails = Failure("Vpc", reason)

    _, _, err = account.bootstrap("--yes")

    assert advice in err


def test_a_change_set_that_is_refused_leaves_no_stack_behind(account: Account) -> None:
    account.stacks.refuses = "Template format error: Unresolved resource dependencies [Vpc]"

    code, _, err = account.bootstrap("--yes")

    assert 1 == code
    assert "The stack Staging-Cluster-network failed (not begun): Template format error" in err
    assert {} == account.stacks.stacks


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS", "DELETE_FAILED"])
def test_what_is_left_of_an_earlier_attempt_is_told_and_deleted_first(account: Account, status: str) -> None:
    account.stacks.has("cats-service", Kind.SERVICE, status)

    _, _, err = account.bootstrap("--dry-run")
    told = account.told("--yes")

    assert f"what is left of an earlier attempt ({status}) holds nothing, and is deleted first" in err
    assert ["create", "create", "recreate", "create", "create"] == [stack["action"] for stack in told["stacks"]]
    assert ["cats-service"] == [stack.name for stack in account.stacks.gone]


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"])
def test_a_stack_that_is_at_work_or_stuck_is_left_alone(account: Account, status: str) -> None:
    account.stacks.has("cats-service", Kind.SERVICE, status)

    code, _, err = account.bootstrap("--yes")

    assert 1 == code
    assert status in err
    assert [] == account.stacks.executed


def test_a_stack_of_that_name_that_is_not_ours_is_left_alone(account: Account) -> None:
    account.stacks.has("cats-service", Kind.SERVICE, tags={"ninelives:stack": "something"})

    code, _, err = account.bootstrap("--yes")

    assert 1 == code
    assert "There is a stack cats-service that ninelives has not made." in err
    assert [] == account.stacks.executed


def test_a_second_environment_in_one_account_and_region_does_not_take_over_the_first(account: Account) -> None:
    account.told("--yes")
    done = len(account.stacks.executed)

    code, _, err = account.bootstrap("--yes", env="other")

    assert 1 == code
    assert "The stack cats-service belongs to the environment 'staging', not to 'other'." in err
    assert done == len(account.stacks.executed)


def test_services_of_one_cluster_share_its_stacks(account: Account) -> None:
    account.told("--yes")
    account.write(FILE.replace("service: cats", "service: dogs").replace("acme/cats", "acme/dogs"))

    told = account.told("--yes")

    assert ["keep", "keep", "create", "keep", "create"] == [stack["action"] for stack in told["stacks"]]


def network_changes(account: Account, **outputs: str) -> None:
    """The network's stack will have other outputs after its next change."""
    account.stacks.later["Staging-Cluster-network"] = outputs


def test_a_service_follows_its_network_in_the_same_run(account: Account) -> None:
    account.told("--yes")
    account.write(FILE.replace("bootstrap:\n", "bootstrap:\n  network: {zones: 3}\n"))
    network_changes(account, PublicSubnets="subnet-0c,subnet-0d,subnet-0e")
    done = len(account.stacks.executed)

    account.told("--yes")

    assert ["Staging-Cluster-network", "cats-service"] == account.stacks.executed[done:]
    assert "subnet-0c,subnet-0d,subnet-0e" == account.stacks.stacks["cats-service"].parameters["PublicSubnets"]
    assert {} == account.stacks.change_sets


def test_the_deploy_role_follows_its_services_roles_in_the_same_run(account: Account) -> None:
    account.told("--yes")
    before = account.stacks.stacks["cats-github"].parameters
    account.write(f"{FILE}\nroles: {{task: app}}\n")
    account.stacks.later["cats-service"] = {"TaskRoleArn": "arn:aws:iam::123456789012:role/app"}
    done = len(account.stacks.executed)

    account.told("--yes")

    assert ["cats-service", "cats-github"] == account.stacks.executed[done:]
    after = {**before, "TaskRoleArn": "arn:aws:iam::123456789012:role/app"}
    assert after == account.stacks.stacks["cats-github"].parameters
    assert {} == account.stacks.change_sets


def test_what_would_go_by_it_and_was_not_shown_is_not_done(account: Account) -> None:
    account.told("--yes")
    account.write(FILE.replace("bootstrap:\n", "bootstrap:\n  network: {zones: 3}\n"))
    network_changes(account, PublicSubnets="subnet-0c,subnet-0d,subnet-0e")
    balancer = "AWS::ElasticLoadBalancingV2::LoadBalancer"
    account.stacks.once_changed["cats-service"] = [change("Modify", "LoadBalancer", balancer, replacement="True")]

    code, _, err = account.bootstrap("--yes")

    assert 1 == code
    assert "LoadBalancer would be replaced or removed, which was not shown" in err
    assert "cats-service" != account.stacks.executed[-1]
    assert {} == account.stacks.change_sets


@pytest.mark.parametrize("smaller", ["{zones: 2, nat: none}", "{zones: 2}", "{cidr: 10.1.0.0/16, zones: 3}"])
def test_a_network_does_not_become_smaller_under_what_stands_in_it(account: Account, smaller: str) -> None:
    account.write(FILE.replace("bootstrap:\n", "bootstrap:\n  network: {zones: 3}\n"))
    account.told("--yes")
    done = len(account.stacks.executed)
    account.write(FILE.replace("bootstrap:\n", f"bootstrap:\n  network: {smaller}\n"))

    code, _, err = account.bootstrap("--yes", "--allow-replacement")

    assert 1 == code
    assert "The network Staging-Cluster-network cannot become smaller under what stands in it: " in err
    assert done == len(account.stacks.executed)
