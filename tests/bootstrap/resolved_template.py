"""A template as CloudFormation would see it with certain parameters: conditions decided, what they leave out gone.

Written apart from ``ninelives.bootstrap.template``, which only says which resources there are.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ninelives.bootstrap.template import Kind, template_data

PSEUDO = {
    "AWS::AccountId": "123456789012", "AWS::Region": "eu-west-1", "AWS::Partition": "aws", "AWS::StackName": "a-stack",
}  # fmt: skip
NOTHING = object()


class Resolved:
    """``data`` is the template with parameters as values; what refers to resources and exports stays as it is."""

    def __init__(self, kind: Kind, parameters: Mapping[str, str]) -> None:
        source = template_data(kind)
        declared = source.get("Parameters", {})
        assert set(parameters) <= set(declared), set(parameters) - set(declared)
        self.values: dict[str, Any] = {}
        for name, one in declared.items():
            given = parameters.get(name, one.get("Default"))
            assert given is not None, f"{name} has no value"
            allowed = [str(value) for value in one.get("AllowedValues", [given])]
            assert str(given) in allowed, (name, given)
            if one["Type"] == "Number":
                float(given)
            self.values[name] = str(given).split(",") if one["Type"] == "CommaDelimitedList" else str(given)
        self.conditions = source.get("Conditions", {})
        there = {name: one for name, one in source["Resources"].items() if self._holds_for(one)}
        self.resources = {
            name: self.plain({key: value for key, value in one.items() if key != "Condition"}) for name, one in there.items()
        }
        self.outputs = {name: self.plain(one) for name, one in source.get("Outputs", {}).items() if self._holds_for(one)}

    @property
    def data(self) -> dict[str, Any]:
        return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": self.resources}

    def _holds_for(self, one: Mapping[str, Any]) -> bool:
        return "Condition" not in one or self.holds(one["Condition"])

    def holds(self, condition: str) -> bool:
        return bool(self.plain(self.conditions[condition]))

    def plain(self, value: Any) -> Any:  # noqa: C901, PLR0912 (a list of cases)
        if isinstance(value, list):
            return [one for one in map(self.plain, value) if one is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(function, operand)] = value.items()
            match function:
                case "Ref" if operand == "AWS::NoValue":
                    return NOTHING
                case "Ref" if operand in self.values:
                    return self.values[operand]
                case "Ref" if operand in PSEUDO:
                    return PSEUDO[operand]
                case "Condition" if isinstance(operand, str) and operand in self.conditions:
                    return self.holds(operand)
                case "Fn::If":
                    return self.plain(operand[1] if self.holds(operand[0]) else operand[2])
                case "Fn::Equals":
                    left, right = map(self.plain, operand)
                    return str(left) == str(right)
                case "Fn::Not":
                    return not self.plain(operand[0])
                case "Fn::And":
                    return all(map(self.plain, operand))
                case "Fn::Or":
                    return any(map(self.plain, operand))
                case "Fn::Join":
                    parts = self.plain(operand[1])
                    return (
                        operand[0].join(parts)
                        if all(isinstance(one, str) for one in parts)
                        else {"Fn::Join": [operand[0], parts]}
                    )
                case "Fn::Select" if isinstance(self.plain(operand[1]), list):
                    return self.plain(operand[1])[operand[0]]
                case "Fn::Sub":
                    return self._substituted(operand)
                case _:
                    pass
        return {key: plain for key, one in value.items() if (plain := self.plain(one)) is not NOTHING}

    def _substituted(self, operand: Any) -> Any:
        text, more = operand if isinstance(operand, list) else (operand, {})
        for name, value in {**self.values, **PSEUDO}.items():
            text = text.replace(f"${{{name}}}", ",".join(value) if isinstance(value, list) else value)
        if "${" not in text:
            return text
        return {"Fn::Sub": [text, self.plain(more)] if more else text}

    def references(self) -> Iterator[str]:
        """Names of all that the resources and outputs refer to."""
        yield from _references([self.resources, self.outputs])


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _references(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key == "Ref":
                yield one
            elif key == "Fn::GetAtt":
                yield one[0]
            elif key == "DependsOn":
                yield from [one] if isinstance(one, str) else one
            elif key == "Fn::Sub":
                text, more = one if isinstance(one, list) else (one, {})
                yield from (
                    part.partition("}")[0].partition(".")[0]
                    for part in text.split("${")[1:]
                    if part.partition("}")[0] not in more
                )
                yield from _references(more)
            else:
                yield from _references(one)
