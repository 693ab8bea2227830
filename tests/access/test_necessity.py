import json
from typing import Any

from policy_words import SERVICE_ARN, SESSION, allow, deny

from ninelives.access import Policies, PolicyKind, Request, read_policy
from ninelives.access.necessity import parts, suffices, unneeded, without

DOCUMENT: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        allow(["ecs:UpdateService", "ecs:DescribeServices"], Sid="Deploy"),
        allow("ecr:*", Sid="Push"),
        deny("iam:*", Sid="Never"),
    ],
}


def test_the_parts_are_statements_that_allow_and_the_actions_of_those_with_several() -> None:
    assert ["Deploy", "ecs:UpdateService of Deploy", "ecs:DescribeServices of Deploy", "Push"] == [
        str(one) for one in parts(DOCUMENT)
    ]


def test_a_part_left_out_leaves_the_rest_as_it_is() -> None:
    statement, action, *_ = parts(DOCUMENT)

    assert ["Push", "Never"] == [one["Sid"] for one in without(DOCUMENT, statement)["Statement"]]
    assert ["ecs:DescribeServices"] == without(DOCUMENT, action)["Statement"][0]["Action"]
    assert 2 == len(DOCUMENT["Statement"][0]["Action"])


def test_what_no_request_needed_is_found() -> None:
    own = read_policy(json.dumps(DOCUMENT), PolicyKind.IDENTITY, "deploy")
    other = read_policy(json.dumps({"Version": "2012-10-17", "Statement": allow("s3:*")}), PolicyKind.IDENTITY, "other")
    met = Policies(identity=(own, other))
    requests = [
        (Request(principal=SESSION, action=action, resource=SERVICE_ARN), met) for action in ("ecs:UpdateService", "s3:Get")
    ]

    found = unneeded(DOCUMENT, lambda document: suffices(document, requests, name="deploy"))

    assert ["ecs:DescribeServices of Deploy", "Push"] == [str(one) for one in found]


def test_a_policy_without_any_statement_suffices_for_nothing() -> None:
    request = Request(principal=SESSION, action="ecs:UpdateService", resource=SERVICE_ARN)
    met = Policies(identity=(read_policy(json.dumps(DOCUMENT), PolicyKind.IDENTITY, "deploy"),))

    assert not suffices({"Version": "2012-10-17", "Statement": []}, [(request, met)], name="deploy")
