"""What stands in for the function that the live tests' hooks name."""


def smoke(event: dict[str, object], _: object) -> dict[str, str]:
    """Answers what the hook's details say, and wants to be asked where test traffic is on the new version."""
    details = event["hookDetails"]
    assert event["lifecycleStage"] == "POST_TEST_TRAFFIC_SHIFT", event
    assert isinstance(details, dict)
    return {"hookStatus": details["answer"]}
