"""Quoting: whole sentences and whole lists, word for word, without markup; nothing where nothing fits."""

import numpy as np
import pytest

from generation.courtesies import CLOSING, SIGN_OFF
from generation.grounding import ground
from generation.markup import blocks_of
from generation.quoting import LEAST_RELEVANCE, LEAST_WORDS, MOST_WORDS, dress, quote
from retrieval.embedder import get_embedder

PLUG = """## What you may plug in

Lamps and televisions are fine. Do **not** use the Tether Plug outdoors, since rain gets into it.

## Energy readings

Look under **Device > Energy** for days, months and cost. [Readings](energy.md) are kept for 24 months.

## Blinking red

When the plug blinks red, it was overloaded. Do the following:

1. Unplug the device that was connected.
2. Let the Tether Plug cool for 15 minutes.
3. Press its button `once`; the light turns green again.

A plug that blinks red with nothing connected is defective.
"""
RETURNS = """You can return what you bought within 30 days of delivery.
Print the label at [our returns page](https://larkmantel.example/returns) and hand the parcel in.

| Country | Days |
|---|---|
| Ireland | 3 |
| Spain | 6 |
"""
PASSAGES = [PLUG, RETURNS]


@pytest.fixture(scope="module")
def embed():
    encode = get_embedder().encode
    known = {}

    def remembered(texts):
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, encode(new) if new else [], strict=True))
        return np.stack([known[text] for text in texts])

    return remembered


def test_steps_come_whole_in_order_with_the_line_that_introduces_them(embed):
    found = quote("My plug blinks red. What do I have to do?", PASSAGES, embed=embed)
    assert "Do the following:\n1. Unplug the device that was connected.\n2. Let" in found.text
    assert "\n3. Press its button once; the light turns green again.\n" in found.text


def test_a_quote_never_ends_on_a_line_that_announces_steps(embed):
    passage = "The plug may blink red. To stop it, do the following:"
    found = quote("How do I stop the red blinking of the plug?", [passage], embed=embed)
    assert found.text == "The plug may blink red."


def test_every_quoted_sentence_points_to_its_own_characters(embed):
    found = quote("How long are energy readings kept?", PASSAGES, embed=embed)
    assert found.text == (
        "Look under Device > Energy for days, months and cost. Readings are kept for 24 months."
    ) or found.text.startswith("Readings are kept for 24 months.")
    spans = [PASSAGES[passage][start:end] for passage, start, end in found.picks]
    assert spans[-1].endswith("are kept for 24 months.")
    assert all(passage == 0 for passage, _, _ in found.picks)


def test_a_quote_is_supported_by_the_passages_it_was_taken_from(embed):
    found = quote("My plug blinks red. What do I have to do?", PASSAGES, embed=embed)
    sentences = ground(dress(found.text, first_name="Ann", signature="Lark"), PASSAGES, embed=embed)
    claims = [sentence for sentence in sentences if sentence.kind == "claim"]
    assert len(claims) >= 4
    assert all(claim.supported and not claim.flags for claim in claims)


def test_each_row_of_a_quoted_table_is_supported_whatever_its_cells_deny(embed):
    passage = (
        "| | Free | Plus |\n|---|---|---|\n| Heating report | no | weekly |\n| Homes | 1 | 3 |\n"
    )
    found = quote("Is there a heating report in the free plan?", [passage], embed=embed)
    assert found.text == "- Heating report – Free: no; Plus: weekly\n- Homes – Free: 1; Plus: 3"
    claims = [s for s in ground(found.text, [passage], embed=embed) if s.kind == "claim"]
    assert all(claim.supported for claim in claims), claims


def test_two_questions_are_both_answered(embed):
    asked = "Can I use the Tether Plug outdoors? Within how many days can I return what I bought?"
    found = quote(asked, PASSAGES, embed=embed)
    assert "outdoors" in found.text
    assert "within 30 days of delivery" in found.text
    assert {passage for passage, _, _ in found.picks} == {0, 1}


def test_a_short_section_is_quoted_whole_and_a_long_one_from_its_nearest_sentence(embed):
    about = "The hub hums a little when it is warm. "
    short = f"{about}It needs air. It is white."
    assert quote("Why does the hub hum?", [short], embed=embed).text == short
    filler = " ".join(
        f"Part {n} of the set is listed on page {n} of the catalogue." for n in range(24)
    )
    long = f"{filler} {about}{filler}"
    found = quote("Why does the hub hum when it is warm?", [long], embed=embed)
    assert found.text.startswith(about.strip())
    assert LEAST_WORDS <= len(found.text.split()) < MOST_WORDS + 20


def test_a_table_comes_whole_with_its_columns_and_a_long_one_by_the_row(embed):
    rows = [("Latch", "CR2032"), ("Dewdrop", "CR2450"), ("Glance", "CR2477")]
    head = "| Sensor | Coin cell |\n|---|---|\n"
    table = head + "\n".join(f"| {name} | {cell} |" for name, cell in rows)
    asked = "Which coin cell does the Dewdrop sensor need?"
    assert quote(asked, [table], embed=embed).text == (
        "- Latch – Coin cell: CR2032\n- Dewdrop – Coin cell: CR2450\n- Glance – Coin cell: CR2477"
    )
    more = "\n".join(f"| Spare part number {n} | see page {n} of the list |" for n in range(20))
    found = quote(asked, [f"{table}\n{more}"], embed=embed)
    assert found.text.startswith("Dewdrop – Coin cell: CR2450")


@pytest.mark.parametrize("question", ["Who wrote the opera Tosca?", "", "   "])
def test_nothing_is_quoted_where_nothing_is_near(question, embed):
    assert quote(question, PASSAGES, embed=embed) is None


@pytest.mark.parametrize("passages", [[], [""], ["## Heading\n"], ["<!-- only a note -->"]])
def test_nothing_is_quoted_from_passages_without_a_sentence(passages, embed):
    assert quote("How do I reset the hub?", passages, embed=embed) is None


def test_relevance_is_the_cosine_of_question_and_best_sentence(embed):
    found = quote(
        "You can return what you bought within 30 days of delivery.", PASSAGES, embed=embed
    )
    assert found.relevance == pytest.approx(1.0, abs=1e-4)
    assert found.relevance > LEAST_RELEVANCE


def test_equal_sentences_are_taken_from_the_passage_ranked_first(embed):
    found = quote("Can I return what I bought?", [RETURNS, RETURNS], embed=embed)
    assert {passage for passage, _, _ in found.picks} == {0}


# ---- markup -------------------------------------------------------------------------------------


def shown(markdown):
    return [(block.kind, block.text) for block in blocks_of(markdown)]


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("Some **bold**, *thin* and `code`.", "Some bold, thin and code."),
        ("See [the page](other.md) now.", "See the page now."),
        ("See [the page](https://a.example/x) now.", "See the page (https://a.example/x) now."),
        ("See <https://a.example>.", "See https://a.example."),
        ("An ![image](a.png) here.", "An here."),
        ("Two * three is snake_case_name.", "Two * three is snake_case_name."),
        ("Escaped \\*stars\\*.", "Escaped *stars*."),
        ("One<br/>two <!-- note --> three.", "One two three."),
        ("> [!NOTE] Mind this.", "Mind this."),
        ("wrapped\nline", "wrapped line"),
        ("| Ireland | 3 | days |", "Ireland: 3, days"),
        ("| | Free | Plus |", "Free, Plus"),
    ],
)
def test_markup_goes_and_words_stay(markdown, text):
    assert [block.text for block in blocks_of(markdown)] == [text]


def test_headings_lists_tables_and_code_are_told_apart():
    markdown = "# Top\n\nText.\n\n1. One\n2) Two\n   more\n- Dot\n\n|a|b|\n|---|---|\n|c|d|\n\n```\nx\n```\n"
    assert shown(markdown) == [
        ("heading", "Top"), ("paragraph", "Text."), ("step", "One"), ("step", "Two more"),
        ("bullet", "Dot"), ("row", "c – b: d"), ("code", "x"),
    ]  # fmt: skip
    assert [block.marker for block in blocks_of(markdown)] == ["", "", "1.", "2.", "-", "-", ""]


def test_each_shown_character_knows_its_place():
    markdown = "Press **Save** at [home](https://a.example)\nnow."
    (block,) = blocks_of(markdown)
    for place, character in zip(block.places, block.text, strict=True):
        if character not in " ()":
            assert markdown[place] == character or place == markdown.index("https")


# ---- dress --------------------------------------------------------------------------------------


def test_a_body_is_dressed_with_greeting_closing_and_signature():
    assert dress("It works.", first_name="Ann", signature="The team") == (
        f"Hi Ann,\n\nIt works.\n\n{CLOSING}\n\n{SIGN_OFF}\nThe team"
    )
    assert dress("It works.", first_name=" ", signature="T").startswith("Hello,\n\nIt works.")


def test_a_greeting_or_closing_that_is_there_is_not_said_twice():
    text = dress("Hi Ann,\n\nIt works.\n\nI hope this helps.", first_name="Ann", signature="T")
    assert text.count("Hi Ann") == 1
    assert text.count("I hope this helps") == 1


def test_all_of_the_dress_is_courtesy(embed):
    text = dress("Lamps and televisions are fine.", first_name="Zoë van Dam", signature="The team")
    kinds = [s.kind for s in ground(text, PASSAGES, embed=embed)]
    assert kinds.count("claim") == 1
    assert len(kinds) >= 5
