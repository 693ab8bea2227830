"""What is found in a Dockerfile: known bad practices by table, and the images that it is built from."""

import pytest

from ninelives.insight.maintenance import Severity
from ninelives.insight.maintenance.dockerfile_advice import Build, advice
from ninelives.insight.maintenance.dockerfile_reading import base_images, read_dockerfile

GOOD = """\
FROM ruby:3.4.5-slim@sha256:aa
COPY . .
USER cats
EXPOSE 4567
STOPSIGNAL SIGTERM
CMD ["puma"]
"""


def built(text: str, **more: object) -> Build:
    dockerfile = read_dockerfile(text, "Dockerfile")
    known = {"port": 4567, "has_ignore_file": True, **more}
    return Build(
        dockerfile=dockerfile,
        bases=tuple(base_images(dockerfile, {})),
        **known,  # type: ignore[arg-type]  # the fields of the record
    )


def found(text: str, **more: object) -> list[tuple[str, str]]:
    return [(one.check, one.where) for one in advice(built(text, **more))]


def test_a_good_dockerfile_is_left_in_peace() -> None:
    assert found(GOOD) == []


@pytest.mark.parametrize(
    ("before", "after", "check", "line"),
    [
        ("ruby:3.4.5-slim@sha256:aa", "ruby", "latest", 1),
        ("ruby:3.4.5-slim@sha256:aa", "ruby:latest", "latest", 1),
        ("USER cats", "USER root", "root", 3),
        ("USER cats", "USER 0:0", "root", 3),
        ("USER cats\n", "", "root", None),
        ('CMD ["puma"]', "CMD puma", "shell-form", 6),
        ('CMD ["puma"]', "ENTRYPOINT puma -C puma.rb", "shell-form", 6),
        ('CMD ["puma"]', 'CMD ["bundle", "exec", "unicorn"]', "stop-signal", 5),
        ('STOPSIGNAL SIGTERM\nCMD ["puma"]', 'CMD ["nginx", "-g", "daemon off;"]', "stop-signal", 5),
        ("EXPOSE 4567", "EXPOSE 80/tcp", "port", 4),
        ("EXPOSE 4567", "HEALTHCHECK CMD curl -f http://localhost", "healthcheck", 4),
        ("EXPOSE 4567", "ENV API_TOKEN=abc", "secret-in-image", 4),
        ("EXPOSE 4567", 'ARG DB_PASSWORD="x"', "secret-in-image", 4),
    ],
)
def test_each_bad_practice_is_found_with_its_line(before: str, after: str, check: str, line: int | None) -> None:
    assert before in GOOD

    assert found(GOOD.replace(before, after)) == [(check, "Dockerfile" if line is None else f"Dockerfile:{line}")]


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace('CMD ["puma"]', "CMD exec puma"),
        GOOD.replace("EXPOSE 4567", "EXPOSE $PORT"),
        GOOD.replace("EXPOSE 4567", "HEALTHCHECK NONE"),
        GOOD.replace("EXPOSE 4567", "ENV TOKEN_FILE=$WHERE"),
        'FROM nginx:1.27@sha256:aa\nUSER nginx\nCMD ["nginx", "-g", "daemon off;"]\n',
        'FROM ruby:3@sha256:aa AS base\nUSER cats\nFROM base\nCMD ["puma"]\n',
        "FROM ruby:3@sha256:aa AS build\nUSER root\nCMD shell form\nFROM debian:13@sha256:bb\nUSER cats\n",
    ],
)
def test_what_is_no_fault_is_not_told(text: str) -> None:
    assert found(text) == []


def test_the_services_own_command_comes_before_the_images() -> None:
    assert found(GOOD.replace('CMD ["puma"]', "CMD puma"), has_command=True) == []


def test_a_script_that_does_not_exec_swallows_sigterm_as_well() -> None:
    text = GOOD.replace('CMD ["puma"]', 'ENTRYPOINT ["/app/bin/start.sh"]')

    assert found(text, scripts={"start.sh": "#!/bin/sh\npuma\n"}) == [("script-without-exec", "Dockerfile:6")]
    assert found(text, scripts={"start.sh": "#!/bin/sh\nset -e\nexec puma\n"}) == []


def test_without_an_ignore_file_what_is_large_makes_it_a_warning() -> None:
    small, large = (
        advice(built(GOOD, has_ignore_file=False, entries=frozenset(entries))) for entries in ((), (".git", "lib"))
    )

    assert [one.severity for one in (*small, *large)] == [Severity.NOTE, Severity.WARNING]
    assert ".git" in large[0].what


def test_base_images_are_those_of_others_with_arguments_filled_in() -> None:
    text = """\
ARG RUBY=3.4
ARG BASE=ruby:${RUBY}-slim
FROM --platform=linux/amd64 golang:1.25 AS build
FROM build AS test
FROM scratch AS nothing
FROM ${BASE:-debian}
"""

    read = read_dockerfile(text, "Dockerfile")

    assert [(one.text, one.where) for one in base_images(read, {"BASE": "ruby:3.3"})] == [
        ("golang:1.25", "Dockerfile:3"),
        ("ruby:3.3", "Dockerfile:6"),
    ]
    assert [one.text for one in base_images(read, {})] == ["golang:1.25", "ruby:3.4-slim"]
