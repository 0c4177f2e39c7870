"""The articles of a question set, taken out of its repository.

    python lab/articles.py lab/questions/docker.json --from CHECKOUT --out DIR
    python lab/articles.py lab/questions/nextcloud.json --from documentation=CHECKOUT \\
        --from desktop=CHECKOUT ... --out DIR

A checkout is a work tree, or a git directory without one (then the set's commit is read). DIR gets the
articles that one of the set's `folders` globs matches and none of its `leave_out` globs does, under the
repository's own paths. A set made of several repositories names them under `sources`, each with a
`prefix`: the folder of DIR that it goes to, and its name before `--from`'s `=`.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

ARTICLES = {".md", ".mdx", ".markdown", ".rst", ".adoc", ".asciidoc", ".html", ".htm", ".txt"}
Read = Callable[[], bytes]


class NoArticles(Exception):
    """What is wrong with the set's file or the checkout, in words."""


def pattern(glob: str) -> re.Pattern[str]:
    """A glob over whole paths: `**` is any folders, `*` and `?` stay within a name. What names a folder
    means all below it."""
    glob = glob.strip().removeprefix("./").strip("/")
    parts = []
    for part in re.split(r"(\*\*/|/\*\*$|\*\*|\*|\?|\[[^\]]*\])", glob):
        known = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
        is_set = part.startswith("[") and part.endswith("]")
        parts.append(known.get(part) or (part if is_set else re.escape(part)))
    return re.compile("".join(parts) + r"(?:/.*)?\Z")


def chosen(paths: Sequence[str], folders: Sequence[str], leave_out: Sequence[str]) -> list[str]:
    """The articles among the paths, in order."""
    wanted, unwanted = ([pattern(glob) for glob in globs] for globs in (folders, leave_out))
    return [
        path
        for path in sorted(paths)
        if PurePosixPath(path).suffix.lower() in ARTICLES
        and any(one.match(path) for one in wanted)
        and not any(one.match(path) for one in unwanted)
    ]


def files_of(place: Path, commit: str) -> dict[str, Read]:
    """What a checkout holds: path → how to read it. Raises NoArticles."""
    if not place.is_dir():
        raise NoArticles(f"{place}: there is no such folder")
    if (place / "HEAD").is_file() and (place / "objects").is_dir():
        listed = _git(place, "ls-tree", "-r", "-z", "--name-only", commit)
        paths = [path for path in listed.decode().split("\0") if path]
        return {path: lambda path=path: _git(place, "show", f"{commit}:{path}") for path in paths}
    return {
        file.relative_to(place).as_posix(): file.read_bytes
        for file in _walk(place)
        if not file.is_symlink()
    }


def _walk(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            if entry.name != ".git":
                yield from _walk(entry)
        else:
            yield entry


def _git(place: Path, *arguments: str) -> bytes:
    git = shutil.which("git") or "git"
    done = subprocess.run([git, "--git-dir", str(place), *arguments], capture_output=True)
    if done.returncode:
        raise NoArticles(f"{place}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def make(description: dict, places: Mapping[str, Path], out: Path) -> int:
    """Write the articles of every source; how many. Raises NoArticles."""
    sources = description.get("sources") or [description]
    names = [source.get("prefix", "") for source in sources]
    if set(names) != set(places):
        raise NoArticles(f"give --from for each of: {', '.join(names) or 'the one repository'}")
    written = 0
    for name, source in zip(names, sources, strict=True):
        files = files_of(places[name], source.get("commit") or "HEAD")
        for path in chosen(list(files), source["folders"], source.get("leave_out", [])):
            target = out / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(files[path]())
            written += 1
    return written


def named(given: Sequence[str]) -> dict[str, Path]:
    """`PREFIX=PLACE` or `PLACE` → the place of each prefix; "" for a set of one repository."""
    pairs = (one.partition("=")[::2] if "=" in one else ("", one) for one in given)
    return {name: Path(place) for name, place in pairs}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("set", type=Path, help="the set's .json")
    parser.add_argument("--from", dest="places", action="append", required=True)
    parser.add_argument("--out", type=Path, required=True, help="a folder, made anew")
    options = parser.parse_args()
    try:
        description = json.loads(options.set.read_text(encoding="utf-8"))
        if options.out.exists() and any(options.out.iterdir()):
            raise NoArticles(f"{options.out} is not empty")
        made = options.out.with_name(f".{options.out.name}.partial")
        shutil.rmtree(made, ignore_errors=True)
        count = make(description, named(options.places), made)
        if options.out.exists():
            options.out.rmdir()
        made.rename(options.out)
    except (NoArticles, OSError, KeyError, json.JSONDecodeError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    expected = description.get("articles")
    print(
        f"{count} articles" + (f" ({expected} expected)" if expected not in (None, count) else "")
    )
    return 0 if expected in (None, count) else 1


if __name__ == "__main__":
    sys.exit(main())
