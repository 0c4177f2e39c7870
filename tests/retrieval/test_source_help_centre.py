"""A help centre's export becomes articles with titles, categories, tables and lists."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retrieval.loaders import load_bytes
from retrieval.sources.help_centre import HelpCentreAdapter
from retrieval.sources.interface import Entry, SourceError
from tests.retrieval.source_server import serving

BODY = """<h2>Steps</h2><ol><li>Open the app</li><li>Choose <b>Returns</b></li></ol>
<table><tr><th>Country</th><th>Days</th></tr><tr><td>Norway</td><td>7</td></tr></table>"""
EXPORT: dict[str, Any] = {
    "articles": [
        {"id": 1, "title": "Returns", "body": BODY, "html_url": "https://help.example/1", "locale": "en-us",
         "section_id": 10, "draft": False, "updated_at": "2026-01-01T00:00:00Z", "label_names": ["parcel"]},
        {"id": 2, "title": "Draft", "body": "<p>x</p>", "html_url": "https://help.example/2", "locale": "en-us", "draft": True},
        {"id": 3, "title": "Empty", "body": None, "locale": "en-us"},
        {"id": 4, "title": "Retour", "body": "<p>Bonjour</p>", "locale": "fr"},
        "nonsense",
    ],
    "sections": [{"id": 10, "name": "Parcels", "category_id": 100}],
    "categories": [{"id": 100, "name": "Shipping"}],
}  # fmt: skip


def uploaded(folder: Path, export: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "export.json").write_text(json.dumps(export))
    return folder


def test_an_export_becomes_articles_and_names_what_is_none(tmp_path: Path) -> None:
    adapter = HelpCentreAdapter("", files=uploaded(tmp_path / "up", EXPORT), locale="en-us")
    listing = adapter.listing()
    assert listing.entries == [Entry("https://help.example/1")]
    assert listing.unpublished == [("https://help.example/2", "is a draft there")]
    assert listing.skipped == [("articles/3", "holds no text")]
    assert sum(listing.ignored.values()) == 2  # the French one and the nonsense
    fetched = adapter.fetch(listing.entries[0], "")
    assert fetched is not None
    article = replace(load_bytes(Path(fetched.name), fetched.content), **fetched.stated)
    assert (article.title, article.category, article.language) == ("Returns", "Shipping", "en")
    assert "1. Open the app\n2. Choose **Returns**" in article.text
    assert "| Country | Days |\n| --- | --- |\n| Norway | 7 |" in article.text
    assert article.front_matter["label_names"] == ["parcel"]
    assert adapter.fetch(listing.entries[0], fetched.fingerprint) is None


def test_pages_follow_each_other_and_stay_on_the_host(tmp_path: Path, settings: Any) -> None:
    settings.SOURCE_PRIVATE_HOSTS = ["127.0.0.1"]
    with serving() as site:
        one = {"articles": EXPORT["articles"][:1], "next_page": f"{site.url}/2.json"}
        two = {"articles": [EXPORT["articles"][3]], "next_page": f"{site.url}/1.json"}  # a circle
        site.put("/1.json", json.dumps(one))
        site.put("/2.json", json.dumps(two))
        listing = HelpCentreAdapter(f"{site.url}/1.json").listing()
        assert [entry.path for entry in listing.entries] == ["https://help.example/1", "articles/4"]
        assert site.paths() == ["/1.json", "/2.json"]
        site.put("/2.json", json.dumps(two | {"next_page": "http://elsewhere.example/3.json"}))
        with pytest.raises(SourceError, match="leads to another host"):
            HelpCentreAdapter(f"{site.url}/1.json").listing()


@pytest.mark.parametrize("export", [[], {"sections": []}, {"articles": {}}, "text"])
def test_what_is_no_export_says_so(tmp_path: Path, export: Any) -> None:
    with pytest.raises(SourceError, match="is no help centre's export"):
        HelpCentreAdapter("", files=uploaded(tmp_path / "up", export)).listing()
