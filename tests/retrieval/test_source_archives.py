"""A ZIP that anybody may have made neither fills the disk nor writes outside its folder."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from retrieval.sources.archive import unpack
from retrieval.sources.interface import SourceError

LINK = zipfile.ZipInfo("link.md")
LINK.external_attr = (stat.S_IFLNK | 0o777) << 16


def make_zip(path: Path, members: dict[str | zipfile.ZipInfo, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


def files(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_articles_come_out_and_everything_dangerous_is_named(tmp_path: Path, into: Path) -> None:
    archive = make_zip(
        tmp_path / "kb.zip",
        {
            "guide/a.md": "# A",
            "guide\\windows.md": "# W",
            "photo.png": b"\x89PNG",
            ".git/config.md": "x",
            "__MACOSX/a.md": "x",
            "../outside.md": "x",
            "/etc/absolute.md": "x",
            "c:/drive.md": "x",
            "inner.zip": b"PK",
            LINK: "/etc/passwd",
        },
    )
    skipped = dict(unpack(archive, into)[0])
    assert files(into) == {"guide/a.md", "guide/windows.md"}
    assert set(skipped) == {
        "../outside.md", "/etc/absolute.md", "c:/drive.md", "inner.zip", "link.md",
    }  # fmt: skip
    assert files(tmp_path) == {"kb.zip", "into/guide/a.md", "into/guide/windows.md"}


def test_an_encrypted_member_is_named(tmp_path: Path, into: Path) -> None:
    archive = make_zip(tmp_path / "kb.zip", {"secret.md": "hidden", "open.md": "# Open"})
    raw = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(signature) + offset] |= 1
    archive.write_bytes(raw)
    assert unpack(archive, into)[0] == [("secret.md", "is encrypted")]
    assert files(into) == {"open.md"}


def test_a_bomb_is_refused_by_its_ratio_before_it_fills_the_disk(
    tmp_path: Path, into: Path
) -> None:
    archive = make_zip(tmp_path / "bomb.zip", {"big.md": b"0" * 50_000_000})
    assert archive.stat().st_size < 100_000
    with pytest.raises(SourceError, match="ZIP bomb"):
        unpack(archive, into)
    assert sum(file.stat().st_size for file in into.rglob("*")) < 12_000_000


def test_a_size_that_the_archive_lies_about_does_not_help_it(tmp_path: Path, into: Path) -> None:
    archive = make_zip(tmp_path / "liar.zip", {"big.md": b"0" * 20_000_000})
    raw = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = raw.index(signature) + offset
        raw[at : at + 4] = (100).to_bytes(4, "little")
    archive.write_bytes(raw)
    try:
        skipped, _ = unpack(archive, into)
    except SourceError:
        skipped = [("big.md", "refused")]
    assert [path for path, _ in skipped] == ["big.md"]
    assert sum(file.stat().st_size for file in into.rglob("*")) < 3_000_000


def test_many_files_that_add_up_are_refused(tmp_path: Path, into: Path, settings: Any) -> None:
    settings.SOURCE_MAX_MB = 1
    text = "".join(chr(33 + (i * i * 7919) % 90) for i in range(400_000))
    archive = make_zip(tmp_path / "many.zip", {f"{n}.md": text for n in range(4)})
    with pytest.raises(SourceError, match="more than 1 MB"):
        unpack(archive, into)


def test_too_many_files_are_refused(tmp_path: Path, into: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("retrieval.sources.archive.MAX_ENTRIES", 3)
    archive = make_zip(tmp_path / "many.zip", {f"{n}.md": "x" for n in range(4)})
    with pytest.raises(SourceError, match="holds 4 files"):
        unpack(archive, into)


@pytest.mark.parametrize("content", [b"no archive", b"", b"PK\x03\x04 cut off"])
def test_what_is_no_archive_says_so(tmp_path: Path, into: Path, content: bytes) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(content)
    with pytest.raises(SourceError, match=r"broken\.zip is broken or no ZIP"):
        unpack(broken, into)
