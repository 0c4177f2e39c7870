"""The embedded broker: a reader never meets half a message, and a missing folder kills nobody."""

from __future__ import annotations

import os
import shutil
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection
from kombu.utils.json import dumps

from assistant.celery import WAKE_EXPIRES
from assistant.celery import app as celery_app
from assistant.filesystem_broker import FRESH_SECONDS


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


def sent(channel: Any, task: str, queue: str = "gpu", **more: Any) -> None:
    """A task as Celery itself writes it."""
    message = celery_app.amqp.as_task_v2(uuid.uuid4().hex, task, **more)
    whole = channel.prepare_message(
        dumps(message.body), headers=message.headers, properties=message.properties
    )
    channel._put(queue, whole)


def waiting(tmp_path: Path) -> int:
    return len(list((tmp_path / "queue").glob("*.msg")))


def test_of_many_wake_ups_one_waits_and_after_it_was_taken_another_is_written(
    channel: Any, tmp_path: Path
) -> None:
    for _ in range(196):
        sent(channel, "generation.tasks.draft_waiting")
    assert waiting(tmp_path) == 1
    assert channel._get("gpu")["headers"]["task"] == "generation.tasks.draft_waiting"
    sent(channel, "generation.tasks.draft_waiting")  # it tells of what was committed since
    assert waiting(tmp_path) == 1


def test_what_says_more_than_look_is_always_written(channel: Any, tmp_path: Path) -> None:
    sent(channel, "generation.tasks.draft_waiting")
    sent(channel, "retrieval.tasks.refresh_index")  # another task
    sent(channel, "generation.tasks.draft_waiting", queue="search")  # another queue
    for number in (1, 1, 2):  # what somebody waits for
        sent(channel, "retrieval.tasks.search", kwargs={"query": number})
    sent(channel, "generation.tasks.draft_waiting", eta=datetime.now(UTC))
    assert waiting(tmp_path) == 7


def test_a_wake_up_that_may_expire_before_anybody_takes_it_is_written_again(
    channel: Any, tmp_path: Path
) -> None:
    sent(channel, "generation.tasks.draft_waiting")
    (old,) = (tmp_path / "queue").glob("*.msg")
    os.utime(old, (1, 1))
    sent(channel, "generation.tasks.draft_waiting")
    assert waiting(tmp_path) == 2
    assert WAKE_EXPIRES > FRESH_SECONDS
