"""Our codecs against botocore's own: what its serializer writes we read, what we write its parser reads."""

import contextlib
from datetime import UTC, datetime
from typing import Any

import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ninelives.api.codec_cbor import cbor_of_texts, read_cbor, write_cbor
from ninelives.api.codec_json import read_json, write_json
from ninelives.api.codec_query import escape, read_query, write_query
from ninelives.api.constraints import Unreadable, told, violations
from ninelives.api.service_model import SIGNING_NAMES, Shape, load_service

LOADER = botocore.loaders.Loader()
SERVICES = ["ecs", "elbv2", "ecr", "application-autoscaling", "cloudwatch", "cloudformation"]


def botocore_model(service: str) -> Any:
    return botocore.model.ServiceModel(LOADER.load_service_model(service, "service-2"), service)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_read_as_botocore_reads_it(service: str) -> None:
    ours, theirs = load_service(service), botocore_model(service)

    assert set(theirs.operation_names) == ours.operation_names
    assert theirs.signing_name == SIGNING_NAMES.get(service, service)
    assert theirs.api_version == ours.api_version
    for name in theirs.operation_names:
        operation, expected = ours.operation(name), theirs.operation_model(name)
        for shape, expected_shape in ((operation.input, expected.input_shape), (operation.output, expected.output_shape)):
            assert getattr(expected_shape, "name", None) == getattr(shape, "name", None)
            if shape is not None:
                assert list(expected_shape.members) == list(shape.members)
        if operation.output is not None:
            assert expected.output_shape.serialization.get("resultWrapper") == operation.result_wrapper
    assert {shape.error_code or shape.name for shape in theirs.error_shapes} <= set(ours.errors)


def test_an_unknown_service_is_a_lookup_error() -> None:
    with pytest.raises(LookupError):
        load_service("cats")


WHOLE_MILLISECONDS = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001 the zone stands below
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=8)


def values(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:  # noqa: C901 a case for each type
    """Any value of a shape, without empty lists and maps, which the query protocol tells from absence in no standard way."""
    match shape.type:
        case "structure" if shape.is_document:
            return st.just({"any": [1, "thing"]})
        case "structure":
            members = {name: values(member.shape, depth + 1) for name, member in shape.members.items()} if depth < 4 else {}
            if shape.traits.get("union"):
                name, member = next(iter(shape.members.items()))
                return st.fixed_dictionaries({name: values(member.shape, depth + 1)})
            return st.fixed_dictionaries({}, optional=members)
        case "list":
            return st.lists(values(shape.member.shape, depth + 1), min_size=1, max_size=2)
        case "map":
            return st.dictionaries(TEXTS.filter(bool), values(shape.value.shape, depth + 1), min_size=1, max_size=2)
        case "integer" | "long":
            return st.integers(-(2**31), 2**31 - 1)
        case "float" | "double":
            return st.floats(-1e6, 1e6, width=32)
        case "boolean":
            return st.booleans()
        case "timestamp":
            return WHOLE_MILLISECONDS
        case "blob":
            return st.binary(max_size=8)
        case _:
            return TEXTS


def cases(service: str, side: str) -> st.SearchStrategy[tuple[str, Any]]:
    model = load_service(service)
    shapes = {name: getattr(model.operation(name), side) for name in sorted(model.operation_names)}
    return st.sampled_from([name for name, shape in shapes.items() if shape is not None]).flatmap(
        lambda name: st.tuples(st.just(name), values(shapes[name]))
    )


@pytest.mark.parametrize("service", ["ecs", "ecr"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_json_requests_are_read_as_botocore_wrote_them(service: str, data: st.DataObject) -> None:
    name, parameters = data.draw(cases(service, "input"))
    operation = botocore_model(service).operation_model(name)
    written = botocore.serialize.create_serializer("json", False).serialize_to_request(parameters, operation)

    assert parameters == read_json(load_service(service).operation(name).input, written["body"])


@pytest.mark.parametrize("service", ["ecs", "ecr"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_json_answers_are_read_by_botocore(service: str, data: st.DataObject) -> None:
    name, answer = data.draw(cases(service, "output"))
    body = write_json(load_service(service).operation(name).output, answer)
    parsed = botocore.parsers.create_parser("json").parse(
        {"status_code": 200, "headers": {}, "body": body}, botocore_model(service).operation_model(name).output_shape
    )
    parsed.pop("ResponseMetadata")

    assert answer == parsed


def pruned(value: Any) -> Any:
    """Without empty structures, which a form cannot carry."""
    if isinstance(value, dict):
        kept = {name: pruned(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in ({}, [])}
    if isinstance(value, list):
        return [kept for item in value if (kept := pruned(item)) not in ({}, [])]
    return value


@pytest.mark.parametrize("service", ["elbv2", "cloudformation", "cloudwatch"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_query_requests_are_read_as_botocore_wrote_them(service: str, data: st.DataObject) -> None:
    name, parameters = data.draw(cases(service, "input"))
    parameters = pruned(parameters)
    operation = botocore_model(service).operation_model(name)
    written = botocore.serialize.create_serializer("query", False).serialize_to_request(parameters, operation)
    form = {
        key: {True: "true", False: "false"}[item] if isinstance(item, bool) else str(item)
        for key, item in written["body"].items()
    }

    assert parameters == read_query(load_service(service).operation(name).input, form)


@pytest.mark.parametrize("service", ["elbv2", "cloudformation", "cloudwatch"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_query_answers_are_read_by_botocore(service: str, data: st.DataObject) -> None:
    name, answer = data.draw(cases(service, "output"))
    body = write_query(load_service(service).operation(name), answer, namespace="http://n/", request_id="the-id")
    parsed = botocore.parsers.create_parser("query").parse(
        {"status_code": 200, "headers": {}, "body": body}, botocore_model(service).operation_model(name).output_shape
    )

    assert parsed.pop("ResponseMetadata")["RequestId"] == "the-id"
    assert pruned(answer) == pruned(parsed)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_cbor_requests_are_read_as_botocore_wrote_them(data: st.DataObject) -> None:
    name, parameters = data.draw(cases("cloudwatch", "input"))
    operation = botocore_model("cloudwatch").operation_model(name)
    written = botocore.serialize.create_serializer("smithy-rpc-v2-cbor", False).serialize_to_request(parameters, operation)

    assert parameters == read_cbor(load_service("cloudwatch").operation(name).input, bytes(written["body"]))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_cbor_answers_are_read_by_botocore(data: st.DataObject) -> None:
    name, answer = data.draw(cases("cloudwatch", "output"))
    body = write_cbor(load_service("cloudwatch").operation(name).output, answer)
    parsed = botocore.parsers.create_parser("smithy-rpc-v2-cbor").parse(
        {"status_code": 200, "headers": {}, "body": body},
        botocore_model("cloudwatch").operation_model(name).output_shape,
    )
    parsed.pop("ResponseMetadata")

    assert answer == parsed


@given(body=st.binary(max_size=40))
def test_any_bytes_are_read_as_cbor_or_refused(body: bytes) -> None:
    with contextlib.suppress(Unreadable):
        read_cbor(load_service("cloudwatch").operation("PutMetricData").input, body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a0", {}),
        ("bf694e616d6573706163657f6161616266ff", None),  # a text in chunks whose last one is cut short
        ("bf694e616d6573706163657f61616162ffff", {"Namespace": "ab"}),
        ("a1694e616d6573706163656161", {"Namespace": "a"}),
        ("a2694e616d65737061636561616361626363616263", {"Namespace": "a"}),  # a member that the model does not know
        ("a1694e616d657370616365f6", {}),
        ("a1694e616d65737061636501", None),
        ("a16a4d6574726963446174619bffffffffffffffff", None),
        ("83010203", None),
        ("a0a0", None),
        ("ff", None),
    ],
)
def test_cbor_in_every_form_that_the_standard_allows(body: str, expected: Any) -> None:
    shape = load_service("cloudwatch").operation("PutMetricData").input
    if expected is None:
        with pytest.raises(Unreadable):
            read_cbor(shape, bytes.fromhex(body))
    else:
        assert expected == read_cbor(shape, bytes.fromhex(body))


def test_long_texts_have_long_heads() -> None:
    text = "x" * 70_000

    assert cbor_of_texts({"a": text})[3:8].hex() == "7a00011170"


def test_nulls_and_unknown_members_are_left_out() -> None:
    shape = load_service("ecs").operation("DescribeServices").input

    assert read_json(shape, b'{"cluster": null, "services": ["a"], "new": 1}') == {"services": ["a"]}
    assert write_json(load_service("ecs").operation("DescribeServices").output, {"services": [{"serviceName": None}]}) == (
        b'{"services":[{}]}'
    )


def test_timestamps_keep_their_milliseconds() -> None:
    shape = load_service("ecs").operation("DescribeServices").output
    moment = datetime(2026, 11, 23, 20, 0, 0, 123456, tzinfo=UTC)

    assert write_json(shape, {"services": [{"createdAt": moment}]}) == b'{"services":[{"createdAt":1795464000.123}]}'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b"[]", "START_ARRAY"),
        (b'{"desiredCount": "2"}', "desiredCount: STRING_VALUE"),
        (b'{"desiredCount": 2.5}', "desiredCount: 2.5"),
        (b'{"desiredCount": 4294967296}', "desiredCount: 4294967296"),
        (b'{"desiredCount": 1e999}', "not JSON|inf"),
        (b'{"desiredCount": true}', "desiredCount: TRUE_VALUE"),
        (b'{"cluster": 5}', "cluster: NUMBER_VALUE"),
        (b'{"loadBalancers": {}}', "loadBalancers: START_OBJECT"),
        (b'{"loadBalancers": [{"containerPort": "x"}]}', "loadBalancers.1.member.containerPort"),
    ],
)
def test_a_value_of_another_type_is_named(body: bytes, said: str) -> None:
    with pytest.raises(Unreadable, match=said.replace(".", r"\.")):
        read_json(load_service("ecs").operation("UpdateService").input, body)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"Port": "eighty"}, "Port: 'eighty' is not a valid integer"),
        ({"DefaultActions.member.x.Type": "forward"}, "DefaultActions: 'x'"),
    ],
)
def test_a_form_that_cannot_be_read_is_named(form: dict[str, str], said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        read_query(load_service("elbv2").operation("CreateListener").input, form)


def test_the_tenth_member_follows_the_ninth() -> None:
    form = {f"Names.member.{number}": f"n{number}" for number in (10, 9, 1)}

    assert read_query(load_service("elbv2").operation("DescribeLoadBalancers").input, form) == {"Names": ["n1", "n9", "n10"]}


def test_an_empty_list_in_a_form_is_an_empty_list() -> None:
    assert read_query(load_service("elbv2").operation("DescribeLoadBalancers").input, {"Names": ""}) == {"Names": []}


def test_control_characters_do_not_break_the_answer() -> None:
    assert escape("a\x00b\rc") == "a\N{REPLACEMENT CHARACTER}b&#13;c"


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "said"),
    [
        ("ecs", "DescribeServices", {}, "Value null at 'services' failed to satisfy constraint: Member must not be null"),
        ("elbv2", "CreateListener", {"LoadBalancerArn": "a", "DefaultActions": [{}]}, "'DefaultActions.1.member.Type'"),
        ("elbv2", "CreateTargetGroup", {"Name": "g", "Port": 0}, "greater than or equal to 1"),
        ("elbv2", "CreateTargetGroup", {"Name": "g", "Port": 70000}, "less than or equal to 65535"),
        ("elbv2", "CreateTargetGroup", {"Name": "g", "Protocol": "SMTP"}, "enum value set: [HTTP, HTTPS"),
        ("ecr", "CreateRepository", {"repositoryName": "Cats"}, "regular expression pattern"),
        ("ecr", "CreateRepository", {"repositoryName": "c"}, "length greater than or equal to 2"),
    ],
)
def test_what_the_model_forbids_is_told(service: str, operation: str, parameters: dict[str, Any], said: str) -> None:
    assert said in told(violations(load_service(service).operation(operation).input, parameters))


def test_all_mistakes_are_told_at_once() -> None:
    found = violations(load_service("elbv2").operation("CreateListener").input, {"Port": 0})

    assert told(found).startswith("3 validation errors detected: ")
