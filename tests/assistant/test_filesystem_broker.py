"""The embedded broker: a reader never meets half a message, and a missing folder kills nobody."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection

import assistant.celery  # noqa: F401  (names the transport)


@pytest.fixture
def channel(tmp_path: Path) -> Any:
    folders = {"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"}
    options = {name: str(tmp_path / folder) for name, folder in folders.items()}
    (tmp_path / "queue").mkdir()
    with Connection("filesystem://", transport_options=options) as connection:
        yield connection.channel()


def test_a_message_that_is_put_is_got_once(channel: Any) -> None:
    channel._put("gpu", {"wake": 1})
    assert channel._get("gpu") == {"wake": 1}
    with pytest.raises(Empty):
        channel._get("gpu")


def test_a_half_written_message_is_dropped_and_the_next_one_read(
    channel: Any, tmp_path: Path
) -> None:
    (tmp_path / "queue" / "0_half.gpu.msg").touch()
    channel._put("gpu", {"wake": 1})
    with pytest.raises(Empty):
        channel._get("gpu")
    assert channel._get("gpu") == {"wake": 1}


def test_folders_that_were_deleted_are_made_again(channel: Any, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "queue")
    with pytest.raises(Empty):
        channel._get("gpu")
    shutil.rmtree(tmp_path / "queue")
    channel._put("gpu", {"wake": 1})
    assert channel._get("gpu") == {"wake": 1}


def test_a_reader_beside_a_writer_gets_every_message_whole(channel: Any) -> None:
    writer = threading.Thread(
        target=lambda: [channel._put("gpu", {"n": n, "text": "x" * 5000}) for n in range(300)]
    )
    writer.start()
    got: list[int] = []
    while len(got) < 300:
        writing = writer.is_alive()
        try:
            got.append(channel._get("gpu")["n"])
        except Empty:
            if not writing:
                pytest.fail(f"only {len(got)} of 300 messages arrived")
    writer.join()
    assert sorted(got) == list(range(300))
