"""A git repository: the newest commit of one branch, read from a bare clone.

Nothing is checked out, so no hook, filter, link or submodule of the repository is ever acted on.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from django.conf import settings

from retrieval.left_out import kind_of
from retrieval.loaders import MAX_BYTES, is_supported
from retrieval.sources.fetching import plain_host, public_address, with_host
from retrieval.sources.folder import allowed_folder, check_totals
from retrieval.sources.interface import (
    LOOK_SECONDS,
    Adapter,
    Entry,
    Fetched,
    ItemError,
    Listing,
    SourceError,
    Stop,
)

CLONE_SECONDS = 600
READ_SECONDS = 60
_FILE_MODES = {"100644", "100755"}
PORTS = {"https": 443, "ssh": 22}


def check_address(location: str) -> None:
    """Raise `SourceError` for an address that git may not read here."""
    _target(location)


def _target(location: str) -> tuple[str, list[str]]:
    """The address as git takes it, and the options that pin where it leads."""
    allowed = settings.SOURCE_GIT_PROTOCOLS
    try:
        parts = urlsplit(location)
        port = parts.port
    except ValueError:
        raise SourceError(f"{location[:200]} is no address of a repository.") from None
    if parts.scheme not in {"https", "ssh", "file"} or parts.scheme not in allowed:
        raise SourceError(
            f"Write an address that begins with {' or '.join(f'{one}://' for one in allowed)}; an "
            "operator allows others in COUNTERSIGN_SOURCE_GIT_PROTOCOLS."
        )
    if parts.scheme == "file":
        return f"file://{allowed_folder(parts.path)}", []
    if not parts.hostname or parts.hostname.startswith("-"):
        raise SourceError(f"{location[:200]} names no host.")
    if parts.password is not None or (parts.scheme == "https" and parts.username is not None):
        raise SourceError("Leave name and password out of the address.")
    port = port or PORTS[parts.scheme]
    host = plain_host(parts.hostname, location)
    if parts.username is not None and not re.fullmatch(r"[\w.-]+", parts.username):
        raise SourceError(f"{location[:200]} names a user with odd characters.")
    location = with_host(location, host)  # what was checked is what git asks for
    address = public_address(host, port)
    if parts.scheme == "ssh":
        return location, []
    bracketed = f"[{address}]" if ":" in address else address
    return location, ["-c", f"http.curloptResolve={host}:{port}:{bracketed}"]


class GitAdapter(Adapter):
    """Files of a branch; a file's fingerprint is its blob's name, so unchanged ones are not read."""

    def __init__(
        self,
        location: str,
        work: Path,
        *,
        branch: str = "",
        folder: str = "",
        stop: Stop | None = None,
    ) -> None:
        self._location = location
        self._stop = stop or Stop()
        self._clone = work / "repository.git"
        self._branch = branch
        self._folder = folder.strip("/")
        self._blobs: dict[str, tuple[str, int]] = {}

    def listing(self) -> Listing:
        address, pinned = _target(self._location)
        if self._branch.startswith("-"):
            raise SourceError(f"There is no branch {self._branch}.")
        branch = ["--branch", self._branch] if self._branch else []
        self._git(
            *pinned, "clone", "--bare", "--depth", "1", "--single-branch", "--no-tags", "--quiet",
            "--template=", *branch, "--", address, str(self._clone), seconds=CLONE_SECONDS,
        )  # fmt: skip
        listed = self._git(
            "-C", str(self._clone), "ls-tree", "-r", "-z", "-l", "--full-tree", "HEAD"
        )
        entries, skipped, size = [], [], 0
        ignored: Counter[str] = Counter()
        below = PurePosixPath(self._folder)
        for line in listed.split(b"\0"):
            if not line:
                continue
            described, _, raw_name = line.partition(b"\t")
            mode, _, blob, length = described.decode("ascii").split()
            name = raw_name.decode("utf-8", "replace")
            path = PurePosixPath(name)
            if self._folder and not path.is_relative_to(below):
                continue
            if any(part.startswith(".") for part in path.parts):
                continue
            shown = str(path.relative_to(below)) if self._folder else name
            if not is_supported(Path(name)):
                ignored[kind_of(name)] += 1
            elif mode not in _FILE_MODES:
                skipped.append((shown, "is a link, and links are not followed"))
            else:
                self._blobs[shown] = blob, int(length)
                entries.append(Entry(shown))
                size += int(length)
        check_totals(len(entries), size)
        if self._folder and not entries and not ignored:
            raise SourceError(f"There is no folder {self._folder} in the repository.")
        return Listing(entries, skipped=skipped, ignored=ignored)

    def fetch(self, entry: Entry, known: str) -> Fetched | None:
        blob, length = self._blobs[entry.path]
        if blob == known:
            return None
        if length > MAX_BYTES:
            raise ItemError(f"has {length:,} bytes; {MAX_BYTES:,} are allowed", fingerprint=blob)
        raw = self._git("-C", str(self._clone), "cat-file", "blob", blob)
        return Fetched(blob, raw, name=entry.path)

    def _git(self, *arguments: str, seconds: int = READ_SECONDS) -> bytes:
        """Run git without the machine's configuration, credentials and questions."""
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": os.environ.get("HOME", "/nonexistent"),  # where ssh finds the operator's key
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "GIT_ALLOW_PROTOCOL": ":".join(settings.SOURCE_GIT_PROTOCOLS),
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes",
            "GIT_LFS_SKIP_SMUDGE": "1",
        }
        command = [
            "git", "-c", "core.hooksPath=/dev/null", "-c", "http.followRedirects=false",
            "-c", "core.fsmonitor=false", "-c", "credential.helper=", "-c", "safe.directory=*",
            "-c", "fetch.fsckObjects=true", "-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60",
            *arguments,
        ]  # fmt: skip
        most = settings.SOURCE_MAX_MB * 1024 * 1024
        try:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise SourceError("git is not installed on this machine.") from None
        # a pack that is larger than a run may bring in stops the clone
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
        until = time.monotonic() + seconds
        while True:
            try:
                out, err = process.communicate(timeout=LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if not self._stop.is_set() and time.monotonic() < until:
                    continue
                os.killpg(process.pid, signal.SIGKILL)  # git's helpers too
                process.communicate()
                self._stop.check()
                raise SourceError(f"git took more than {seconds} seconds.") from None
        if process.returncode:
            lines = err.decode("utf-8", "replace").strip().splitlines()
            words = next((line for line in lines if line.startswith("fatal:")), "")
            raise SourceError(f"git could not read it: {(words or ' '.join(lines))[:300]}")
        return out
