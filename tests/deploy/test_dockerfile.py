"""A Dockerfile read without running it: variables, what COPY takes, the command, and what is skipped."""

from pathlib import Path

import pytest

from ninelives.deploy.build_context import read_context
from ninelives.deploy.dockerfile import Recipe, interpret
from ninelives.deploy.errors import BuildFailed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in ("app.rb", "config.ru", "lib/a.rb", "lib/deep/b.rb", "versions/1.0.0/v.rb", "secret.key", "notes.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    return tmp_path


def recipe(folder: Path, text: str, **arguments: str) -> Recipe:
    return interpret(text, read_context(folder), arguments)


def files(folder: Path, text: str, **arguments: str) -> list[str]:
    found = recipe(folder, "FROM scratch\n" + text, **arguments).files
    return sorted(path for path, copied in found.items() if not copied.source.is_dir())


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("COPY app.rb /srv/app.rb", ["/srv/app.rb"]),
        ("COPY app.rb /srv/", ["/srv/app.rb"]),
        ("COPY app.rb config.ru /srv/", ["/srv/app.rb", "/srv/config.ru"]),
        ("WORKDIR /app\nCOPY app.rb .", ["/app/app.rb"]),
        ("WORKDIR /app\nWORKDIR inner\nCOPY app.rb ./", ["/app/inner/app.rb"]),
        ("COPY lib /app/lib", ["/app/lib/a.rb", "/app/lib/deep/b.rb"]),
        ("COPY lib/ /app/", ["/app/a.rb", "/app/deep/b.rb"]),
        ("COPY *.rb /app/", ["/app/app.rb"]),
        ('COPY ["app.rb", "/a b/"]', ["/a b/app.rb"]),
        ("COPY --chown=1:1 --chmod=755 app.rb /app/", ["/app/app.rb"]),
        ("ARG V=1.0.0\nCOPY versions/${V}/ /app/", ["/app/v.rb"]),
        ("ADD app.rb /app/", ["/app/app.rb"]),
    ],
)
def test_copy_puts_files_where_docker_does(folder: Path, lines: str, expected: list[str]) -> None:
    assert expected == files(folder, lines)


def test_dockerignore_leaves_out_and_takes_back_in(folder: Path) -> None:
    (folder / ".dockerignore").write_text("# secrets\n*.key\nlib/**\n!lib/a.rb\nversions\n.dockerignore\n")

    assert ["/app.rb", "/config.ru", "/lib/a.rb", "/notes.md"] == [
        path for path in files(folder, "COPY . /") if path != "/.dockerignore"
    ]


def test_build_arguments_override_defaults_and_env_overrides_arguments(folder: Path) -> None:
    text = "ARG BASE=a\nFROM ${BASE}\nARG VERSION=1\nARG BASE\nENV V=$VERSION B=${BASE} F=${NO:-else} VERSION=9 W=$VERSION\n"

    found = recipe(folder, text, VERSION="2.0.1")

    assert {"V": "2.0.1", "B": "a", "F": "else", "VERSION": "9", "W": "2.0.1"} == found.variables


@pytest.mark.parametrize(
    ("lines", "entry_point", "command"),
    [
        ('CMD ["puma", "-C", "x"]', None, ("puma", "-C", "x")),
        ("CMD puma -C x", None, ("/bin/sh", "-c", "puma -C x")),
        ('ENTRYPOINT ["puma"]\nCMD ["-v"]', ("puma",), ("-v",)),
        ('SHELL ["/bin/bash", "-c"]\nCMD a && b', None, ("/bin/bash", "-c", "a && b")),
        ('CMD ["a"]\nCMD ["b"]', None, ("b",)),
    ],
)
def test_the_command_is_read_in_both_forms(
    folder: Path, lines: str, entry_point: tuple[str, ...] | None, command: tuple[str, ...]
) -> None:
    found = recipe(folder, "FROM scratch\n" + lines)

    assert (entry_point, command) == (found.entry_point, found.command)


def test_what_is_not_carried_out_is_listed(folder: Path) -> None:
    text = (
        "FROM ruby:3.4 AS build\nRUN bundle install\nRUN <<EOF\nmake it\nEOF\nFROM ruby:3.4\nUSER cats\n"
        "ADD https://example.com/x /x\nCOPY --from=build /made /made\nRUN true\nHEALTHCHECK CMD true\n"
    )

    assert (
        "FROM ruby:3.4",
        "USER cats",
        "ADD https://example.com/x",
        "COPY --from=build /made",
        "RUN true",
    ) == recipe(folder, text).skipped


def test_a_later_stage_takes_what_an_earlier_one_copied(folder: Path) -> None:
    text = (
        "FROM a AS one\nWORKDIR /src\nCOPY lib ./lib\nENV A=1\nFROM one AS two\nFROM b\nCOPY --from=one /src/lib /app/lib\n"
        "COPY --from=1 /src/lib/a.rb /app/\n"
    )

    found = recipe(folder, text)

    assert ["/app/a.rb", "/app/lib/a.rb", "/app/lib/deep/b.rb"] == sorted(
        path for path, copied in found.files.items() if not copied.source.is_dir()
    )
    assert {} == found.variables


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FROM a\nCOPY nowhere.rb /\n", "Dockerfile:2: COPY nowhere.rb: no such file"),
        ("FROM a\nCOPPY a b\n", "Dockerfile:2: unknown instruction COPPY"),
        ("ENV A=1\nFROM a\n", "Dockerfile:1: ENV before the first FROM"),
        ("# nothing\n", "no FROM in it"),
        ("FROM a\nCOPY a\n", "Dockerfile:2: COPY needs a source and a target"),
        ('FROM a\nENV A="open\n', "Dockerfile:2: cannot be read"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(folder: Path, text: str, words: str) -> None:
    with pytest.raises(BuildFailed, match=words):
        recipe(folder, text)


def test_labels_ports_signal_and_user_are_kept(folder: Path) -> None:
    found = recipe(folder, 'FROM scratch\nLABEL a="b c" d=e\nEXPOSE 80 53/udp\nSTOPSIGNAL SIGQUIT\nUSER 10001\n')

    assert ({"a": "b c", "d": "e"}, ("80/tcp", "53/udp"), "SIGQUIT", "10001") == (
        found.labels,
        found.ports,
        found.stop_signal,
        found.user,
    )
