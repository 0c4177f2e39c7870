"""The index's folders in object storage: a real S3 server on this machine, and real requests to it."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from retrieval import sealed, snapshot_store
from retrieval.sealed import DamagedSnapshot
from retrieval.snapshot_store import StoreError
from tests.installation import free_port

NAME = "segment-of-the-test"
MISSING = [name for name in ("moto", "flask", "flask_cors", "s3fs") if find_spec(name) is None]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Its address; it holds one bucket, `index`."""
    if MISSING:
        words = f"{', '.join(MISSING)} not installed: run make dev"
        if os.environ.get("COUNTERSIGN_REQUIRE_SERVICES"):
            pytest.fail(words)
        pytest.skip(words)
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    address = f"http://{host}:{port}"
    urllib.request.urlopen(urllib.request.Request(f"{address}/index", method="PUT"), timeout=60)
    yield address
    running.stop()


@pytest.fixture
def store(
    server: str, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """COUNTERSIGN_INDEX_STORE names a place of this test's own in the server's bucket."""
    settings.DATA_DIR = tmp_path / "builder"
    settings.INDEX_STORE = f"s3://index/{tmp_path.name}"
    use(server, monkeypatch)
    yield
    forget()


def use(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an operator sets, and a process that has used no other store before."""
    for name, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    forget()


def forget() -> None:
    import s3fs

    snapshot_store._connect.cache_clear()
    s3fs.S3FileSystem.clear_instance_cache()


def built() -> str:
    """A sealed folder of the index; its digest."""
    folder = sealed.index_root() / NAME
    (folder / "words").mkdir(parents=True)
    (folder / "vectors.faiss").write_bytes(bytes(range(256)) * 64)
    (folder / "words" / "postings.bin").write_bytes(b"restart the thermostat")
    (folder / "none.bin").write_bytes(b"")
    return sealed.seal(folder, {"kind": "segment"})


def test_another_machine_fetches_what_was_uploaded_whole_and_checked(
    store: None, settings: Any, tmp_path: Path
) -> None:
    digest = built()
    snapshot_store.upload(NAME)
    snapshot_store.upload(NAME)  # nothing more to do
    settings.DATA_DIR = tmp_path / "another-machine"
    assert not (sealed.index_root() / NAME).exists()
    assert snapshot_store.fetch(NAME, digest)
    sealed.check(sealed.index_root() / NAME, digest)
    assert [path.name for path in sealed.index_root().iterdir()] == [NAME]


def test_what_another_machine_uploaded_later_is_seen_and_what_was_removed_is_gone(
    store: None,
) -> None:
    digest = built()
    assert not snapshot_store.holds(NAME)
    assert not snapshot_store.fetch(NAME, digest)
    snapshot_store.upload(NAME)
    assert snapshot_store.holds(NAME)
    snapshot_store.remove(NAME)
    assert not snapshot_store.holds(NAME)
    snapshot_store.remove(NAME)


def test_a_damaged_object_is_refused_and_the_machine_keeps_what_it_had(
    store: None, settings: Any, tmp_path: Path
) -> None:
    digest = built()
    snapshot_store.upload(NAME)
    files, root = snapshot_store._connect(settings.INDEX_STORE)
    files.pipe_file(f"{root}/{NAME}/vectors.faiss", b"not what was built")
    settings.DATA_DIR = tmp_path / "another-machine"
    with pytest.raises(DamagedSnapshot, match=r"COUNTERSIGN_INDEX_STORE.*vectors\.faiss"):
        snapshot_store.fetch(NAME, digest)
    assert list(sealed.index_root().iterdir()) == []


def test_a_store_that_does_not_answer_or_has_no_such_bucket_says_what_to_look_at(
    store: None, server: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = built()
    settings.INDEX_STORE = "s3://no-such-bucket/index"
    with pytest.raises(StoreError, match=r"cannot be written.*Check the bucket"):
        snapshot_store.upload(NAME)
    with pytest.raises(urllib.error.HTTPError, match="404"):  # and none was made
        urllib.request.urlopen(f"{server}/no-such-bucket", timeout=60)
    use(f"http://127.0.0.1:{free_port()}", monkeypatch)
    for work in (
        lambda: snapshot_store.upload(NAME),
        lambda: snapshot_store.fetch(NAME, digest),
        lambda: snapshot_store.holds(NAME),
    ):
        with pytest.raises(StoreError, match=r"COUNTERSIGN_INDEX_STORE.*AWS_ENDPOINT_URL"):
            work()
