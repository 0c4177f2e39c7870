"""Sources over REST: run, upload, follow, with the scopes of the knowledge base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from assistant.api_keys import create_api_key
from assistant.models import AuditEvent, User
from retrieval.source_models import Source
from retrieval.sources import importing, keeping
from tests.retrieval.conftest import NOW, write_articles

pytestmark = pytest.mark.django_db
API = "/api/v1/knowledge"


def key(*scopes: str, name: str = "sync") -> dict[str, Any]:
    secret = create_api_key(name=name, scopes=scopes, actor="system:test", now=NOW)[1]
    return {"headers": {"Authorization": f"Bearer {secret}"}}


@pytest.fixture
def both() -> dict[str, Any]:
    return key("knowledge:read", "knowledge:write")


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    settings.UPLOAD_DIR = tmp_path / "uploads"
    settings.SOURCE_FOLDERS = [str(tmp_path)]
    return write_articles(tmp_path / "kb", {"a.md": "# A\n\nOne.", "empty.md": ""})


def source(kind: str, priya: User, **values: Any) -> Source:
    return keeping.save(
        None, kind=kind, name=kind, collection="kb", trust=2, by=priya, now=NOW, **values
    )


def test_a_run_is_asked_for_and_followed(
    client: Client, priya: User, folder: Path, both: dict[str, Any]
) -> None:
    found = source("folder", priya, location=str(folder))
    listed = client.get(f"{API}/sources", **both).json()["sources"]
    assert [(one["name"], one["collection"]) for one in listed] == [("folder", "kb")]
    asked = client.post(f"{API}/sources/{found.pk}/runs", **both)
    assert asked.status_code == 202
    again = client.post(f"{API}/sources/{found.pk}/runs", **both)
    assert again.status_code == 409
    importing.work_waiting()
    run = client.get(f"{API}/runs/{asked.json()['id']}", **both).json()
    assert (run["state"], run["counts"]["added"], run["counts"]["skipped"]) == ("done", 1, 1)
    assert [(one["path"], one["outcome"], one["reason"]) for one in run["changes"]] == [
        ("a.md", "added", ""),
        ("empty.md", "skipped", "is empty"),
    ]
    assert client.get(f"{API}/sources/{found.pk}/runs", **both).json()["runs"][0]["id"] == run["id"]
    asked_by = AuditEvent.objects.get(action="source.run_asked")
    assert asked_by.actor == "api:sync"


def test_files_are_uploaded(
    client: Client, priya: User, folder: Path, both: dict[str, Any]
) -> None:
    found = source("upload", priya)
    files = [
        SimpleUploadedFile("b.md", b"# B\n\nTwo."),
        SimpleUploadedFile("c.md", b"# C\n\nThree."),
    ]
    asked = client.post(f"{API}/sources/{found.pk}/uploads?preview=true", {"files": files}, **both)
    assert asked.status_code == 202, asked.content
    importing.work_waiting()
    run = client.get(f"{API}/runs/{asked.json()['id']}", **both).json()
    assert (run["preview"], run["counts"]["added"]) == (True, 2)
    bad = client.post(
        f"{API}/sources/{found.pk}/uploads", {"files": [SimpleUploadedFile("x.exe", b"x")]}, **both
    )
    assert bad.status_code == 422
    assert bad.json()["errors"][0]["field"] == "files"
    wrong = client.post(f"{API}/sources/{found.pk}/runs", **both)
    assert wrong.status_code == 409


def test_a_key_needs_the_scope_and_a_source_that_is_there(client: Client, priya: User) -> None:
    found = source("upload", priya)
    reads = key("knowledge:read", name="reader")
    url = f"{API}/sources/{found.pk}/runs"
    assert client.post(url, **reads).status_code == 403
    tickets = key("tickets:read", "tickets:write", name="tickets")
    assert client.get(f"{API}/sources", **tickets).status_code == 403
    for path in ("sources/999/runs", "runs/999", f"runs/{2**70}"):
        assert client.get(f"{API}/{path}", **reads).status_code == 404
