"""A repository is read from a bare clone: nothing in it runs, links lead nowhere."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from retrieval.sources.git import GitAdapter, _target
from retrieval.sources.interface import Entry, Listing, SourceError


def git(folder: Path, *arguments: str) -> None:
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@a.example",
        "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@a.example",
    }  # fmt: skip
    subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, env=environment
    )


@pytest.fixture
def repository(tmp_path: Path, settings: Any) -> Path:
    settings.SOURCE_FOLDERS = [str(tmp_path)]
    settings.SOURCE_GIT_PROTOCOLS = ["https", "file"]
    folder = tmp_path / "kb"
    (folder / "docs").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    (folder / "docs/a.md").write_text("# A\n\nOne.")
    (folder / "docs/Ümläut.md").write_text("# U")
    (folder / "readme.md").write_text("# Readme")
    (folder / "photo.png").write_bytes(b"x")
    (folder / "docs/link.md").symlink_to("/etc/passwd")
    (folder / ".github").mkdir()
    (folder / ".github/hidden.md").write_text("x")
    hook = folder / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "one")
    return folder


def read(repository: Path, work: Path, **options: str) -> tuple[GitAdapter, Listing]:
    work.mkdir()
    adapter = GitAdapter(f"file://{repository}", work, **options)
    return adapter, adapter.listing()


def test_files_come_from_the_newest_commit_and_links_are_named(
    repository: Path, tmp_path: Path
) -> None:
    adapter, listing = read(repository, tmp_path / "w")
    assert {entry.path for entry in listing.entries} == {"docs/a.md", "docs/Ümläut.md", "readme.md"}
    assert listing.skipped == [("docs/link.md", "is a link, and links are not followed")]
    assert sum(listing.ignored.values()) == 1
    fetched = adapter.fetch(Entry("docs/a.md"), "")
    assert fetched is not None
    assert fetched.content == b"# A\n\nOne."
    assert not (tmp_path / "ran").exists()


def test_a_file_whose_blob_is_known_is_not_read(repository: Path, tmp_path: Path) -> None:
    adapter, _ = read(repository, tmp_path / "w")
    first = adapter.fetch(Entry("docs/a.md"), "")
    assert first is not None
    (repository / "readme.md").write_text("# Changed")
    git(repository, "commit", "--quiet", "--all", "--message", "two")
    again, _ = read(repository, tmp_path / "w2")
    assert again.fetch(Entry("docs/a.md"), first.fingerprint) is None


def test_a_branch_and_a_folder_can_be_chosen(repository: Path, tmp_path: Path) -> None:
    git(repository, "checkout", "--quiet", "-b", "next")
    (repository / "docs/b.md").write_text("# B")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "two")
    git(repository, "checkout", "--quiet", "main")
    _, listing = read(repository, tmp_path / "w", branch="next", folder="docs/")
    assert {entry.path for entry in listing.entries} == {"a.md", "b.md", "Ümläut.md"}
    with pytest.raises(SourceError, match="git could not read it"):
        read(repository, tmp_path / "w2", branch="nowhere")
    with pytest.raises(SourceError, match="no folder elsewhere"):
        read(repository, tmp_path / "w3", folder="elsewhere")


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("ext::sh -c touch% /tmp/x", "Write an address"),
        ("-upload-pack=touch", "Write an address"),
        ("ssh://host.example/kb", "Write an address"),
        ("git://host.example/kb", "Write an address"),
        ("https://user:secret@host.example/kb", "Leave name and password out"),
        ("https://127.0.0.1/kb", "private address"),
        ("file:///etc", "is not below a folder"),
    ],
)
def test_addresses_that_git_may_not_read_are_refused(
    repository: Path, tmp_path: Path, location: str, words: str
) -> None:
    with pytest.raises(SourceError, match=words):
        GitAdapter(location, tmp_path / "w").listing()


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("https://fa\u00df.example/kb", "xn--fa-hia.example"),
        ("https://\u00e9vil.example/kb", "xn--vil-9la.example"),
        ("https://evil\u3002example/kb", "evil.example"),
        ("https://EVIL.example./kb", "evil.example"),
        ("https://M\u00dcNCHEN.example:8443/kb", "xn--mnchen-3ya.example"),
        ("ssh://git@fa\u00df.example/kb", "xn--fa-hia.example"),
    ],
)
def test_git_asks_for_the_very_host_that_was_checked_and_pinned(
    written: str, host: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SOURCE_GIT_PROTOCOLS = ["https", "ssh"]
    looked_up: list[str] = []

    def resolver(name: str, port: int, **_: Any) -> list[Any]:
        looked_up.append(name)
        return [(2, 1, 6, "", ("93.184.216.34", port))]

    monkeypatch.setattr("socket.getaddrinfo", resolver)
    address, pinned = _target(written)
    assert looked_up == [host]
    assert urlsplit(address).hostname == host
    assert address.isascii()
    if written.startswith("https"):
        port = urlsplit(address).port or 443
        assert pinned == ["-c", f"http.curloptResolve={host}:{port}:93.184.216.34"]


@pytest.mark.parametrize(
    "written",
    ["https://e%76il.example/kb", "https://evil example/kb", "https://evil\\example/kb", "https://a..b/kb",
     "https://-evil.example/kb", "https://evil.example%00/kb", "https://\u200d.example/kb",
     "ssh://-oProxy@evil.example/kb"],
)  # fmt: skip
def test_a_host_that_two_programs_may_read_differently_is_refused(
    written: str, settings: Any
) -> None:
    settings.SOURCE_GIT_PROTOCOLS = ["https", "ssh"]
    with pytest.raises(SourceError):
        _target(written)
