"""What a release changed is told without what may be secret."""

from ninelives.deploy.change import differences

SECRET = "hunter2-hunter2"
BEFORE = {
    "cpu": "256",
    "family": "cats",
    "revision": 1,
    "containerDefinitions": [
        {
            "name": "cats",
            "image": "cats:1",
            "command": ["serve", "--token", SECRET],
            "environment": [{"name": "KEY", "value": SECRET}, {"name": "GONE", "value": SECRET}],
            "secrets": [{"name": "DB", "valueFrom": "/old"}],
            "logConfiguration": {"logDriver": "awslogs", "options": {"splunk-token": SECRET}},
        }
    ],
}
AFTER = {
    "cpu": "512",
    "family": "cats",
    "revision": 2,
    "volumes": [],
    "containerDefinitions": [
        {
            "name": "cats",
            "image": "cats:2",
            "command": ["serve", "--token", f"{SECRET}!"],
            "environment": [{"name": "KEY", "value": f"{SECRET}!"}, {"name": "NEW", "value": SECRET}],
            "secrets": [{"name": "DB", "valueFrom": "/new"}],
            "logConfiguration": {"logDriver": "awslogs", "options": {"splunk-token": f"{SECRET}!"}},
        }
    ],
}


def test_names_and_sizes_are_told_and_no_value_that_may_be_secret() -> None:
    found = differences(BEFORE, AFTER)

    assert [(one.what, one.before, one.after) for one in found] == [
        ("cpu", "256", "512"),
        ("variable GONE", None, "removed"),
        ("variable KEY", None, "changed"),
        ("variable NEW", None, "added"),
        ("secret DB", None, "changed"),
        ("command", None, "changed"),
        ("image", "cats:1", "cats:2"),
        ("logConfiguration.options.splunk-token", None, "changed"),
    ]
    assert SECRET not in repr(found)


def test_what_is_the_same_makes_no_difference_and_the_first_release_has_none() -> None:
    assert differences(BEFORE, BEFORE) == ()
    assert differences(None, AFTER) == ()


def test_containers_that_come_and_go_are_told_by_name() -> None:
    sidecar = {"name": "proxy", "image": "envoy:1"}
    with_sidecar = {**BEFORE, "containerDefinitions": [*BEFORE["containerDefinitions"], sidecar]}  # type: ignore[misc]  # any JSON

    assert [(one.what, one.after) for one in differences(BEFORE, with_sidecar)] == [("container proxy", "added")]
    assert [(one.what, one.after) for one in differences(with_sidecar, BEFORE)] == [("container proxy", "removed")]
