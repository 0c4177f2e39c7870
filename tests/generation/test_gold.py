"""A gold section is found in the article as its author wrote it, and passages are known by their headings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from generation.gold import BadGold, Gold, gold_of, heading_key, section_text
from generation.gold_texts import from_folder, from_index

MARKDOWN = """---
title: Install
---

Before anything.

## Update it {#update}

Under update.

```console
## no heading
```

### On a Mac

Under Mac.

## Remove *it*

Last.
"""

RST = """\
=======
Manual
=======

First words.

Settings
--------

Under settings::

    a = 1

Deeper ``here``
~~~~~~~~~~~~~~~

Under deeper.

:term:`Cron` jobs
-----------------

Under cron.
"""


def test_a_section_goes_to_the_next_heading_of_its_level() -> None:
    assert section_text(MARKDOWN, "") == "Before anything."
    update = section_text(MARKDOWN, "Update it")
    assert update is not None
    assert update.startswith("## Update it")
    assert "## no heading" in update
    assert update.endswith("Under Mac.")
    assert section_text(MARKDOWN, "On a Mac") == "### On a Mac\n\nUnder Mac."
    assert section_text(MARKDOWN, "Remove it") == "## Remove *it*\n\nLast."
    assert section_text(MARKDOWN, "no heading") is None


def test_a_title_s_section_ends_where_the_next_heading_stands() -> None:
    assert section_text(RST, "Manual", kind="rst") == "=======\nManual\n=======\n\nFirst words."
    settings = section_text(RST, "Settings", kind="rst")
    assert settings is not None
    assert settings.endswith("Under deeper.")
    assert section_text(RST, "Deeper here", kind="rst") == (
        "Deeper ``here``\n~~~~~~~~~~~~~~~\n\nUnder deeper."
    )
    assert (section_text(RST, "Cron jobs", kind="rst") or "").endswith("Under cron.")


def test_underlined_markdown_and_asciidoc_headings_are_known() -> None:
    text = "Title\n=====\n\nOne.\n\nPart\n----\n\nTwo.\n\n- item\n---\n\nThree."
    assert section_text(text, "Title") == "Title\n=====\n\nOne."
    assert (section_text(text, "Part") or "").endswith("Three.")
    assert section_text("= Book\n\nA.\n\n== Part\n\nB.\n", "Part", kind="adoc") == "== Part\n\nB."


def test_headings_are_compared_by_their_words() -> None:
    assert heading_key("Use `cron` {#cron}") == heading_key("Use cron") == "use cron"
    assert heading_key(":guilabel:`Users`") == heading_key("**Users**") == "users"
    assert heading_key("[Logs](../logs.md)") == "logs"
    assert heading_key("Set up _coTURN_") == heading_key("Set up coTURN")
    assert heading_key("The `env_file` line") == heading_key(
        "The envfile line"
    )  # as headings are kept
    assert heading_key("Configure {{< tooltip >}}") == "configure"


def test_a_passage_belongs_to_a_section_by_its_headings() -> None:
    gold = Gold("a.md", ("Update it",))
    assert gold.is_section("a.md", "Install", ("Update it",))
    assert gold.is_section("a.md", "Install", ("Install", "Update it", "On a Mac"))
    assert not gold.is_section("b.md", "Install", ("Update it",))
    assert not gold.is_section("a.md", "Install", ("Remove it",))
    top = Gold("a.md", ("",))
    title = Gold("a.md", ("Install",))
    for one in (top, title):
        assert one.is_section("a.md", "Install", ())
        assert one.is_section("a.md", "Install", ("Install",))
        assert not one.is_section("a.md", "Install", ("Install", "Update it"))
    assert Gold("a.md").is_section("a.md", "Install", ("anything",))


def test_gold_is_read_from_both_kinds_of_rows() -> None:
    row = {"id": 1, "gold": [{"path": "a.md", "sections": ["X"], "need": 2}, "b.md"]}
    assert gold_of(row) == [Gold("a.md", ("X",), 2), Gold("b.md")]
    with pytest.raises(BadGold, match="7, field gold"):
        gold_of({"id": 7, "gold": [{"sections": []}]})


def test_texts_come_from_a_folder_as_written(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(MARKDOWN)
    (tmp_path / "b.html").write_text(
        "<html><body><h1>B</h1><h2>Part</h2><p>Words of part.</p></body></html>"
    )
    find = from_folder(tmp_path)
    assert find(Gold("a.md"), "Remove it") == "## Remove *it*\n\nLast."
    assert "Words of part." in (find(Gold("b.html"), "Part") or "")
    assert find(Gold("c.md"), "") is None
    with pytest.raises(OSError, match="no such folder"):
        from_folder(tmp_path / "none")


@pytest.mark.django_db
def test_texts_come_from_the_index_where_there_is_no_folder(tmp_path: Path, settings: Any) -> None:
    from datetime import UTC, datetime

    from retrieval.ingest import ingest

    settings.DATA_DIR = tmp_path / "data"
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "a.md").write_text(MARKDOWN)
    ingest(folder, collection="help", now=datetime(2026, 11, 30, tzinfo=UTC))
    find = from_index()
    assert "Under Mac." in (find(Gold("a.md"), "On a Mac") or "")
    assert "Before anything." in (find(Gold("a.md"), "Install") or "")
    assert find(Gold("b.md"), "") is None
