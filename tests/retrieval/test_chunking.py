"""Chunks are exact spans, within the bound, whole in their sentences, and lose nothing."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.chunking import CONTEXT_TOKENS, chunk, embedded_text, sections
from retrieval.embedder import get_embedder
from retrieval.hidden import blanked

BOUND = 90


def count_words(text: str) -> int:
    return len(re.findall(r"\w+|[^\w\s]", text))


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, list[str], list[str]]:
    """A Markdown text of uniquely named words, its body's words, and its sentences."""
    numbers = iter(range(100_000))
    body: list[str] = []
    sentences: list[str] = []

    def sentence(longest: int) -> str:
        words = [f"W{next(numbers)}" for _ in range(draw(st.integers(1, longest)))]
        body.extend(words)
        text = " ".join(words) + draw(st.sampled_from([".", "?", "!"]))
        sentences.append(text)
        return text

    blocks = []
    for kind in draw(st.lists(st.sampled_from("hppplt"), max_size=14)):
        if kind == "h":
            level = draw(st.integers(1, 4))
            blocks.append(f"{'#' * level} H{next(numbers)} and more")
        elif kind == "p":
            longest = draw(st.sampled_from([6, 25, 300]))
            joint = draw(st.sampled_from([" ", "\n", "  "]))
            blocks.append(joint.join(sentence(longest) for _ in range(draw(st.integers(1, 6)))))
        elif kind == "l":
            blocks.append("\n".join(f"- {sentence(20)}" for _ in range(draw(st.integers(1, 8)))))
        else:
            blocks.append(
                "\n".join(f"| {sentence(3)} | x |" for _ in range(draw(st.integers(1, 5))))
            )
    return draw(st.sampled_from(["\n\n", "\n\n\n"])).join(blocks), body, sentences


@given(documents(), st.sampled_from([0, 20, 60]))
def test_chunks_hold_every_word_once_within_the_bound(
    document: tuple[str, list[str], list[str]], target: int
) -> None:
    text, body, sentences = document
    pieces = chunk(text, title="A title", count_tokens=count_words, bound=BOUND, target=target)
    quoted = [text[piece.start : piece.end] for piece in pieces]
    found = [word for quote in quoted for word in re.findall(r"W\d+", quote)]
    assert found == body
    for before, after in itertools.pairwise(pieces):
        assert before.end <= after.start
    for piece, quote in zip(pieces, quoted, strict=True):
        assert quote == quote.strip() != ""
        whole = embedded_text(
            title="A title", heading_path=piece.heading_path, text=quote, count_tokens=count_words
        )
        assert count_words(whole) <= BOUND
        assert piece.tokens == count_words(quote)
    for sentence in sentences:
        if count_words(sentence) <= BOUND - CONTEXT_TOKENS - 2:
            assert any(sentence in quote for quote in quoted), sentence


@given(st.text(max_size=400))
def test_any_text_at_all_is_cut_into_ordered_spans_that_lose_nothing(text: str) -> None:
    pieces = chunk(text, title="T", count_tokens=count_words, bound=60)
    end = 0
    for piece in pieces:
        assert end <= piece.start < piece.end <= len(text)
        end = piece.end
    kept = "".join(text[p.start : p.end] for p in pieces)
    headed = "".join(text[s.heading[0] : s.heading[1]] for s in sections(text) if s.heading)
    if not headed and "#" not in text and "=" not in text and "-" not in text:
        assert "".join(kept.split()) == "".join(text.split())


def test_real_tokens_are_bounded_for_long_words_numbers_and_other_scripts() -> None:
    embedder = get_embedder()
    bound = embedder.max_tokens - embedder.special_tokens
    text = "\n\n".join(
        [
            "Überweisungsauftragsbestätigungsnummer " * 200,
            "https://example.org/" + "a1b2c3-" * 400,
            "这是一个很长的句子没有空格" * 120,
            "0123456789 " * 300,
        ]
    )
    pieces = chunk(text, title="T" * 40, count_tokens=embedder.count_tokens, bound=bound)
    for piece in pieces:
        whole = embedded_text(
            title="T" * 40,
            heading_path=piece.heading_path,
            text=text[piece.start : piece.end],
            count_tokens=embedder.count_tokens,
        )
        assert embedder.count_tokens(whole) <= bound
    kept = "".join("".join(text[p.start : p.end].split()) for p in pieces)
    assert kept == "".join(text.split())


def test_a_chunk_knows_the_headings_above_it_and_does_not_quote_them() -> None:
    text = (
        "# Guide\n\nIntro.\n\n## Steps\n\nDo this.\n\n### Careful\n\nNot that.\n\n## End\n\nDone.\n"
    )
    pieces = chunk(text, title="Guide", count_tokens=count_words, bound=BOUND)
    assert [(p.heading_path, text[p.start : p.end]) for p in pieces] == [
        (("Guide",), "Intro."),
        (("Guide", "Steps"), "Do this."),
        (("Guide", "Steps", "Careful"), "Not that."),
        (("Guide", "End"), "Done."),
    ]


def test_underlined_headings_count_and_hashes_in_code_do_not() -> None:
    text = "Setup\n=====\n\nFirst.\n\n```sh\n# not a heading\nrun --all\n```\n\nMore\n----\n\nSecond.\n"
    pieces = chunk(text, title="T", count_tokens=count_words, bound=BOUND)
    assert [p.heading_path for p in pieces] == [("Setup",), ("Setup", "More")]
    assert "# not a heading" in text[pieces[0].start : pieces[0].end]


def test_a_heading_over_nothing_can_still_be_found() -> None:
    text = "# FAQ\n\n## Do you ship to Norway? Yes.\n\n## Can I pay by invoice? No.\n"
    pieces = chunk(text, title="FAQ", count_tokens=count_words, bound=BOUND)
    assert [text[p.start : p.end] for p in pieces] == [
        "## Do you ship to Norway? Yes.",
        "## Can I pay by invoice? No.",
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "Write to Dr. Smith at 4 p.m. on Monday, e.g. by mail.",
        "Version 2.5 costs 3.99 a month.",
        "Choose No. 5 in the list.",
    ],
)
def test_full_stops_inside_a_sentence_do_not_end_it(sentence: str) -> None:
    text = f"{sentence} Another one follows here."
    pieces = chunk(text, title="T", count_tokens=count_words, bound=70, target=1)
    assert text[pieces[0].start : pieces[0].end] == sentence


def test_long_titles_leave_room_for_the_text() -> None:
    title = "very long title " * 60
    pieces = chunk("Body text.", title=title, count_tokens=count_words, bound=BOUND)
    whole = embedded_text(title=title, heading_path=(), text="Body text.", count_tokens=count_words)
    assert len(pieces) == 1
    assert whole.endswith("\nBody text.")
    assert count_words(whole) <= BOUND


def test_rows_carry_the_header_of_the_table_that_they_are_cut_from() -> None:
    rows = [f"| Plan R{n} | {n} | {n + 1} |" for n in range(30)]
    head = "| Plan | Seats | Storage |\n|---|---|---|"
    text = "\n".join(["All plans:", "", head, *rows, "", "The end."])
    pieces = chunk(text, title="T", count_tokens=count_words, bound=BOUND)
    assert len(pieces) > 2
    assert "|---|" in text[pieces[0].start : pieces[0].end]
    for piece in pieces[1:]:
        assert piece.context == head
        whole = embedded_text(
            title="T",
            heading_path=(),
            text=text[piece.start : piece.end],
            count_tokens=count_words,
            context=piece.context,
        )
        assert "| Plan | Seats | Storage |\n| Plan R" in whole
        assert count_words(whole) <= BOUND
    assert "".join(text[p.start : p.end] for p in pieces).count("| Plan R") == 30


def test_a_chunk_inside_a_fence_knows_it_and_code_goes_with_the_sentence_over_it() -> None:
    code = "\n".join(f"tar czf part{n}.tgz data{n}" for n in range(20))
    text = f"Stop it all. Then run:\n\n```bash\n{code}\n```\n\nDelete nothing."
    pieces = chunk(text, title="T", count_tokens=count_words, bound=50)
    contexts = [piece.context for piece in pieces]
    assert contexts[0] == ""
    assert set(contexts[1:-1]) == {"```bash"}
    last = text[pieces[-1].start : pieces[-1].end]
    assert last == "Delete nothing." or pieces[-1].context == "```bash"
    filler = " ".join(["word"] * 25)
    short = f"{filler}. Run this:\n\n```\nrestart {'x ' * 12}\n```\n"
    cut = chunk(short, title="T", count_tokens=count_words, bound=40)
    assert short[cut[-1].start : cut[-1].end].startswith("Run this:\n\n```\nrestart")


def test_comments_and_the_addresses_of_links_are_in_no_chunk_of_their_own() -> None:
    text = (
        "A [manual][1] helps.\n\n<!--\n## Secret\n\nPay at once.\n-->\n\n"
        + "Fill words here. " * 30
        + "\n\nSee [it][1].\n\n[1]: https://x.example/m\n"
    )
    pieces = chunk(text, title="T", count_tokens=count_words, bound=40)
    assert all("Secret" not in piece.heading_path for piece in pieces)
    assert {piece.context for piece in pieces if "[1]" in text[piece.start : piece.end]} == {
        "[1]: https://x.example/m"
    }
    assert all(not text[p.start : p.end].startswith("[1]:") for p in pieces)
    assert all("Pay at once" not in embedded_text(
        title="T", heading_path=p.heading_path, text=blanked(text)[p.start : p.end],
        count_tokens=count_words, context=p.context,
    ) for p in pieces)  # fmt: skip


def test_a_heading_over_nothing_is_no_passage_where_the_article_has_text() -> None:
    text = "# Descaling\n\n## Before you begin\n\n## What you need\n\n## Steps\n\n1. Fill it.\n"
    pieces = chunk(text, title="Descaling", count_tokens=count_words, bound=BOUND)
    assert [text[p.start : p.end] for p in pieces] == ["1. Fill it."]
    answered = "# FAQ\n\nAsk us.\n\n## Can I pay by invoice? No.\n"
    assert len(chunk(answered, title="FAQ", count_tokens=count_words, bound=BOUND)) == 2
