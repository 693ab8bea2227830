from type_bench import Bench

LOG_GROUP = "AWS::Logs::LogGroup"


def test_a_log_group_lives_its_life(bench: Bench) -> None:
    made = bench.create(LOG_GROUP, "Logs", RetentionInDays=7, Tags=[{"Key": "team", "Value": "cats"}])
    assert made.physical_id == "cats-Logs-1A2B3C4D5E6F"
    assert made.attributes["Arn"] == "arn:aws:logs:eu-west-1:111122223333:log-group:cats-Logs-1A2B3C4D5E6F:*"
    tags = bench.call("logs", "ListTagsLogGroup", logGroupName=made.physical_id)["tags"]
    assert tags == {"aws:cloudformation:stack-name": "cats", "team": "cats"}
    assert bench.find(LOG_GROUP, made) == made.physical_id

    changed = bench.update(LOG_GROUP, made, RetentionInDays=14)
    assert bench.read(LOG_GROUP, changed) == {"LogGroupName": made.physical_id, "RetentionInDays": 14}

    bench.delete(LOG_GROUP, changed)
    assert bench.read(LOG_GROUP, changed) is None
    assert bench.find(LOG_GROUP, changed) is None
