"""`manage.py ingest` touches only what changed, names what it skips, and can be scripted."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from retrieval.ingest import CannotIngest, IngestReport
from retrieval.models import Document, IndexSnapshot, Revision
from tests.retrieval.conftest import ARTICLES, write_articles

pytestmark = pytest.mark.django_db


def state_of(source: str) -> str:
    return Document.objects.get(source=source).state


def test_a_folder_goes_in_with_sources_titles_and_categories(knowledge: IngestReport) -> None:
    assert (knowledge.added, knowledge.skipped) == (4, [])
    stored = {d.source: (d.title, d.category) for d in Document.objects.all()}
    assert stored == {
        "devices/reset-thermostat.md": ("Reset your thermostat", "Devices"),
        "devices/battery.md": ("Change the batteries", "devices"),
        "billing/refund-times.md": ("When a refund arrives", "Billing"),
        "billing/invoice.txt": ("invoice", "billing"),
    }
    assert knowledge.snapshot == IndexSnapshot.objects.get(state="active").pk


def test_a_second_run_changes_nothing(
    knowledge: IngestReport, bring_in: Callable[..., IngestReport], articles: Path
) -> None:
    again = bring_in(articles, prune=True)
    assert (again.added, again.changed, again.unchanged, again.retired) == (0, 0, 4, 0)
    assert again.snapshot == knowledge.snapshot
    assert again.chunks == knowledge.chunks
    assert Revision.objects.count() == 4


def test_only_what_changed_gets_a_new_revision(
    knowledge: IngestReport, bring_in: Callable[..., IngestReport], articles: Path
) -> None:
    (articles / "devices/battery.md").write_text("# Change the batteries\n\nUse two AA cells.\n")
    again = bring_in(articles)
    assert (again.added, again.changed, again.unchanged) == (0, 1, 3)
    assert again.snapshot != knowledge.snapshot
    assert Revision.objects.filter(document__source="devices/battery.md").count() == 2


def test_prune_retires_what_vanished_and_only_that(
    knowledge: IngestReport, bring_in: Callable[..., IngestReport], articles: Path
) -> None:
    (articles / "devices/battery.md").unlink()
    (articles / "billing/invoice.txt").write_bytes(b"")  # unreadable, not gone
    kept = bring_in(articles)
    assert kept.retired == 0
    assert state_of("devices/battery.md") == "published"
    pruned = bring_in(articles, prune=True)
    assert pruned.retired == 1
    assert state_of("devices/battery.md") == "retired"
    assert state_of("billing/invoice.txt") == "published"
    (articles / "devices/battery.md").write_text(ARTICLES["devices/battery.md"])
    bring_in(articles, prune=True)
    assert state_of("devices/battery.md") == "published"


def test_prune_leaves_other_collections_alone(
    knowledge: IngestReport, bring_in: Callable[..., IngestReport], tmp_path: Path
) -> None:
    other = write_articles(tmp_path / "other", {"a.md": "Another text."})
    assert bring_in(other, collection="other", prune=True).retired == 0
    assert Document.objects.filter(state="published").count() == 5


def test_the_broken_are_named_and_the_rest_goes_in(
    bring_in: Callable[..., IngestReport], articles: Path
) -> None:
    (articles / "devices/empty.md").write_bytes(b"")
    (articles / "broken.pdf").write_bytes(b"%PDF-1.4 nothing more")
    (articles / "nul.txt").write_bytes(b"a\x00b")
    (articles / "photo.png").write_bytes(b"\x89PNG")
    (articles / ".hidden.md").write_text("Hidden.")
    report = bring_in(articles)
    assert report.added == 4
    assert report.ignored == 1
    assert [one["path"] for one in report.skipped] == ["broken.pdf", "devices/empty.md", "nul.txt"]
    assert all(one["reason"] for one in report.skipped)


def test_a_single_file_goes_in_and_cannot_prune(
    bring_in: Callable[..., IngestReport], articles: Path
) -> None:
    assert bring_in(articles / "devices/battery.md").added == 1
    assert Document.objects.get().source == "battery.md"
    with pytest.raises(CannotIngest, match="--prune needs a folder"):
        bring_in(articles / "devices/battery.md", prune=True)


@pytest.mark.parametrize(
    ("path", "collection", "words"),
    [
        ("nowhere", "help", "no such file or folder"),
        ("photo.png", "help", "are not read"),
        ("empty", "help", "holds no article"),
        ("articles", "Not a name", "lower-case"),
    ],
)
def test_a_call_that_cannot_run_exits_with_2_and_retires_nothing(
    knowledge: IngestReport, tmp_path: Path, path: str, collection: str, words: str
) -> None:
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CommandError, match=words) as error:
        call_command("ingest", str(tmp_path / path), collection=collection, prune=True)
    assert error.value.returncode == 2
    assert Document.objects.filter(state="published").count() == 4


def command(*arguments: str) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    try:
        call_command(*arguments, "--json", stdout=out, stderr=io.StringIO())
        status = 0
    except SystemExit as exit_:
        status = int(exit_.code or 0)
    return status, json.loads(out.getvalue())


def test_the_commands_answer_in_json_with_the_stable_fields(
    index_folder: Path, articles: Path
) -> None:
    status, report = command("ingest", str(articles), "--collection", "help")
    assert status == 0
    stable = {
        "added",
        "changed",
        "unchanged",
        "retired",
        "skipped",
        "chunks",
        "seconds",
        "snapshot",
    }
    assert stable <= set(report)
    (articles / "empty.md").write_bytes(b"")
    status, report = command("ingest", str(articles), "--collection", "help")
    assert status == 1
    assert report["skipped"] == [{"path": "empty.md", "reason": "is empty"}]
    status, found = command("search", "how long does a refund take", "--k", "2")
    assert status == 0
    assert found["snapshot"] == report["snapshot"]
    first = found["results"][0]
    assert first["source"] == "billing/refund-times.md"
    revision = Revision.objects.get(pk=first["revision"])
    assert revision.document_id == first["document"]
    assert revision.text[first["start"] : first["end"]] == first["text"]
    assert {"heading_path", "score"} <= set(first)
    assert len(found["results"]) == 2


def test_searching_an_empty_knowledge_base_exits_with_2(index_folder: Path) -> None:
    with pytest.raises(CommandError, match=r"manage\.py ingest") as error:
        call_command("search", "anything")
    assert error.value.returncode == 2


def test_a_files_name_stays_its_articles_name(
    bring_in: Callable[..., IngestReport], tmp_path: Path
) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    names = ["Benefit letter  _ page 1.md", " begins with a space.md", "one\ttab.md"]
    for name in names:
        (folder / name).write_text(f"# An article\n\nThis is the text of {name.strip()!r}.\n")
    assert bring_in(folder).added == 3
    assert set(Document.objects.values_list("source", flat=True)) == {
        "Benefit letter  _ page 1.md", "begins with a space.md", "onetab.md",
    }  # fmt: skip
    again = bring_in(folder, prune=True)
    assert (again.unchanged, again.retired) == (3, 0)
