"""Somebody agrees before something is changed: the option that agrees beforehand, and the question."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from ninelives.cli.errors import UserError

F = TypeVar("F", bound=Callable[..., Any])


def yes_option(text: str = "Do not ask.") -> Callable[[F], F]:
    """--yes, -y: told as ``yes``."""
    return click.option("--yes", "-y", "yes", is_flag=True, help=text)


def ask(question: str, *, as_json: bool = False, unchanged: str = "Nothing was changed.") -> None:
    """Raise ``UserError`` unless somebody at a terminal says yes; ``unchanged`` is what holds then, and after Ctrl-C."""
    if as_json or not is_somebody_there():
        raise UserError("Nobody is there to agree to the changes.", hint=f"Agree beforehand with --yes. {unchanged}")
    try:
        is_agreed = click.confirm(question, default=False, err=True)
    except click.Abort:
        click.echo(f"\n{unchanged}", err=True)
        raise
    if not is_agreed:
        raise UserError(unchanged)


def is_somebody_there() -> bool:
    return sys.stdin.isatty()
