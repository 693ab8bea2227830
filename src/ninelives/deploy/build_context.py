"""The folder that a build sees: its paths without what ``.dockerignore`` leaves out, and how COPY picks among them."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildContext:
    """``paths``: what is there, relative to ``folder``, with forward slashes, sorted; folders too."""

    folder: Path
    paths: tuple[str, ...]

    def matching(self, pattern: str) -> list[str]:
        """Paths that a COPY source names; ``""`` stands for the folder itself. A ``*`` does not cross a slash."""
        wanted = normal(pattern)
        if not wanted:
            return [""]
        parts = PurePosixPath(wanted).parts
        return [path for path in self.paths if _matches(PurePosixPath(path).parts, parts)]

    def below(self, path: str) -> Iterator[tuple[str, Path]]:
        """Everything under a folder: its path relative to that folder, and where it is."""
        prefix = f"{path}/" if path else ""
        for one in self.paths:
            if one.startswith(prefix):
                yield one[len(prefix) :], self.folder / one

    def is_folder(self, path: str) -> bool:
        where = self.folder / path
        return where.is_dir() and not where.is_symlink()


def read_context(folder: Path) -> BuildContext:
    """What a build in ``folder`` sees. Source: Docker, "Build context", ".dockerignore files"."""
    from docker.utils.build import PatternMatcher

    ignore = folder / ".dockerignore"
    lines = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
    patterns = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    paths = (Path(path).as_posix() for path in PatternMatcher(patterns).walk(str(folder)))
    return BuildContext(folder=folder, paths=tuple(sorted(paths)))


def normal(path: str) -> str:
    """A path within the context: no leading or trailing slash, no ``.``.

    >>> normal("./lib/"), normal("/"), normal("a/./b")
    ('lib', '', 'a/b')
    """
    return "/".join(part for part in path.split("/") if part not in {"", "."})


def _matches(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    return len(parts) == len(pattern) and all(fnmatchcase(part, want) for part, want in zip(parts, pattern, strict=True))
