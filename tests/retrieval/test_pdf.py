"""What stands in a PDF survives; long, broken, locked, scanned and hanging ones cost themselves only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from retrieval import isolated
from retrieval.isolated import IsolatedReader
from retrieval.loaders import LoadError, load_bytes
from tests.retrieval.conftest import NOW
from tests.retrieval.pdfs import page, paragraphs, pdf

WORDS = (
    "A parcel that comes late is paid back to the card that paid for it, whatever the reason is."
)


def text_of(raw: bytes) -> str:
    return load_bytes(Path("guide.pdf"), raw).text


@pytest.fixture
def reader() -> Iterator[IsolatedReader]:
    with closing(IsolatedReader()) as found:
        yield found


def test_headings_paragraphs_lists_and_tables_survive() -> None:
    rows = [["Country", "Days"], ["Norway", "7"], ["Spain", "4"]]
    boxes = [(72 + c * 100, 380 - r * 20, 100, 20) for r in range(3) for c in range(2)]
    cells = [
        (76.0 + c * 100, 386.0 - r * 20, 10.0, text)
        for r, row in enumerate(rows)
        for c, text in enumerate(row)
    ]
    lines = [
        (72, 720, 20, "Late parcels"),
        *paragraphs(WORDS, "The bank needs a few working days more.", top=690),
        (72, 630, 15, "Steps"),
        *paragraphs("1. Open the app.", "2. Choose Returns.", "\x95 Keep the box", top=600),
        *cells,
        *paragraphs("After the table.", top=300),
    ]
    text = text_of(pdf([page(lines, boxes)], title="Parcels"))
    assert text == (
        f"# Late parcels\n\n{WORDS} The bank needs a few working days more.\n\n## Steps\n\n"
        "1. Open the app.\n2. Choose Returns.\n- Keep the box\n\n"
        "| Country | Days |\n| --- | --- |\n| Norway | 7 |\n| Spain | 4 |\n\nAfter the table."
    )


def test_heads_and_feet_of_every_page_are_left_out_and_sentences_join_over_pages() -> None:
    pages = [
        page(
            [
                (72, 760, 9, "Manual of the Larkmantel company"),
                *paragraphs(f"{WORDS} And sentence {n}", f"{WORDS[:-1]} and goes on", top=110),
                (300, 30, 9, f"Page {n} of 4"),
            ]
        )
        for n in range(1, 5)
    ]
    text = text_of(pdf(pages))
    assert "Larkmantel" not in text
    assert "Page" not in text
    assert "and goes on A parcel" in text


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"%PDF-1.4 nothing more", "is broken or no PDF"),
        (b"<html>not at all</html>", "is broken or no PDF"),
        (pdf([page([(72, 700, 11, WORDS)])])[:300], "is broken or no PDF"),
        (pdf([page([])]), "its one page holds no text; a scanned document needs text recognition"),
        (pdf([page([(72, 700, 11, WORDS)]), page([]), page([])]), "2 of its 3 pages hold no text"),
        (pdf([page([(72, 700, 11, WORDS)])], encrypted=True), "is protected by a password"),
    ],
)
def test_what_gives_no_text_says_why(raw: bytes, reason: str) -> None:
    with pytest.raises(LoadError) as error:
        text_of(raw)
    assert reason in error.value.reason


def test_three_hundred_pages_are_read_in_the_child_with_progress(reader: IsolatedReader) -> None:
    raw = pdf([page(paragraphs(f"{WORDS} This is page {n}.", WORDS)) for n in range(1, 301)])
    seen: list[tuple[int, int]] = []
    article = reader.read("long.pdf", raw, now=NOW, on_page=lambda *at: seen.append(at))
    assert seen == [(n, 300) for n in range(1, 301)]
    assert "This is page 300." in article.text


def test_a_parser_that_hangs_is_ended_and_the_next_file_is_read(reader: IsolatedReader) -> None:
    slow = pdf([page(paragraphs(*[WORDS] * 40)) for _ in range(200)])
    with closing(IsolatedReader(total_seconds=0.2)) as hasty:
        with pytest.raises(LoadError, match="took more than"):
            hasty.read("slow.pdf", slow, now=NOW)
        hasty._total = 60
        assert hasty.read("quick.html", b"<p>Quick</p>", now=NOW).text == "Quick"


def test_the_child_is_bounded_in_memory_and_replaced_when_it_dies(reader: IsolatedReader) -> None:
    assert reader.read("a.html", b"<p>A</p>", now=NOW).text == "A"
    child = reader._child
    assert child is not None
    limits = Path(f"/proc/{child.pid}/limits").read_text()
    assert str(isolated.MEMORY_BYTES) in next(
        line for line in limits.splitlines() if line.startswith("Max address space")
    )
    child.kill()
    child.wait()
    assert reader.read("b.html", b"<p>B</p>", now=NOW).text == "B"


def test_html_that_is_nested_without_end_is_named(reader: IsolatedReader) -> None:
    with pytest.raises(LoadError, match="too deeply nested"):
        reader.read("deep.html", b"<div>" * 20_000 + b"x", now=NOW)
    assert reader.read("ok.html", b"<p>Fine</p>", now=NOW).text == "Fine"


def test_what_surrounds_a_web_page_is_left_out_and_the_article_stays() -> None:
    html = b"""<html lang="de-AT"><head><title>Returns | Larkmantel Help</title></head><body>
    <header><a>Home</a></header><div class="breadcrumbs">Help / Returns</div>
    <div id="cookie-banner">We use cookies</div><nav>Menu</nav>
    <article><header><h1>Returns</h1></header><p>Send it back.</p>
    <ul><li>Box<ul><li>Label</li></ul></li></ul>
    <table><tr><td>Norway</td><td>7</td></tr></table><pre>code  stays</pre>
    <div hidden>Folded away</div><aside>A note of the article's</aside>
    <footer>Was this helpful?</footer></article><footer>Imprint</footer></body></html>"""
    article = load_bytes(Path("returns.html"), html)
    assert (article.title, article.language) == ("Returns", "de")
    for word in ("Home", "Menu", "cookies", "Help /", "helpful", "Imprint"):
        assert word not in article.text
    assert "Folded away" in article.text  # as an accordion's answer is
    for word in ("# Returns", "Send it back.", "- Box\n  - Label", "| Norway | 7 |", "code  stays"):
        assert word in article.text


LEFT = [
    "Returns are accepted here",
    "within thirty days of the",
    "delivery if the box was",
    "never opened by anybody.",
]
RIGHT = [
    "Refunds are paid out to",
    "the card that was used in",
    "the shop within five days",
    "of the return of the box.",
]


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    lines = [(72.0, 740.0, 18.0, "Returns and refunds of the shop in one page")]
    for number, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True)):
        y = 700.0 - 14 * number
        lines += [(72.0, y, 11.0, left), (330.0, y, 11.0, right)]
    assert text_of(pdf([page(lines)])).endswith(f"{' '.join(LEFT)}\n\n{' '.join(RIGHT)}")


def test_cells_side_by_side_are_no_columns_of_prose() -> None:
    lines = []
    for number, (name, price) in enumerate(
        [
            ("Plan name in full", "Price"),
            ("Pro", "12"),
            ("Team of many people", "30"),
            ("Free", "0"),
            ("Solo", "5"),
            ("Trial for students", "0"),
        ]
    ):
        y = 700.0 - 14 * number
        lines += [(72.0, y, 11.0, name), (400.0, y, 11.0, price)]
    assert "Pro 12" in text_of(pdf([page(lines)]))


def test_raised_digits_stay_with_their_number() -> None:
    lines = [
        (72.0, 700.0, 10.0, "The fee is 5"),
        (124.4, 704.0, 7.0, "12"),
        (150.0, 700.0, 10.0, "units."),
    ]
    assert "5^12 units." in text_of(pdf([page(lines)]))
    note = [(72.0, 600.0, 7.0, "1"), (78.0, 597.0, 10.0, "Without tax.")]
    with_note = [
        (72.0, 700.0, 10.0, "The fee is 5"),
        (124.4, 704.0, 7.0, "1"),
        (150.0, 700.0, 10.0, "units."),
        *note,
    ]
    assert "5 [1] units." in text_of(pdf([page(with_note)]))


@pytest.mark.parametrize(
    "made_up", ["(anonymous)", "Microsoft Word - refund.doc", "untitled", "Document1", "x.indd"]
)
def test_the_title_that_is_seen_wins_over_the_properties(made_up: str) -> None:
    seen = [(72.0, 740.0, 20.0, "Refund policy"), *paragraphs(WORDS, WORDS)]
    assert (
        load_bytes(Path("a.pdf"), pdf([page(seen)], title=r"Template of 2019")).title
        == "Refund policy"
    )
    assert (
        load_bytes(
            Path("refunds.pdf"),
            pdf([page(paragraphs(WORDS))], title=made_up.replace("(", r"\(").replace(")", r"\)")),
        ).title
        == "refunds"
    )


def test_a_page_that_unpacks_without_end_is_refused() -> None:
    import zlib

    packed = zlib.compress(b"0 0 m " * 8_000_000)
    raw = pdf([b"MARK"]).replace(
        b"<< /Length 4 >>\nstream\nMARK",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s" % (len(packed), packed),
    )
    with pytest.raises(LoadError, match="unpacks to more"):
        load_bytes(Path("bomb.pdf"), raw)
