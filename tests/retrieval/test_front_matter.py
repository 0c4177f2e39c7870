"""A front matter says what its author meant, and one made to hang the reader is refused at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.front_matter import FrontMatterError, split
from retrieval.isolated import IsolatedReader
from retrieval.loaders import LoadError, load_bytes
from tests.retrieval.conftest import NOW


def read(name: str, text: str) -> tuple[str, str, str]:
    article = load_bytes(Path(name), text.encode())
    return article.title, article.category, article.language


@pytest.mark.parametrize(
    ("front", "title"),
    [
        ("title: 12:30:45", "12:30:45"), ("title: 1.10", "1.10"), ("title: 10:30", "10:30"),
        ("title: no", "no"), ("title: 0755", "0755"), ("title: 2026-01-02", "2026-01-02"),
        ("title: Error 504: gateway timed out", "Error 504: gateway timed out"),
        ("title: [Beta] Sync plans", "[Beta] Sync plans"), ("title: @mentions", "@mentions"),
        ("title: `curl` fails", "curl fails"), ("title: 50% off: how?\ndescription: a: b", "50% off: how?"),
        ("title: 'Quoted: words'", "Quoted: words"),
        ("title: Tom &amp; Jerry", "Tom & Jerry"), ("title: A # comment", "A"), ("title: 1e3", "1e3"),
        ("title: 99999999999999999999999999", "99999999999999999999999999"),
        ("title: Fee\ndate: 2026-13-45", "Fee"),
    ],
)  # fmt: skip
def test_titles_stay_as_they_are_written(front: str, title: str) -> None:
    assert read("a.md", f"---\n{front}\n---\n\nText.")[0] == title


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\ntitle: X\ncategory: [billing, refunds]\n---\nText.", ("X", "billing", "en")),
        ("---\ntitle: X\ncategories:\n  - billing\n---\nText.", ("X", "billing", "en")),
        ("---\ntitle: Retur\nlanguage: no\n---\nText.", ("Retur", "", "no")),
        ('+++\ntitle = "Hugo page"\ncategories = ["a"]\n+++\nText.', ("Hugo page", "a", "en")),
        ("Title: Pelican page\nCategory: News\nLang: de\n\nText.", ("Pelican page", "News", "de")),
        ('{\n"title": "Json page"\n}\nText.', ("Json page", "", "en")),
    ],
)
def test_fields_of_other_generators(text: str, expected: tuple[str, str, str]) -> None:
    assert read("a.md", text) == expected
    assert load_bytes(Path("a.md"), text.encode()).text == "Text."


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("Sync plans.md", "## Plans\n\nTwo.\n\n## Limits\n\nFive.", "Sync plans"),
        ("code-comment.md", "To restart run:\n\n```sh\n# do not run this\n```", "code comment"),
        ("fence.md", "```sh\n# not a title\n```\n\n# Later", "fence"),
        (
            "a.md",
            "[![build](x.svg)](y)\n<p align=center>\n\n# The **title** {#id}\n\nText",
            "The title",
        ),
        ("a.md", "Set title\n=========\n\nText", "Set title"),
        ("a.md", "<!-- # secret -->\n# Shown\n\nText", "Shown"),
        ("help/billing/index.md", "Text", "billing"),
        ("_posts/2020-01-02-how-to-pay.md", "Text", "how to pay"),
        ("404-not-found.md", "Text", "404 not found"),
    ],
)
def test_the_title_is_the_first_heading_or_the_files_name(name: str, text: str, title: str) -> None:
    assert load_bytes(Path(name), text.encode()).title == title


@pytest.mark.parametrize(
    "text", ["Title: only\nwords follow", "{not json}\n\nText", "+++\nno = \n", "Note: x\n\nText"]
)
def test_what_only_looks_like_one_is_text(text: str) -> None:
    assert split(text).text == text


BOMBS = {
    "brackets": "a: " + "[" * 500 + "]" * 500,
    "open brackets": "a: " + "[" * 30_000,
    "braces": "a: " + "{x: " * 500 + "1" + "}" * 500,
    "lists": "- " * 3_000 + "x",
    "keys": "? " * 3_000 + "x",
    "indents": "\n".join(" " * n + "a:" for n in range(300)),
    "values": "a: [" + "1," * 20_000 + "1]",
    "aliases": "a: &a [x]\nb: [*a, *a]",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_front_matter_without_end_is_refused(name: str) -> None:
    with pytest.raises(FrontMatterError):
        split(f"---\n{BOMBS[name]}\n---\nText.")


@pytest.mark.parametrize("raw", [b"+++\na = " + b"[" * 500 + b"]" * 500 + b"\n+++\nText.",
                                 b'{\n"a": ' + b"[" * 500 + b"]" * 500 + b"\n}\nText."])  # fmt: skip
def test_toml_and_json_are_bounded_too(raw: bytes) -> None:
    with pytest.raises(LoadError, match="nested deeper"):
        load_bytes(Path("a.md"), raw)


def test_bad_files_cost_themselves_only() -> None:
    reader = IsolatedReader()
    try:
        for text in BOMBS.values():
            with pytest.raises(LoadError):
                reader.read("bad.md", f"---\n{text}\n---\nText.".encode(), now=NOW)
            assert reader.read("good.md", b"Fine.", now=NOW).text == "Fine."
    finally:
        reader.close()
