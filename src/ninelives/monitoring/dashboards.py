"""What is wrong with the body of a dashboard, place by place.

Source: "Dashboard body structure and syntax", CloudWatch API reference. One with errors is not kept; warnings are told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

WIDGETS_MAX: Final = 500
COLUMNS: Final = 24
HEIGHT_MAX: Final = 1000
REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "alarm": ("alarms",),
    "explorer": ("metrics", "labels"),
    "log": ("query", "region"),
    "metric": ("region",),
    "text": ("markdown",),
}
"""By type of widget, the properties that must be there."""
VIEWS: Final = frozenset({"timeSeries", "singleValue", "gauge", "bar", "pie", "table", "heatmap"})
WIDGET_FIELDS: Final = frozenset({"type", "x", "y", "width", "height", "properties"})
NUMBERS: Final[Mapping[str, tuple[int, int]]] = {
    "x": (0, COLUMNS - 1),
    "y": (0, 10_000),
    "width": (1, COLUMNS),
    "height": (1, HEIGHT_MAX),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a place, as a JSON pointer has it."""

    path: str
    message: str
    is_error: bool = True


def findings(body: Mapping[str, Any]) -> list[Finding]:
    """All that is wrong with a dashboard, in the order of its body.

    >>> findings({"widgets": [{"type": "text", "properties": {}}]})
    [Finding(path='/widgets/0/properties', message="Should have required property 'markdown'", is_error=True)]
    """
    widgets = body.get("widgets")
    if widgets is None:
        return [Finding("", "Should have required property 'widgets'")]
    if not isinstance(widgets, list):
        return [Finding("/widgets", "Should be array")]
    found = [Finding("/widgets", f"Should NOT have more than {WIDGETS_MAX} items")] if len(widgets) > WIDGETS_MAX else []
    for number, widget in enumerate(widgets):
        found += _of_widget(f"/widgets/{number}", widget)
    return found


def _of_widget(path: str, widget: object) -> Iterator[Finding]:
    if not isinstance(widget, dict):
        yield Finding(path, "Should be object")
        return
    for name, (least, most) in NUMBERS.items():
        if name in widget:
            yield from _of_number(f"{path}/{name}", widget[name], least, most)
    x, width = widget.get("x"), widget.get("width")
    if isinstance(x, int) and isinstance(width, int) and x + width > COLUMNS:
        yield Finding(f"{path}/width", f"The widget ends beyond column {COLUMNS}", is_error=False)
    for name in widget.keys() - WIDGET_FIELDS:
        yield Finding(f"{path}/{name}", "Should NOT have additional properties", is_error=False)
    kind = widget.get("type")
    if kind is None:
        yield Finding(path, "Should have required property 'type'")
    elif not isinstance(kind, str) or kind not in REQUIRED:
        yield Finding(f"{path}/type", f"Should be one of {', '.join(sorted(REQUIRED))}")
    elif not isinstance(widget.get("properties"), dict):
        yield Finding(path, "Should have required property 'properties'")
    else:
        yield from _of_properties(f"{path}/properties", kind, widget["properties"])


def _of_number(path: str, value: object, least: int, most: int) -> Iterator[Finding]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield Finding(path, "Should be integer")
    elif value < least:
        yield Finding(path, f"Should be >= {least}")
    elif value > most:
        yield Finding(path, f"Should be <= {most}")


def _of_properties(path: str, kind: str, properties: Mapping[str, Any]) -> Iterator[Finding]:
    for name in REQUIRED[kind]:
        if name not in properties:
            yield Finding(path, f"Should have required property '{name}'")
    if kind == "metric":
        yield from _of_metric_widget(path, properties)
    if kind == "text" and not isinstance(properties.get("markdown", ""), str):
        yield Finding(f"{path}/markdown", "Should be string")
    if kind == "alarm" and not isinstance(properties.get("alarms", []), list):
        yield Finding(f"{path}/alarms", "Should be array")


def _of_metric_widget(path: str, properties: Mapping[str, Any]) -> Iterator[Finding]:
    annotations = properties.get("annotations")
    has_alarm = isinstance(annotations, dict) and "alarms" in annotations
    if "metrics" not in properties and not has_alarm:
        yield Finding(path, "Should have required property 'metrics'")
    view = properties.get("view", "timeSeries")
    if not isinstance(view, str) or view not in VIEWS:
        yield Finding(f"{path}/view", f"Should be one of {', '.join(sorted(VIEWS))}")
    metrics = properties.get("metrics", [])
    if not isinstance(metrics, list):
        yield Finding(f"{path}/metrics", "Should be array")
        return
    for number, metric in enumerate(metrics):
        yield from _of_metric(f"{path}/metrics/{number}", metric)


def _of_metric(path: str, metric: object) -> Iterator[Finding]:
    """``[Namespace, Name, Dimension, Value, …, {…}]``, or one object with an expression."""
    if not isinstance(metric, list):
        yield Finding(path, "Should be array")
        return
    texts: Sequence[object] = metric[:-1] if metric and isinstance(metric[-1], dict) else metric
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            yield Finding(f"{path}/{place}", "Should be string")
    if not texts:
        options = metric[-1] if metric else {}
        if "expression" not in options:
            yield Finding(path, "Should NOT have fewer than 2 items")
    elif len(texts) < 2 or len(texts) % 2:  # noqa: PLR2004 namespace and name, then pairs
        yield Finding(path, "A metric is its namespace, its name, and pairs of dimension and value")
