"""Two machines over one database and one S3 bucket: what one builds the other fetches and searches."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.test_killed_index import PUBLISH, REFRESH
from tests.installation import Installation
from tests.retrieval.test_index_in_s3 import server  # noqa: F401

pytestmark = [pytest.mark.processes, pytest.mark.soak]


def test_a_second_machine_searches_what_the_first_one_built(
    installation: Callable[..., Installation], server: str, tmp_path: Path
) -> None:
    first = installation(INDEX_STORE="s3://index/machines")
    first.environment |= {
        "AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }  # fmt: skip
    done = first.python(PUBLISH.format(name="fjordlink") + REFRESH)
    assert done.returncode == 0, done.stderr
    second = copy.copy(first)
    second.environment = first.environment | {
        "COUNTERSIGN_DATA_DIR": str(tmp_path / "second"),
        "COUNTERSIGN_DATABASE_URL": first.database
        or f"sqlite:///{first.folder / 'countersign.sqlite3'}",
    }
    (tmp_path / "second").mkdir()
    found = json.loads(second.manage("search", "fjordlink hub pairing", "--json"))
    assert found["results"][0]["title"] == "fjordlink"
    assert list((tmp_path / "second" / "index").glob("segment-*"))
