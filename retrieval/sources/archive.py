"""Unpack a ZIP that anybody may have made: bounded in every direction, and never out of its folder."""

from __future__ import annotations

import stat
import unicodedata
import zipfile
import zlib
from collections import Counter
from pathlib import Path, PurePosixPath

from django.conf import settings

from retrieval.left_out import HIDDEN, kind_of
from retrieval.loaders import MAX_BYTES, is_supported
from retrieval.sources.interface import SourceError

MAX_ENTRIES = 50_000
MAX_RATIO = 200  # text shrinks to a tenth or so; a bomb to a thousandth
RATIO_FROM = 1024 * 1024  # bytes from which the ratio says something
_PIECE = 1024 * 1024


def unpack(archive: Path, into: Path) -> tuple[list[tuple[str, str]], Counter[str]]:
    """Write the archive's articles below `into`; returns what was left out as (path, reason), and how
    many files of other kinds there are.

    Raises `SourceError` for what is no ZIP, and for one that would fill the disk: the sizes that
    it states are not believed, every byte is counted as it is unpacked.
    """
    skipped: list[tuple[str, str]] = []
    ignored: Counter[str] = Counter()
    budget = settings.SOURCE_MAX_MB * 1024 * 1024
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            if len(members) > MAX_ENTRIES:
                raise SourceError(
                    f"{archive.name} holds {len(members):,} files; {MAX_ENTRIES:,} are allowed."
                )
            for member in members:
                if member.is_dir():
                    continue
                if _is_clutter(member.filename):
                    ignored[HIDDEN] += 1
                    continue
                target = _target(member.filename, into)
                reason = _refusal(member, target)
                if reason:
                    skipped.append((_shown(member.filename), reason))
                elif target is None or not is_supported(target):
                    ignored[kind_of(member.filename)] += 1
                else:
                    try:
                        budget = _write(opened, member, target, budget)
                    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
                        target.unlink(missing_ok=True)
                        skipped.append((_shown(member.filename), f"cannot be unpacked: {error}"))
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise SourceError(f"{archive.name} is broken or no ZIP: {error}") from error
    return skipped, ignored


def _is_clutter(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) and part != ".." for part in name.split("/"))


def _shown(name: str) -> str:
    return name.encode("utf-8", "replace").decode().replace("\x00", "")[:500]


def _target(name: str, into: Path) -> Path | None:
    """Where the member goes; None where its name leads out of the folder."""
    name = unicodedata.normalize("NFC", name.replace("\\", "/"))
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or len(name) > 500:
        return None
    return into.joinpath(*path.parts)


def _refusal(member: zipfile.ZipInfo, target: Path | None) -> str:
    if target is None:
        return "has a name that leads out of the archive, or is too long"
    mode = member.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        return "is a link or a device, not a file"
    if member.flag_bits & 0x1:
        return "is encrypted"
    if target.suffix.lower() == ".zip":
        return "is an archive within the archive; unpack it first"
    if target.exists():
        return "stands in the archive twice; the first one counts"
    return ""


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, budget: int) -> int:
    """Unpack one member, and return what is left of the budget."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    bound = MAX_RATIO * max(member.compress_size, 1)
    with opened.open(member) as source, target.open("xb") as file:
        while piece := source.read(_PIECE):
            written += len(piece)
            if written > RATIO_FROM and written > bound:
                raise SourceError(
                    f"{_shown(member.filename)} unpacks to more than {MAX_RATIO} times its size: "
                    "this is a ZIP bomb, and nothing of it was brought in."
                )
            if written > budget:
                raise SourceError(
                    f"It unpacks to more than {settings.SOURCE_MAX_MB:,} MB "
                    "(COUNTERSIGN_SOURCE_MAX_MB); nothing of it was brought in."
                )
            if written > MAX_BYTES:
                raise zipfile.BadZipFile(f"has more than {MAX_BYTES:,} bytes")
            file.write(piece)
    return budget - written
