"""An HTML page as Markdown says what the page says, no more and no less."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from docx import Document as Docx

from retrieval.isolated import IsolatedReader
from retrieval.loaders import LoadError, load_bytes
from retrieval.pages import main_part, to_markdown
from tests.retrieval.conftest import NOW


def text(body: str, language: str = "en") -> str:
    return main_part(f'<!doctype html><html lang="{language}"><body>{body}</body></html>').text


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>The late fee is 15<sup>1</sup> euros.</p><p><sup>1</sup> Without tax.</p>",
         "The late fee is 15 [1] euros.\n\n[1] Without tax."),
        ("<p>10<sup>3</sup> ml, 2<sup>10</sup> and m<sup>2</sup></p>", "10^3 ml, 2^10 and m^2"),
        ("<p>€5<sup>99</sup> a month</p>", "€5.99 a month"),
        ("<p>5<sup>99</sup> € a month</p>", "5.99 € a month"),
        ("<p>The 1<sup>st</sup> of May, Brewer<sup>®</sup></p>", "The 1st of May, Brewer®"),
        ('<p>Fifteen<sup><a href="#n2">2</a></sup> euros</p>', "Fifteen [2] euros"),
        ('<p>30<sup><a href="#n2">[2]</a></sup> days</p>', "30 [2] days"),
        ("<p>15<sup>x+1</sup></p>", "15^(x+1)"),
        ("<p>H<sub>2</sub>O, 10<sub>2</sub></p>", "H2O, 10\\_2"),
    ],
)  # fmt: skip
def test_superscripts_never_join_a_number(html: str, words: str) -> None:
    assert text(html) == words


def test_cents_follow_the_pages_language() -> None:
    assert text("<p>€5<sup>99</sup></p>", "de") == "€5,99"


def test_spanned_cells_stand_in_each_row_and_column() -> None:
    table = """<table><tr><th>Part</th><th>Region</th><th colspan="2">Years</th></tr>
    <tr><td rowspan="2">Pump</td><td>Europe</td><td>5</td><td>6</td></tr>
    <tr><td>Asia</td><td>2</td><td>3</td></tr><tr><td rowspan="0">Lid</td><td>All</td><td colspan=2>1</td></tr>
    </table>"""
    assert text(table).splitlines() == [
        "| Part | Region | Years | Years |",
        "| --- | --- | --- | --- |",
        "| Pump | Europe | 5 | 6 |",
        "| Pump | Asia | 2 | 3 |",
        "| Lid | All | 1 | 1 |",
    ]


@pytest.mark.parametrize(
    "body",
    [
        '<main><h1>R</h1><section id="share-a-recipe"><h2>Share</h2><p>Kept words.</p></section></main>',
        '<main><h1>R</h1><section class="comments"><h2>Comments</h2><p>Kept words.</p></section></main>',
        '<main><h1>R</h1><h2 id="clear-your-cookies">Clear cookies</h2><p>Kept words.</p></main>',
        '<main><h1>R</h1><p id="sidebar">Kept words.</p></main>',
        '<div class="page has-sidebar"><h2>R</h2><p>Kept words.</p></div>',
        '<div class="sidebar"><p>Kept words of the only part there is.</p></div>',
        '<main><h1>R</h1><div hidden><p>Kept words.</p></div></main>',
        '<main><h1>R</h1><div style="display:none"><p>Kept words.</p></div></main>',
        '<main><h1>R</h1><details><summary>Q</summary>Kept words.</details></main>',
        '<form id="aspnetForm"><h1>R</h1><p>Kept words.</p></form>',
        '<form><div><p>Kept words without a heading.</p></div></form>',
        '<h1>R</h1><p>Plug in.</p><aside class="note"><p>Kept words.</p></aside>',
        '<h1>R</h1><p>Plug in.</p><aside><p>Kept words.</p></aside>',
        '<div id="content"><h1>R</h1><p>Kept words.</p></div><article><h3>Card</h3><p>New!</p></article>',
        '<main><h1>R</h1><div class="share-a-drink">Kept words.</div></main>',
    ],
)  # fmt: skip
def test_content_stays(body: str) -> None:
    assert "Kept words" in text(body)


@pytest.mark.parametrize(
    "body",
    [
        '<div class="cookie-banner"><h2>Cookies</h2><p>GONE</p></div>',
        '<div role="dialog" aria-modal="true"><h2>Hello</h2>GONE</div>',
        "<dialog open>GONE</dialog>",
        '<div class="modal" style="display: none">GONE</div>',
        '<div class="share-buttons">GONE</div>',
        '<nav>GONE</nav>',
        '<ul class="breadcrumb"><li>GONE</li></ul>',
        '<form action="/search"><label>GONE</label></form>',
        '<p>The lid is <s>GONE</s> included.</p>',
        '<p>The lid is <del>GONE</del><strike>GONE</strike> included.</p>',
        '<p>The lid is <span style="text-decoration: line-through">GONE</span> included.</p>',
        '<div class="post__share">GONE</div>',
        "<!-- GONE -->",
        '<button class="copy-button">GONE</button>',
        '<h2>Words<a class="headerlink" href="#w">GONE</a></h2>',
    ],
)  # fmt: skip
def test_what_surrounds_or_is_struck_goes(body: str) -> None:
    shown = text(
        f"<main><h1>R</h1><p>Enough words to be the page's own content here.</p>{body}</main>"
    )
    assert "GONE" not in shown
    assert "own content" in shown


def test_buttons_keep_their_words_where_they_are_read() -> None:
    assert (
        text("<p>Press <button>Save draft</button> and wait.</p>") == "Press Save draft and wait."
    )
    assert "## How long?" in text("<h1>F</h1><h2><button>How long?</button></h2><p>Days.</p>")
    folded = '<h1>F</h1><button aria-expanded="false" aria-controls="a">How long?</button><div id="a" hidden>Days.</div>'
    assert text(folded).endswith("How long?\n\nDays.")


def test_tab_panels_keep_their_names() -> None:
    tabs = """<h1>Install</h1><div role="tablist"><button role="tab" id="t1">Windows</button>
    <button role="tab" id="t2">macOS</button></div><div role="tabpanel" aria-labelledby="t1">Run it.</div>
    <div role="tabpanel" aria-labelledby="t2" hidden>Open it.</div>"""
    assert text(tabs).endswith("**Windows**\n\nRun it.\n\n**macOS**\n\nOpen it.")


def test_a_warning_tells_that_much_of_the_main_part_went() -> None:
    inside = (
        "<p>Words of the page.</p>" * 20
        + '<div class="comments">'
        + "<p>a b c d e</p>" * 12
        + "</div>"
    )
    assert "60 of the" in main_part(f"<main>{inside}</main>").warnings[0]
    assert main_part("<main><p>All of it stays.</p></main>").warnings == ()


def test_words_that_look_like_markup_stay_words() -> None:
    shown = text(
        "<p>Write &lt;b&gt; or &lt;!-- x --&gt;, set &lt;API_KEY&gt;</p><pre><code>&lt;b&gt;</code></pre>"
    )
    assert "&lt;b>" in shown
    assert "&lt;!-- x -->" in shown
    assert "API" in shown
    assert "```\n<b>\n```" in shown


def test_scripted_links_become_their_words() -> None:
    shown = to_markdown(
        '<p><a href=" JavaScript:alert(1)">click</a> <a href="data:text/html,x">it</a></p>'
    )
    assert shown == "click it"


@pytest.mark.parametrize(
    ("encoding", "declared", "words"),
    [
        ("iso-8859-1", "ISO-8859-1", "Rückgabe zurück"), ("cp1252", "iso-8859-1", "5 € – “yes”"),
        ("gbk", "gb2312", "退货政策说明"), ("shift_jis", "Shift_JIS", "返品についてのご案内"),
        ("utf-8", "iso-8859-1", "Rückgabe"), ("utf-8", "nonsense", "Rückgabe"),
    ],
)  # fmt: skip
def test_a_declared_encoding_is_taken(encoding: str, declared: str, words: str) -> None:
    page = f'<html><head><meta charset="{declared}"><title>T</title></head><body><p>{words}</p></body></html>'
    assert load_bytes(Path("a.html"), page.encode(encoding)).text == words


@pytest.mark.parametrize(
    ("raw", "guess"),
    [
        ("Die Rückgabe ist für Sie kostenlos.".encode("cp1252"), "cp1252"),
        ("Die Rückgabe ist kostenlos für Sie.".encode("utf-16-le"), "utf-16-le"),
        (
            "返品についてのご案内です。商品の返品は三十日以内にお願いします。".encode("shift_jis"),
            "",
        ),
    ],
)
def test_a_refusal_offers_the_likely_encoding(raw: bytes, guess: str) -> None:
    with pytest.raises(LoadError, match="it looks like") as error:
        load_bytes(Path("a.md"), raw)
    assert guess in error.value.reason
    assert "save it as UTF-8" in error.value.reason


def docx(document: Docx) -> bytes:
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def test_docx_title_style_hidden_words_merged_cells_and_numbers_that_go_on() -> None:
    document = Docx()
    document.add_paragraph("Descale the machine", style="Title")
    document.add_heading("Before you begin", 1)
    hidden = document.add_paragraph("Shown. ").add_run("Internal words.")
    hidden.font.hidden = True
    for words in ("Step 1", "Step 2"):
        document.add_paragraph(words, style="List Number")
    document.add_paragraph("A note between.")
    document.add_paragraph("Step 3", style="List Number")
    table = document.add_table(rows=3, cols=2)
    for row, words in zip(table.rows, (("Part", "Years"), ("Pump", "5"), ("", "2")), strict=True):
        row.cells[0].text, row.cells[1].text = words
    table.cell(1, 0).merge(table.cell(2, 0))
    document.core_properties.title = "Template 2019"
    article = load_bytes(Path("a.docx"), docx(document))
    assert article.title == "Descale the machine"
    assert "Internal" not in article.text
    assert "1. Step 1\n2. Step 2" in article.text
    assert "3. Step 3" in article.text
    assert "| Pump | 5 |\n| Pump | 2 |" in article.text


def test_a_docx_that_unpacks_without_end_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<a>" + b" " * 60_000_000 + b"</a>")
    with pytest.raises(LoadError, match="unpacks to far more"):
        load_bytes(Path("a.docx"), out.getvalue())


def test_files_that_took_minutes_are_refused_and_the_next_one_is_read() -> None:
    reader = IsolatedReader()
    try:
        with pytest.raises(LoadError, match="tags"):
            reader.read("flat.html", b"<b>x</b>" * 1_000_000, now=NOW)
        assert reader.read("ok.html", b"<p>Fine</p>", now=NOW).text == "Fine"
    finally:
        reader.close()


def test_a_file_that_takes_too_much_processor_time_ends_its_reader() -> None:
    reader = IsolatedReader(processor_seconds=1)
    slow = ("<table>" + "<tr><td>a<td>b" * 24_000).encode()
    try:
        with pytest.raises(LoadError, match="processor time"):
            reader.read("slow.html", slow, now=NOW)
        assert reader.read("ok.html", b"<p>Fine</p>", now=NOW).text == "Fine"
    finally:
        reader.close()
