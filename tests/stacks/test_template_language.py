"""Templates, pure: what is read, what is resolved, what is refused, in tables."""

from typing import Any

import pytest

from ninelives.stacks.templates.dependencies import check_order, dependencies_of
from ninelives.stacks.templates.dynamic import ParameterReference, SecretReference, dynamic_references, with_values
from ninelives.stacks.templates.errors import TemplateError
from ninelives.stacks.templates.intrinsic import Evaluation, Known, ResourceFacts, Unknown
from ninelives.stacks.templates.loops import expanded
from ninelives.stacks.templates.parameters import Given, ParameterValue, parameter_values, read_parameters
from ninelives.stacks.templates.template import LANGUAGE_EXTENSIONS, Template, read_template
from ninelives.stacks.templates.text import read_text

TEMPLATE = Template(
    transforms=(LANGUAGE_EXTENSIONS,),
    mappings={"Sizes": {"small": {"cpu": 256, "zones": ["a", "b"]}}},
    conditions={
        "Yes": {"Fn::Equals": [{"Ref": "Size"}, "small"]},
        "No": {"Fn::Not": [{"Condition": "Yes"}]},
        "Both": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]},
        "Either": {"Fn::Or": [{"Condition": "Yes"}, {"Condition": "No"}]},
        "Loop": {"Condition": "Loop"},
    },
    resources=dict(read_template({"Resources": {"Made": {"Type": "T"}, "Awaited": {"Type": "T"}}}).resources),
)


def lookup(name: str) -> ResourceFacts | None:
    facts = ResourceFacts(physical_id="made-1", attributes={"Arn": "arn:made", "Endpoint.Port": "80"})
    return facts if name == "Made" else None


def resolve(value: Any) -> Any:
    known = Known(
        template=TEMPLATE,
        parameters={"Size": "small", "Names": ["x", "y"]},
        pseudo={"AWS::Region": "eu-west-1", "AWS::StackName": "cats"},
        exports={"vpc": "vpc-1"},
        zones=("eu-west-1a", "eu-west-1b"),
    )
    return Evaluation(known, lookup).resolve(value)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"Ref": "Size"}, "small"),
        ({"Ref": "Names"}, ["x", "y"]),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Ref": "Made"}, "made-1"),
        ({"Ref": "Awaited"}, Unknown(frozenset({"Awaited"}))),
        ({"A": 1, "B": {"Ref": "AWS::NoValue"}, "C": [{"Ref": "AWS::NoValue"}, 2]}, {"A": 1, "C": [2]}),
        ({"Fn::GetAtt": ["Made", "Arn"]}, "arn:made"),
        ({"Fn::GetAtt": "Made.Endpoint.Port"}, "80"),
        ({"Fn::GetAtt": ["Awaited", "Arn"]}, Unknown(frozenset({"Awaited.Arn"}))),
        ({"Fn::Sub": "${AWS::StackName}-${Made}-${Made.Arn}-${!Literal}-$x"}, "cats-made-1-arn:made-${Literal}-$x"),
        ({"Fn::Sub": ["${A}${Size}", {"A": {"Fn::Join": ["", ["1", 2]]}}]}, "12small"),
        ({"Fn::Sub": "a-${Awaited}"}, Unknown(frozenset({"Awaited"}))),
        ({"Fn::Join": ["-", ["a", {"Ref": "Size"}, 3, True]]}, "a-small-3-true"),
        ({"Fn::Join": [",", {"Ref": "Names"}]}, "x,y"),
        ({"Fn::Select": ["1", {"Ref": "Names"}]}, "y"),
        ({"Fn::Select": [0, {"Fn::GetAZs": ""}]}, "eu-west-1a"),
        ({"Fn::Split": [":", "a:b:"]}, ["a", "b", ""]),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Size"}, "cpu"]}, 256),
        ({"Fn::FindInMap": ["Sizes", "large", "cpu", {"DefaultValue": 1}]}, 1),
        ({"Fn::ImportValue": {"Fn::Sub": "vpc"}}, "vpc-1"),
        ({"Fn::Base64": "cats"}, "Y2F0cw=="),
        ({"Fn::Cidr": ["10.0.0.0/16", 3, 8]}, ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]),
        ({"Fn::Cidr": ["10.0.0.0/24", "2", "5"]}, ["10.0.0.0/27", "10.0.0.32/27"]),
        ({"Fn::If": ["Yes", 1, 2]}, 1),
        ({"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}, None),
        ({"Fn::If": ["Both", 1, 2]}, 2),
        ({"Fn::If": ["Either", 1, 2]}, 1),
        ({"Fn::Contains": [["a", "b"], "a"]}, True),
        ({"Fn::EachMemberIn": [["a"], ["a", "b"]]}, True),
        ({"Fn::EachMemberEquals": [["a", "b"], "a"]}, False),
        ({"Fn::Length": {"Ref": "Names"}}, 2),
        ({"Fn::ToJsonString": {"a": [{"Ref": "Size"}]}}, '{"a":["small"]}'),
        ({"Condition": {"StringEquals": {}}, "Effect": "Allow"}, {"Condition": {"StringEquals": {}}, "Effect": "Allow"}),
        ({"Condition": {"StringEquals": {}}}, {"Condition": {"StringEquals": {}}}),
    ],
)
def test_a_function_gives_what_it_shall(written: Any, expected: Any) -> None:
    assert expected == resolve(written)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"Ref": "Nobody"}, "format error: Unresolved resource dependencies [Nobody] in the Resources block of the template"),
        ({"Fn::GetAtt": ["Made", "Color"]}, "error: resource Made does not support attribute type Color in Fn::GetAtt"),
        ({"Fn::Select": [9, {"Ref": "Names"}]}, "error: Fn::Select cannot select nonexistent value at index 9"),
        ({"Fn::FindInMap": ["Sizes", "large", "cpu"]}, "error: Unable to get mapping for Sizes::large::cpu"),
        (
            {"Fn::FindInMap": ["No", "a", "b"]},
            "error: Mapping named 'No' is not present in the 'Mappings' section of template.",
        ),
        (
            {"Fn::Sub": "${a b}"},
            (
                "error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, periods, "
                "and colons"
            ),
        ),
        ({"Fn::Cidr": ["10.0.0.0/28", 3, 3]}, "error: Fn::Cidr: 10.0.0.0/28 has no 3 blocks of 3 bits."),
        ({"Fn::If": ["Loop", 1, 2]}, "error: Found circular condition dependency between Loop"),
        ({"Fn::Nonsense": 1}, "error: this region does not have the function Fn::Nonsense."),
    ],
)
def test_a_function_that_cannot_be_done_says_why(written: Any, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        resolve(written)

    assert f"Template {message}" == str(caught.value)


def test_an_export_that_nobody_has_is_told_by_its_name() -> None:
    with pytest.raises(TemplateError, match=r"^No export named none found\.$"):
        resolve({"Fn::ImportValue": "none"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A: !Ref B", {"A": {"Ref": "B"}}),
        ("A: !GetAtt B.C.D", {"A": {"Fn::GetAtt": ["B", "C.D"]}}),
        ("A: !Sub ['${x}', {x: !Ref Y}]", {"A": {"Fn::Sub": ["${x}", {"x": {"Ref": "Y"}}]}}),
        ("A: !If [C, !Ref D, !Ref 'AWS::NoValue']", {"A": {"Fn::If": ["C", {"Ref": "D"}, {"Ref": "AWS::NoValue"}]}}),
        ("A: !Condition C", {"A": {"Condition": "C"}}),
        ("A: !Transform {Name: n}", {"A": {"Fn::Transform": {"Name": "n"}}}),
        ("Version: 2012-10-17", {"Version": "2012-10-17"}),
        ("A: &x {B: 1}\nC: *x", {"A": {"B": 1}, "C": {"B": 1}}),
        ('{"A": [1, true]}', {"A": [1, True]}),
        ("A:\n  1: x", {"A": {"1": "x"}}),
    ],
)
def test_text_is_read_as_data(text: str, expected: Any) -> None:
    assert expected == read_text(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A: 1\nA: 2", "Template format error: YAML not well-formed. found duplicate key A (line 2, column 1)"),
        ("- a", "Template format error: unsupported structure."),
        ("A:\n\tB: 1", "Template format error: YAML not well-formed. (line 2, column 1)"),
        ('{"A": ', "Template format error: JSON not well-formed. (line 1, column 7)"),
    ],
)
def test_text_that_cannot_be_read_says_where(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        read_text(text)

    assert message == str(caught.value)


DECLARED = read_parameters(
    {
        "Count": {"Type": "Number", "Default": 2, "MinValue": 1, "MaxValue": 9},
        "Color": {"Type": "String", "AllowedValues": ["red", "blue"], "Default": "red"},
        "Code": {"Type": "String", "AllowedPattern": "[a-z]+", "MinLength": 2, "MaxLength": 4, "Default": "abc"},
        "Told": {"Type": "String", "AllowedPattern": "x", "ConstraintDescription": "an x.", "Default": "x"},
        "Zones": {"Type": "List<AWS::EC2::AvailabilityZone::Name>", "Default": "a, b"},
    }
)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Count": "0"}, "Parameter 'Count' must be a number not less than 1"),
        ({"Count": "10"}, "Parameter 'Count' must be a number not greater than 9"),
        ({"Count": "many"}, "Parameter 'Count' must be a number"),
        ({"Color": "green"}, "Parameter 'Color' must be one of AllowedValues"),
        ({"Code": "ABC"}, "Parameter 'Code' must match pattern [a-z]+"),
        ({"Code": "a"}, "Parameter 'Code' must contain at least 2 characters"),
        ({"Code": "abcde"}, "Parameter 'Code' must contain at most 4 characters"),
        ({"Told": "y"}, "Parameter Told failed to satisfy constraint: an x."),
        ({"Nobody": "1"}, "Parameters: [Nobody] do not exist in the template"),
    ],
)
def test_a_parameter_that_breaks_its_constraints_is_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parameter_values(DECLARED, [Given(key=key, value=value) for key, value in given.items()])

    assert message == str(caught.value)


def test_parameters_have_what_was_given_else_what_was_else_their_default() -> None:
    before = {"Count": ParameterValue(key="Count", value="5"), "Color": ParameterValue(key="Color", value="blue")}
    given = [Given(key="Count", use_previous=True), Given(key="Code", value="xy")]

    values = {one.key: one.value for one in parameter_values(DECLARED, given, before)}

    assert values == {"Count": "5", "Color": "red", "Code": "xy", "Told": "x", "Zones": "a, b"}


def test_what_a_resource_needs_is_said_or_referred_to() -> None:
    template = read_template(
        {
            "Resources": {
                "A": {"Type": "T"},
                "B": {"Type": "T", "DependsOn": "A"},
                "C": {"Type": "T", "Properties": {"X": {"Fn::Sub": "${B.Arn}"}, "Y": {"Fn::Join": ["", [{"Ref": "A"}]]}}},
            }
        }
    )

    assert [(), ("A",), ("A", "B")] == [dependencies_of(template, name) for name in "ABC"]
    check_order(template)


def test_a_circle_is_told_by_its_resources() -> None:
    resources = {name: {"Type": "T", "DependsOn": other} for name, other in (("A", "B"), ("B", "C"), ("C", "A"), ("D", "A"))}

    with pytest.raises(TemplateError, match=r"Circular dependency between resources: \[A, B, C\]"):
        check_order(read_template({"Resources": resources}))


def test_loops_are_written_out_one_in_another() -> None:
    written = {
        "Fn::ForEach::Outer": [
            "X",
            ["a", "b"],
            {"Fn::ForEach::Inner": ["Y", ["1.1", "2"], {"R${X}&{Y}": ["${Y}", {"Ref": "X"}]}]},
        ]
    }

    assert expanded(written, lambda one: one) == {
        "Ra11": ["1.1", "a"],
        "Ra2": ["2", "a"],
        "Rb11": ["1.1", "b"],
        "Rb2": ["2", "b"],
    }


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("{{resolve:ssm:/a/b}}", ParameterReference(name="/a/b", version=None, is_secure=False)),
        ("{{resolve:ssm-secure:a:3}}", ParameterReference(name="a", version="3", is_secure=True)),
        (
            "{{resolve:secretsmanager:cats:SecretString:key:AWSCURRENT}}",
            SecretReference(secret_id="cats", json_key="key", version_stage="AWSCURRENT", version_id=None),
        ),
        (
            "{{resolve:secretsmanager:arn:aws:secretsmanager:eu-west-1:111122223333:secret:cats-AbCdEf:SecretString:key}}",
            SecretReference(
                secret_id="arn:aws:secretsmanager:eu-west-1:111122223333:secret:cats-AbCdEf",
                json_key="key",
                version_stage=None,
                version_id=None,
            ),
        ),
    ],
)
def test_dynamic_references_are_read_and_give_way_to_their_values(text: str, meaning: Any) -> None:
    value = {"A": [f"before {text} after"]}

    assert [(text, meaning)] == list(dynamic_references(value))
    assert {"A": ["before hush after"]} == with_values(value, {text: "hush"})
