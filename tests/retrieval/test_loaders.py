"""Every kind of file becomes Markdown with a title, or is named with the reason why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from docx import Document as Docx

from retrieval.loaders import LoadError, category_of, load


def made(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_front_matter_gives_title_category_language_and_the_rest(tmp_path: Path) -> None:
    article = load(
        made(
            tmp_path,
            "a.md",
            "---\ntitle: Reset it\ncategory: Devices\nlanguage: de\nupdated: 2026-03-01\n"
            "tags: [a, b]\n---\n\n# Other heading\n\nText.\n",
        )
    )
    assert (article.title, article.category, article.language) == ("Reset it", "Devices", "de")
    assert article.front_matter["updated"] == "2026-03-01"
    assert article.front_matter["tags"] == ["a", "b"]
    assert article.text == "# Other heading\n\nText."


def test_title_falls_back_to_the_first_heading_then_to_the_file_name(tmp_path: Path) -> None:
    assert load(made(tmp_path, "a.md", "# **Reset** it\n\nText.")).title == "Reset it"
    assert load(made(tmp_path, "reset-your_device.md", "Text only.")).title == "reset your device"
    assert load(made(tmp_path, "in-voice.txt", "# no heading in plain text")).title == "in voice"


def test_category_falls_back_to_the_first_folder(tmp_path: Path) -> None:
    plain = load(made(tmp_path, "a.md", "Text."))
    named = load(made(tmp_path, "b.md", "---\ncategory: Billing\n---\nText."))
    assert category_of(plain, "devices/sensors/a.md") == "devices"
    assert category_of(named, "devices/b.md") == "Billing"
    assert category_of(plain, "a.md") == ""


def test_html_is_read_without_its_frame(tmp_path: Path) -> None:
    page = """<html lang="en-GB"><head><title>Reset it</title><style>p{}</style></head><body>
    <nav>Home | Shop</nav><header>Banner</header><main><h1>Reset it</h1><p>Hold the <b>ring</b>.</p>
    <table><tr><th>Model</th><th>Seconds</th></tr><tr><td>T1</td><td>10</td></tr></table>
    <script>alert(1)</script></main><footer>Imprint</footer></body></html>"""
    article = load(made(tmp_path, "a.html", page))
    assert (article.title, article.language) == ("Reset it", "en")
    assert "Hold the **ring**." in article.text
    assert "| T1 | 10 |" in article.text
    for frame in ("Shop", "Banner", "Imprint", "alert", "p{}"):
        assert frame not in article.text


def test_docx_is_read_with_headings_lists_and_tables(tmp_path: Path) -> None:
    document = Docx()
    document.add_heading("Warranty", 1)
    document.add_paragraph("Two years from the day of purchase.")
    for step in ("Keep the box", "Write to us"):
        document.add_paragraph(step, style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for row, words in zip(
        table.rows, (("Part", "Covered"), ("Battery|cell", "one year")), strict=True
    ):
        row.cells[0].text, row.cells[1].text = words
    document.save(str(tmp_path / "warranty.docx"))
    article = load(tmp_path / "warranty.docx")
    assert article.title == "Warranty"
    assert "Two years from the day of purchase." in article.text
    assert "- Keep the box\n- Write to us" in article.text
    assert "| Part | Covered |\n| --- | --- |\n| Battery\\|cell | one year |" in article.text


def pdf(words: str) -> bytes:
    """The smallest PDF with one line of text."""
    stream = f"BT /F1 12 Tf 72 720 Td ({words}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return out + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        start,
    )


def test_pdf_is_read(tmp_path: Path) -> None:
    article = load(made(tmp_path, "opening-hours.pdf", pdf("We answer from nine to five.")))
    assert "We answer from nine to five." in article.text
    assert article.title == "opening hours"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.md", b"", "is empty"),
        ("blank.txt", b" \n\n ", "is empty"),
        ("only-front.md", b"---\ntitle: x\n---\n\n", "holds no text"),
        ("latin.md", "Gr\xfc\xdfe".encode("latin-1"), "not valid UTF-8 at byte 2"),
        ("nul.txt", b"a\x00b", "NUL character at position 1"),
        ("front.md", b"---\ntitle: [x\n---\nText", "front matter that is not valid YAML"),
        ("bomb.md", b"---\na: &a [x]\nb: [*a, *a]\n---\nText", "YAML aliases"),
        ("half.md", b'---\ntitle: "\\ud800"\n---\nText', "not valid YAML"),
        ("broken.pdf", b"%PDF-1.4 nothing more", "PDF"),
        ("broken.docx", b"PK\x03\x04 nothing more", "is broken or no DOCX"),
        ("scanned.pdf", pdf(""), "holds no text"),
        ("photo.png", b"\x89PNG", "files of the kind .png are not read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    path = made(tmp_path, name, content)
    with pytest.raises(LoadError) as error:
        load(path)
    assert error.value.path == path
    assert reason in error.value.reason


def test_byte_order_marks_and_windows_line_ends_are_understood(tmp_path: Path) -> None:
    assert (
        load(made(tmp_path, "a.md", "\ufeff# One\r\n\r\nTwo.\r\n".encode())).text == "# One\n\nTwo."
    )
    assert load(made(tmp_path, "b.txt", "Grüße".encode("utf-16"))).text == "Grüße"


def test_two_rules_around_words_are_not_a_front_matter(tmp_path: Path) -> None:
    article = load(made(tmp_path, "a.md", "---\nJust a sentence\n---\n\nText."))
    assert "Just a sentence" in article.text
