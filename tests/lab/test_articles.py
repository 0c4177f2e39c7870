"""A set's articles are what its globs say, from a work tree as from a git directory."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from lab.articles import NoArticles, chosen, make, named

PATHS = [
    "README.md", "docs/README.md", "docs/a/one.md", "docs/a/two.rst", "docs/a/deep/three.mdx",
    "docs/a/pic.png", "docs/b/[x].md", "other/four.md",
]  # fmt: skip


@pytest.mark.parametrize(
    ("folders", "leave_out", "expected"),
    [
        (["docs"], [], ["docs/README.md", "docs/a/deep/three.mdx", "docs/a/one.md", "docs/a/two.rst", "docs/b/[x].md"]),
        (["docs/a/*"], ["docs/a/deep"], ["docs/a/one.md", "docs/a/two.rst"]),
        (["docs/**/*.md"], [], ["docs/README.md", "docs/a/one.md", "docs/b/[x].md"]),
        (["*.md"], [], ["README.md"]),
        (["**/*.md"], ["**/README.md", "docs/b/**"], ["docs/a/one.md", "other/four.md"]),
        (["docs/a/t?o.rst"], [], ["docs/a/two.rst"]),
        (["nothing"], [], []),
    ],
)  # fmt: skip
def test_globs_choose_among_articles(
    folders: list[str], leave_out: list[str], expected: list[str]
) -> None:
    assert chosen(PATHS, folders, leave_out) == expected


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    for path in PATHS:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"text of {path}")
    return folder


def git(folder: Path, *words: str) -> str:
    git = shutil.which("git")
    if git is None:
        pytest.skip("there is no git")
    who = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    done = subprocess.run([git, "-C", str(folder), *who, *words], capture_output=True, text=True, check=True)  # fmt: skip
    return done.stdout.strip()


def test_a_git_directory_is_read_at_the_sets_commit(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "init", "--quiet")
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "--message", "one")
    commit = git(checkout, "rev-parse", "HEAD")
    (checkout / "docs/a/one.md").write_text("changed")
    git(checkout, "commit", "--quiet", "--all", "--message", "two")
    made, out = tmp_path / "set.json", tmp_path / "articles"
    made.write_text(
        json.dumps({"commit": commit, "folders": ["docs/a"], "leave_out": [], "articles": 3})
    )
    script = Path(settings.BASE_DIR) / "lab" / "articles.py"
    words = [sys.executable, str(script), str(made), "--from", str(checkout / ".git"), "--out", str(out)]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "3 articles\n")
    assert (out / "docs/a/one.md").read_text() == "text of docs/a/one.md"
    assert not (out / "docs/a/pic.png").exists()
    again = subprocess.run(words, capture_output=True, text=True)
    assert again.returncode == 2
    assert "is not empty" in again.stderr
    with pytest.raises(NoArticles):
        make({"commit": "0" * 40, "folders": ["docs"]}, {"": checkout / ".git"}, tmp_path / "none")


def test_a_set_of_several_repositories_has_a_folder_for_each(
    checkout: Path, tmp_path: Path
) -> None:
    description = {
        "sources": [
            {"prefix": "main", "folders": ["docs/a/*.md"]},
            {"prefix": "extra", "folders": ["*.md"], "leave_out": []},
        ]
    }
    places = named([f"main={checkout}", f"extra={checkout}"])
    assert make(description, places, tmp_path / "out") == 2
    assert (tmp_path / "out/main/docs/a/one.md").is_file()
    assert (tmp_path / "out/extra/README.md").is_file()
    with pytest.raises(NoArticles, match="main, extra"):
        make(description, named([f"main={checkout}"]), tmp_path / "other")
