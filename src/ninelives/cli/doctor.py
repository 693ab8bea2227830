"""``ninelives doctor``: examines the image, this machine and the live service, and says what to do next."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ninelives.cli.exit_codes import ExitCode
from ninelives.cli.options import Place, json_option, place_options

if TYPE_CHECKING:
    from ninelives.deploy.reading import Definition
    from ninelives.insight.maintenance import Finding
    from ninelives.insight.maintenance.image_checks import Sources


@click.command()
@place_options
@click.option("--offline", is_flag=True, help="Ask no registry and no package index.")
@click.option("--strict", is_flag=True, help="End with 1 for warnings too, not for errors alone.")
@json_option
def doctor(place: Place, *, offline: bool, strict: bool, as_json: bool) -> int:
    """Examine the image, this machine, and the live service: what is outdated, unsafe, missing, or not as the file says.

    Base images are looked up in their registries, packages of lock files (Gemfile.lock, requirements.txt, uv.lock,
    package-lock.json) in their indexes. Ends with 1 if there is an error among the findings.
    """
    from ninelives.cli.doctor_output import print_report
    from ninelives.insight.maintenance.findings import report

    looked_at: list[str] = []
    findings = list(_findings(place, looked_at, offline=offline))
    made = report(findings, looked_at)
    print_report(made, as_json=as_json)
    return ExitCode.ERROR if made.has_failed(strict=strict) else ExitCode.OK


def _findings(place: Place, looked_at: list[str], *, offline: bool) -> Iterator["Finding"]:
    from ninelives.cli.doctor_machine import examine_machine, versions
    from ninelives.deploy.options import FILE_NAME
    from ninelives.deploy.reading import read_service_file
    from ninelives.insight.maintenance import Finding, Severity
    from ninelives.insight.maintenance.service_checks import examine_file

    looked_at.append(f"this machine ({', '.join(versions())})")
    yield from examine_machine()
    if not place.config.exists() and place.config == Path(FILE_NAME):
        yield Finding(
            check="no-service-file",
            severity=Severity.NOTE,
            what=f"no service was examined: there is no service file {place.config}",
            where=str(place.config),
            next="Write one with `ninelives init`, or name one with --config.",
        )
        return
    definition = read_service_file(place.config, place.environment)
    looked_at.append(str(place.config))
    yield from examine_file(definition)
    yield from _image(definition, looked_at, offline=offline)
    yield from _service(place, definition, looked_at)


def _image(definition: "Definition", looked_at: list[str], *, offline: bool) -> Iterator["Finding"]:
    from ninelives.deploy.clock import utc_now
    from ninelives.insight.maintenance import Finding, Severity
    from ninelives.insight.maintenance.image_checks import examine
    from ninelives.insight.maintenance.published import Web

    if definition.file.image.build is None:
        return
    sources = _sources(definition)
    if sources is None:
        yield Finding(
            check="no-dockerfile",
            severity=Severity.ERROR,
            what=f"there is no Dockerfile in image.build, {definition.file.image.build}",
            where=definition.where("image"),
            next="Write one, or name it with `image: {build: …, dockerfile: …}`.",
        )
        return
    looked_at.append(f"the image of {sources.named(sources.dockerfile)}")
    yield from examine(sources, utc_now().date(), None if offline else Web())


def _sources(definition: "Definition") -> "Sources | None":
    """What the image is built from; where the folder is the version's, the newest version's."""
    from ninelives.deploy.service_file import VERSION_PLACEHOLDER
    from ninelives.insight.maintenance.image_checks import Sources
    from ninelives.insight.maintenance.versions import newest

    file = definition.file
    assert file.image.build is not None
    version = ""
    before, placeholder, _ = file.image.build.partition(VERSION_PLACEHOLDER)
    above = definition.folder / (before or ".")
    if placeholder and above.is_dir():
        names = sorted(path.name for path in above.iterdir() if path.is_dir())
        version = newest(names) or next(iter(names), "")
    folder = definition.folder / file.image.build.replace(VERSION_PLACEHOLDER, version)
    dockerfile = file.image.dockerfile.replace(VERSION_PLACEHOLDER, version)
    if not (folder / dockerfile).is_file():
        return None
    return Sources(
        folder=folder,
        dockerfile=dockerfile,
        arguments={name: value for name, value in file.image.args.items() if VERSION_PLACEHOLDER not in value},
        shown=str(Path(folder)),
        port=file.port,
        has_command=file.command is not None,
    )


def _service(place: Place, definition: "Definition", looked_at: list[str]) -> Iterator["Finding"]:
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

    from ninelives.cli.doctor_machine import examine_account
    from ninelives.deploy.aws import connect
    from ninelives.deploy.errors import DeployError
    from ninelives.insight.maintenance import Finding, Severity
    from ninelives.insight.maintenance.service_checks import examine_service

    try:
        aws = connect(is_local=definition.is_local, region=place.region or definition.file.region)
        yield from examine_account(aws, definition)
        looked_at.append(f"service {definition.file.service} in environment {definition.environment}")
        yield from examine_service(aws, definition)
    except DeployError as error:
        severity = Severity.NOTE if definition.is_local else Severity.ERROR
        yield Finding(
            check="service-out-of-reach",
            severity=severity,
            what=f"the service was not examined: {error.message}",
            where=f"environment {definition.environment}",
            next=error.hint or "",
        )
    except (NoCredentialsError, PartialCredentialsError) as error:
        yield Finding(
            check="credentials",
            severity=Severity.ERROR,
            what=f"AWS is out of reach: {error}",
            where=f"environment {definition.environment}",
            next="Set AWS_PROFILE or AWS_ACCESS_KEY_ID, or log in with `aws sso login`.",
        )
    except (BotoCoreError, ClientError) as error:  # what was found before is told all the same
        yield Finding(
            check="service-out-of-reach",
            severity=Severity.ERROR,
            what=f"the service was not examined to its end: {error}",
            where=f"environment {definition.environment}",
            next="See to the network, the login (`aws sso login`) or the permission that it names, and run it again.",
        )
