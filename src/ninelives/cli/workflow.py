"""``ninelives workflow``: the GitHub workflow that releases the service, from its service file."""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import click

from ninelives.bootstrap.written_file import Standing
from ninelives.cli.errors import UserError
from ninelives.cli.exit_codes import ExitCode
from ninelives.deploy.options import FILE_NAME, LOCAL

ENVIRONMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
FILE_NAME_IN_SCRIPTS = re.compile(r"[A-Za-z0-9_.-]+")
FLAVOURS = ("ninelives", "aws-actions")
"""The values of ``bootstrap.workflow.Flavour``; that imports the service file, which help has no time for."""


@click.command()
@click.option(
    "--config", "-c", envvar="NINELIVES_CONFIG", default=FILE_NAME, show_default=True,
    type=click.Path(path_type=Path), help="The service file.",
)  # fmt: skip
@click.option(
    "--env", "-e", "environment", envvar="NINELIVES_ENV", default=None,
    help="Environment that is released to [the one that the file has beside `local`].",
)  # fmt: skip
@click.option(
    "--flavour", type=click.Choice(FLAVOURS), default=FLAVOURS[0], show_default=True,
    help="What releases: this tool, with its proof; or AWS's own actions alone.",
)  # fmt: skip
@click.option("--main", default=None, metavar="BRANCH", help="The branch that version tags must be on [the remote's own].")
@click.option(
    "--rehearse", "rehearsed", default=None, metavar="OLD..NEW",
    help="Versions that pull requests release one over the other [their base, then themselves].",
)  # fmt: skip
@click.option(
    "--action", default=None, metavar="OWNER/NAME@COMMIT",
    help="Where the workflow gets this tool from [where it was installed from].",
)  # fmt: skip
@click.option("--check", is_flag=True, help="Write nothing; end with 2 if what is there differs from what would be written.")
@click.option("--print", "prints", is_flag=True, help="Write nothing; print the workflow.")
@click.option("--force", is_flag=True, help="Overwrite what was edited by hand.")
def workflow(
    config: Path,
    environment: str | None,
    flavour: str,
    main: str | None,
    rehearsed: str | None,
    action: str | None,
    **how: bool,
) -> int:
    """Write the GitHub workflow that builds, releases and rolls back the service.

    Writes .github/workflows/deploy.yml and, unless there is one of your own, .github/dependabot.yml.
    """
    from ninelives.bootstrap.workflow import DEPENDABOT_PATH, DEPLOY_PATH, dependabot_settings, deploy_workflow
    from ninelives.bootstrap.written_file import signed, standing, with_newer_pins

    top = _repository_of(config)
    pipeline = _pipeline(top, config, environment, flavour, main=main, rehearsed=rehearsed, action=action)
    command = _command(top, config, environment, flavour, main=main, rehearsed=rehearsed, action=action)
    wanted = {
        DEPLOY_PATH: signed(deploy_workflow(pipeline), command),
        DEPENDABOT_PATH: signed(dependabot_settings(pipeline), command),
    }
    if how["prints"]:
        click.echo(wanted[DEPLOY_PATH], nl=False)
        return ExitCode.OK
    found = {path: _read(top / path) for path in wanted}
    wanted = {path: with_newer_pins(text, found[path]) for path, text in wanted.items()}
    standings = {path: standing(found[path], text) for path, text in wanted.items()}
    if standings[DEPENDABOT_PATH] is Standing.FOREIGN:  # of the user's own: told what it lacks, and left alone
        _tell_of_own_dependabot(top / DEPENDABOT_PATH, wanted.pop(DEPENDABOT_PATH))
    if how["check"]:
        return _checked({path: standings[path] for path in wanted}, command)
    _require_untouched({path: standings[path] for path in wanted}, top, force=how["force"])
    for path, text in wanted.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text, encoding="utf-8")
        unchanged = standings[path] is Standing.SAME
        click.echo(f"{path}: {'as it was' if unchanged else 'written'}", err=True)
    _tell_next_steps(top, pipeline)
    return ExitCode.OK


def _repository_of(config: Path) -> Path:
    from ninelives.deploy.checkout import top_of

    folder = config.absolute().parent
    top = top_of(folder) if folder.is_dir() else None
    if top is None:
        raise UserError(
            f"{folder} is in no git repository, and GitHub runs workflows of repositories only.",
            hint="Make one with `git init`, or go to where it is checked out.",
        )
    return top


def _pipeline(
    top: Path,
    config: Path,
    environment: str | None,
    flavour: str,
    *,
    main: str | None,
    rehearsed: str | None,
    action: str | None,
) -> Any:
    from ninelives.bootstrap.workflow import Flavour, Pipeline
    from ninelives.deploy.checkout import main_branch
    from ninelives.deploy.reading import read_service_file

    chosen = environment or _only_environment(config)
    if chosen == LOCAL:
        raise UserError(
            "A workflow releases to AWS; the environment 'local' is the embedded region of the machine it runs on.",
            hint=f"Name another with --env, or add one to {config}: `environments: {{staging: {{region: eu-west-1}}}}`.",
        )
    definition = read_service_file(config, chosen)
    _require_names(config, chosen)
    if definition.file.region is None:
        raise UserError(
            f"{config}: the environment {chosen!r} names no region, and a runner of GitHub's has none of its own.",
            hint=f"Add it: `environments: {{{chosen}: {{region: eu-west-1}}}}`.",
        )
    return Pipeline(
        file=definition.file,
        rehearsed_file=read_service_file(config).file,
        environment=chosen,
        flavour=Flavour(flavour),
        path=_from_top(top, config),
        main=main or main_branch(top),
        setup=_setup(top, action) if flavour == FLAVOURS[0] else "",
        rehearsed=_versions(rehearsed),
    )


def _only_environment(config: Path) -> str:
    """The environment beside ``local``, where there is exactly one."""
    from ninelives.deploy.reading import environments_of

    known = [name for name in environments_of(config) if name != LOCAL]
    if not known:
        raise UserError(
            f"{config} has no environment beside 'local', so there is nothing on AWS to release to.",
            hint="Add one: `environments: {staging: {cluster: staging, region: eu-west-1}}`.",
        )
    if len(known) > 1:
        raise UserError(f"{config} has the environments {', '.join(known)}.", hint=f"Name one: `--env {known[0]}`.")
    return known[0]


def _require_names(config: Path, environment: str) -> None:
    """Names that go into a script as they are."""
    if not ENVIRONMENT_NAME.fullmatch(environment):
        raise UserError(
            f"{environment!r} cannot name an environment of GitHub's here: expected letters, digits, hyphens and underscores.",
            hint=f"Rename it in {config}.",
        )
    if not FILE_NAME_IN_SCRIPTS.fullmatch(config.name):
        raise UserError(
            f"The service file's name {config.name!r} would need quotes in scripts.",
            hint="Rename it with letters, digits, dots, hyphens and underscores.",
        )


def _from_top(top: Path, config: Path) -> PurePosixPath:
    resolved = config.absolute().parent.resolve() / config.name
    return PurePosixPath(resolved.relative_to(top.resolve()).as_posix())


def _setup(top: Path, action: str | None) -> str:
    from ninelives.cli.own_address import PINNED, own_action

    if action is not None:
        if action != "./" and not PINNED.fullmatch(action):
            raise UserError(
                f"--action: expected OWNER/NAME@ and a commit's 40 hexadecimal digits, found {action!r}.",
                hint="A tag may be moved by whoever holds the repository; a commit may not. `git ls-remote` tells it.",
            )
        return action
    found = own_action(top)
    if found is None:
        raise UserError(
            "Where this tool can be had from is not known: it was not installed from a repository on GitHub.",
            hint="Name it with `--action OWNER/ninelives@COMMIT`, or take `--flavour aws-actions`, which does without.",
        )
    return found


def _versions(rehearsed: str | None) -> tuple[str, str] | None:
    from ninelives.deploy.image import require_version

    if rehearsed is None:
        return None
    old, dots, new = rehearsed.partition("..")
    if not (old and dots and new) or old == new:
        raise UserError(
            f"--rehearse: expected two versions, found {rehearsed!r}.",
            hint="Write the old one and the new one, such as 1.0.0..2.0.1.",
        )
    return require_version(old), require_version(new)


def _command(
    top: Path,
    config: Path,
    environment: str | None,
    flavour: str,
    **options: str | None,
) -> str:
    """The command that writes the same again, from the top of the repository; what is assumed is not said."""
    words = ["ninelives", "workflow"]
    path = _from_top(top, config)
    if str(path) != FILE_NAME:
        words += ["--config", str(path)]
    if environment is not None:
        words += ["--env", environment]
    if flavour != FLAVOURS[0]:
        words += ["--flavour", flavour]
    names = {"main": "--main", "rehearsed": "--rehearse", "action": "--action"}
    for name, value in options.items():
        if value is not None:
            words += [names[name], value]
    return shlex.join(words)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None


SAID: Mapping[Standing, str] = {
    Standing.ABSENT: "is not there",
    Standing.OUTDATED: "was written from something else than what is here now",
    Standing.EDITED: "was edited by hand",
    Standing.FOREIGN: "was not written by `ninelives workflow`",
}


def _checked(standings: Mapping[PurePosixPath, Standing], command: str) -> int:
    differing = {path: one for path, one in standings.items() if one is not Standing.SAME}
    for path, one in differing.items():
        click.echo(f"{path} {SAID[one]}.", err=True)
    if differing:
        forced = " --force" if {Standing.EDITED, Standing.FOREIGN} & set(differing.values()) else ""
        click.echo(f"Write it anew with `{command}{forced}`.", err=True)
        return ExitCode.CHANGES
    click.echo(f"{' and '.join(map(str, standings))}: as they would be written.", err=True)
    return ExitCode.OK


def _require_untouched(standings: Mapping[PurePosixPath, Standing], top: Path, *, force: bool) -> None:
    """Nothing is written if anything of the user's would be lost."""
    if force:
        return
    for path, one in standings.items():
        if one in {Standing.EDITED, Standing.FOREIGN}:
            raise UserError(
                f"{os.path.relpath(top / path)} {SAID[one]}; nothing was written.",
                hint="See what would be lost: `ninelives workflow --print | diff - .github/workflows/deploy.yml`. "
                "Overwrite it with --force.",
            )


def _tell_of_own_dependabot(path: Path, wanted: str) -> None:
    """Which of our entries a Dependabot file of the user's own lacks."""
    from ninelives.bootstrap.workflow import lacking_updates

    lacking = lacking_updates(path.read_text(encoding="utf-8"), wanted)
    if lacking is None:
        click.echo(f"{path.name} of your own is no YAML and was left alone.", err=True)
        return
    for ecosystem, folder in lacking:
        click.echo(f"{path.name} is your own and was left alone; it lacks {ecosystem} for {folder}.", err=True)


def _tell_next_steps(top: Path, pipeline: Any) -> None:
    from ninelives.bootstrap.github_trust import ROLE_SECRET
    from ninelives.deploy.checkout import github_name

    name, environment = github_name(top), pipeline.environment
    click.echo("Next:", err=True)
    if name is None:
        click.echo("  the repository has no remote on GitHub: `git remote add origin git@github.com:OWNER/NAME.git`", err=True)
    where = f" --repo {name}" if name else ""
    click.echo(f"  gh secret set {ROLE_SECRET} --env {environment}{where}   # the ARN of the deploy role", err=True)
    click.echo("  git add .github, commit, push; then push a tag such as v1.0.0, or run the workflow by hand", err=True)
