"""The door of the command line: finds a verb's module only when it is used, and says errors once, in one place.

A user's mistake never shows a traceback: what was found, where, what was expected, what to do next, on stderr, exit code 1.
A bug of ours does show one.
"""

import os
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NoReturn

import click

from ninelives import __version__
from ninelives.cli.exit_codes import ExitCode

VERBS: dict[str, str] = {
    "init": "Write a ninelives.yml for the service in this folder.",
    "up": "Start an embedded AWS region, or bring one back.",
    "down": "Stop an embedded region.",
    "env": "Print shell lines that point AWS clients at the region.",
    "demo": "Release Cats 2.0.1 over 1.0.0 under load, and count every request.",
    "bootstrap": "Make what the service stands on in an AWS account, changes and costs shown first.",
    "deploy": "Build, push and release a version; wait for the verdict.",
    "status": "Show the service: version, tasks, targets, events.",
    "console": "Show services, releases, charts and logs as a page, and decide there.",
    "wait": "Wait for the running deployment's verdict.",
    "logs": "Show what the tasks wrote.",
    "metrics": "Draw what CloudWatch knows of the service: requests, errors, latency, tasks, alarms.",
    "scale": "Show what scales the service; set count, bounds and suspensions by hand.",
    "dashboard": "Print or put a CloudWatch dashboard made from the service file.",
    "promote": "Let a paused release go on.",
    "abort": "Take back the release that is under way.",
    "rollback": "Go back to the last version that was proven good.",
    "history": "List past deployments with their verdicts.",
    "doctor": "Examine the image, this machine and the live service.",
    "prune": "Delete images and task definitions that nothing runs and no rollback needs.",
    "rightsize": "Propose the size and count of tasks that what was measured asks for, with costs.",
    "workflow": "Write the GitHub workflow that releases the service.",
}
"""Each verb and its line in the help. ``ninelives.cli.<verb>`` holds a click command of the verb's name."""


NO_VERBS: dict[str, str] = {
    "pause": "ECS pauses a release only where a hook of the service file says so "
    "(`deploy: {hooks: [{stages: […], pause: true}]}`). One that is under way goes on or is taken back (`ninelives abort`).",
    "resume": "A paused release goes on with `ninelives promote`.",
}
"""What one may look for and ECS has not, with what there is instead."""


class LazyVerbs(click.Group):
    """Verbs that are imported when they are used; a verb whose module is not there is not listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return [verb for verb in VERBS if find_spec(f"ninelives.cli.{verb}")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = getattr(import_module(f"ninelives.cli.{cmd_name}"), cmd_name)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        verbs = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in verbs:
            near = get_close_matches(args[0], verbs, n=1)
            told = NO_VERBS.get(args[0]) or (f"Did you mean {near[0]!r}?" if near else "")
            ctx.fail(f"No such command {args[0]!r}. {told}".rstrip())
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, VERBS[verb]) for verb in self.list_commands(ctx)])


@click.command(
    cls=LazyVerbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 ok, 1 error, 2 differs (`workflow --check`, `dashboard --diff`), 4 rolled back, 5 timed out, "
    "6 superseded, 8 paused, "
    "9 requests lost, 130 interrupted.",
)
@click.version_option(__version__, "--version", prog_name="ninelives")
def ninelives() -> None:
    """Rehearse, deploy and prove zero-downtime releases on Amazon ECS."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit with its code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code. A verb returns its code, or None for 0."""
    try:
        code = ninelives.main(args=arguments, prog_name="ninelives", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as mistake:
        mistake.show()
        return ExitCode.ERROR
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # `ninelives logs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.ERROR
    except Exception as error:
        told = told_to_user(error)
        if told is None:
            raise
        _say(*told)
        return ExitCode.ERROR
    return code if isinstance(code, int) else ExitCode.OK


def told_to_user(error: Exception) -> tuple[str, str | None] | None:
    """What to say of an error, and the next step; None when it is a bug of ours and deserves its traceback."""
    from ninelives.cli.errors import UserError

    if isinstance(error, UserError):
        return error.message, error.hint
    if "ninelives.deploy.errors" in sys.modules:
        from ninelives.deploy.errors import DeployError

        if isinstance(error, DeployError):
            return error.message, error.hint
    if type(error).__module__.startswith("botocore.") or type(error).__module__.startswith("boto3."):
        return _aws_error(error)
    return None


def _aws_error(error: Any) -> tuple[str, str | None]:
    """An error of the AWS API or of its client, in its own words."""
    response = getattr(error, "response", None)
    if isinstance(response, dict) and "Error" in response:
        code, message = response["Error"].get("Code", "error"), response["Error"].get("Message", "no message")
        return f"AWS refused {error.operation_name}: {code}: {message}", _refusal_hint(code, message)
    name = type(error).__name__
    if name in {"NoCredentialsError", "PartialCredentialsError"}:
        return "No AWS credentials were found.", "Set AWS_PROFILE or AWS_ACCESS_KEY_ID, or log in with `aws sso login`."
    return f"{name}: {error}", None


def _refusal_hint(code: str, message: str) -> str | None:
    if code in {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}:
        action = re.search(r"not authorized to perform:? ([a-z0-9-]+:\w+)", message)
        return f"Allow {action[1]} to the credentials." if action else "The credentials lack a permission for this call."
    if code in {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}:
        return "Renew the credentials, for example with `aws sso login`."
    return None


def _say(message: str, hint: str | None) -> None:
    click.echo(click.style("Error: ", fg="red", bold=True) + message, err=True)
    if hint:
        click.echo(hint, err=True)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from ninelives.cli.github_actions import annotate_error

        annotate_error(message, hint)


if __name__ == "__main__":
    main()
