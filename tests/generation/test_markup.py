"""What a reader sees of Markdown, whole and with its places; markup goes, words stay."""

from __future__ import annotations

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.markup import blocks_of
from generation.prompts import plain_text


def texts(markdown: str, before: str = "") -> list[str]:
    return [block.text for block in blocks_of(markdown, before)]


@pytest.mark.parametrize(
    "words",
    [
        "Open File | Settings | Plugins and choose Install.",
        "Press Alt | Ctrl | F4.",
        "Write to <Enter>, <API_KEY> or <your name>.",
        "Open https://<your-domain>/admin now.",
        "It holds where x<y and z>w, or 3 < 5 > 2.",
        "Add *.brewer.example and *.internal to the list.",
        "2 * 3 is 6 and 5*3*2 is 30.",
        "Keep snake_case_name and my__own__name.",
        "Choose [x] or [ ] in the list [all].",
        "A & B, R&D; at 5 &unknown; signs.",
        "import contacts from the phone",
        "Hello {{first_name}}, {name}!",
        "5 ~ 6, ~10 to ~20, a ~~ b.",
        "It costs 5 %% more.",
        "C:\\Users\\me",
    ],
)
def test_what_is_no_markup_stays(words: str) -> None:
    assert texts(words) == [words]


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("Run `grep ERROR app.log | sort | uniq -c` now.", "Run grep ERROR app.log | sort | uniq -c now."),
        ("Use `` a ` <b> `` and `**x**`.", "Use a ` <b> and **x**."),
        ("Write to <repairs@x.example> or <https://x.example/a>.", "Write to repairs@x.example or https://x.example/a."),
        ("Menu &rarr; Heat &ge; 88&nbsp;&deg;C &#38; &lt;b&gt;", "Menu → Heat ≥ 88 °C & <b>"),
        ("9 to 17<br>Saturday<br/>Sunday", "9 to 17 Saturday Sunday"),
        ("<ul><li>One</li><li>Two</li></ul><p>a</p><p>b</p>", "One Two a b"),
        ("A <b>bold</b> <span class='x'>word</span>s", "A bold words"),
        ("15<sup>1</sup> euros and 10<sup>3</sup>", "15^1 euros and 10^3"),
        ("The fee is ~~10~~ 15 euros, <del>not</del> due.", "The fee is 15 euros, due."),
        ("Get it [here](https://x.example/where/here.pdf).", "Get it here (https://x.example/where/here.pdf)."),
        ("See [https://x.example/a](https://x.example/a/).", "See https://x.example/a."),
        ("See [a *b* [c]](https://x.example/q_(1) 'T').", "See a b [c] (https://x.example/q_(1))."),
        ("Mail [us](mailto:a@x.example).", "Mail us (a@x.example)."),
        ("[![alt](a.png)](https://x.example) Text", "Text"),
        ("We refund [[Intro to Publish|Publish]] and [[Sync]].", "We refund Publish and Sync."),
        ("See ![[shot.png]] this[^1] and that [2].", "See this and that ."),
        ("Select {% icon fa-cog %} **Settings** in [Vault]({{site.baseurl}}/x){:target=\"_blank\"}.", "Select Settings in Vault."),
        ("Visit {{ site.title }} today {: .note}", "Visit today"),
        ("<Note>Mind this.</Note> <Card title=\"x\" /> End.", "Mind this. End."),
        ("A **bold _and thin_ word**, ***both***.", "A bold and thin word, both."),
        ("Ends here\\\nand goes on", "Ends here and goes on"),
        ("A {/* note */}word <!-- a\nb -->here", "A word here"),
        ("soft\u00adware", "software"),
        ("<a href=\"https://x.example/m\">The manual</a> helps", "The manual (https://x.example/m) helps"),
    ],
)  # fmt: skip
def test_markup_is_read_as_a_reader_sees_it(markdown: str, text: str) -> None:
    assert " ".join(texts(markdown)) == text


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("See [the manual][1] and [the shop][], or [FAQ].\n\n[1]: https://x.example/m \"M\"\n[the shop]: <https://x.example/s>\n[faq]: https://x.example/f",
         ["See the manual (https://x.example/m) and the shop (https://x.example/s), or FAQ (https://x.example/f)."]),
        ("[^1]: A footnote's text.", ["A footnote's text."]),
        (":::note[Careful]\n\nNever twice.\n\n:::", ["Careful", "Never twice."]),
        ("!!! warning \"Hot\"\n    Let it cool.", ["Hot", "Let it cool."]),
        ("import Tabs from \"@theme/Tabs\";\n\nexport const x = 5;\n\nText.", ["Text."]),
        ("{% callout info %}\nOnly **Premium**.\n{% endcallout %}", ["Only Premium."]),
        ("Title\n=====\nText.", ["Title", "Text."]),
        ("## A heading {#anchor} ##\n\nText.", ["A heading", "Text."]),
        ("<div>\n\nText.\n\n</div>", ["Text."]),
        ("> [!WARNING]\n> Hot.", ["Hot."]),
    ],
)  # fmt: skip
def test_lines_of_markup_go(markdown: str, expected: list[str]) -> None:
    assert texts(markdown) == expected


def test_a_row_stands_in_a_table_only_and_names_the_column_of_each_value() -> None:
    table = (
        "| Plan | Europe | US |\n|---|:-:|---|\n| Pro | | 12 `a|b` |\n| Free | 0 | |\n\nUse a | b."
    )
    assert texts(table) == ["Pro – US: 12 a|b", "Free – Europe: 0", "Use a | b."]
    assert texts("Plan | Seats\n--- | ---\nA | 5") == ["A – Seats: 5"]
    assert texts("| R43 | 130 |", before="| Plan | Seats |\n|---|---|") == ["R43 – Seats: 130"]
    assert texts("| | |\n|---|---|\n| Fee | 5 |") == ["Fee: 5"]
    assert texts("Text | with | bars\nand more") == ["Text | with | bars and more"]


def test_numbers_code_and_what_stands_under_a_step_stay_with_the_list() -> None:
    markdown = (
        "3. Log in.\n4. Run:\n\n   ```sh\n   # now\n     go --all\n   ```\n   Wait.\n5. Done."
    )
    found = [(b.kind, b.marker, b.text, b.inside) for b in blocks_of(markdown)]
    assert found == [
        ("step", "3.", "Log in.", False),
        ("step", "4.", "Run:", False),
        ("code", "", "# now\n  go --all", True),
        ("paragraph", "", "Wait.", True),
        ("step", "5.", "Done.", False),
    ]


def test_code_that_is_cut_knows_it_and_prose_behind_it_is_prose_again() -> None:
    (code, prose) = blocks_of("go 5\ngo 6\n```\n\nThen | wait.", before="```bash")
    assert (code.kind, code.text, code.whole) == ("code", "go 5\ngo 6", False)
    assert (prose.kind, prose.text) == ("paragraph", "Then | wait.")
    assert not blocks_of("```\ngo 1\ngo 2")[0].whole
    assert blocks_of("```\ngo 1\n```")[0].whole


WORD = st.text(alphabet=string.ascii_lowercase, min_size=2, max_size=6)


@st.composite
def marked_up(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Markdown, and the words that a reader sees of it in order."""
    blocks, seen = [], []
    for _ in range(draw(st.integers(1, 4))):
        pieces = []
        for _ in range(draw(st.integers(1, 6))):
            word = draw(WORD)
            piece, words = draw(
                st.sampled_from(
                    [
                        (word, [word]),
                        (f"**{word}**", [word]),
                        (f"_{word}_", [word]),
                        (f"`{word} | {word}`", [word, "|", word]),
                        (f"<{word}-x>", [f"<{word}-x>"]),
                        (f"[{word}](a.md)", [word]),
                        (f"[[{word}z|{word}]]", [word]),
                        (f"<!-- {word} -->", []),
                        (f"~~{word}~~", []),
                        (f"{word}&nbsp;&ge;", [word, "≥"]),
                        (f"{word}<br>{word}", [word, word]),
                        ("|", ["|"]),
                        (f"*.{word}", [f"*.{word}"]),
                        (f"{word}<{word}", [f"{word}<{word}"]),
                    ]
                )
            )
            pieces.append(piece)
            seen += words
        line = " ".join(["so", *pieces])
        blocks.append(line)
    return "\n\n".join(blocks), seen


@given(marked_up())
def test_no_visible_word_is_lost_or_invented_and_places_map_back(
    case: tuple[str, list[str]],
) -> None:
    markdown, seen = case
    found = blocks_of(markdown)
    words = [word for block in found for word in block.text.split() if word != "so"]
    assert words == [word for word in seen if word != "so"]
    for block in found:
        assert list(block.places) == sorted(block.places)
        assert all(block.start <= place < block.end for place in block.places)
        for place, character in zip(block.places, block.text, strict=True):
            if character.isascii() and character != " ":
                assert markdown[place] == character


@given(st.text(alphabet="ab |`*_<>[]()!#-\n~&;{}%:\\1.", max_size=120))
def test_any_text_at_all_is_read(markdown: str) -> None:
    for block in blocks_of(markdown):
        assert len(block.places) == len(block.text)
        assert 0 <= block.start < block.end <= len(markdown)
        assert all(0 <= place < len(markdown) for place in block.places)
    plain_text(markdown)


@pytest.mark.parametrize(
    "piece",
    ["[a](", "[", "![", "<a ", "`a ", "*a ", "**", "_a_ ", "&amp;", "{%", "[[a|", "<A b=", "| a ", "[a][b] ", "\\", ":::  ", "!!! a ", "# #"],
)  # fmt: skip
def test_the_work_grows_with_the_text(piece: str) -> None:
    def seconds(times: int) -> float:
        began = time.process_time()
        blocks_of(piece * times)
        return time.process_time() - began

    assert seconds(4_000) < 12 * max(seconds(1_000), 0.05)


def test_the_model_reads_neither_comments_nor_loses_words() -> None:
    markdown = (
        "Pay <Enter> &ge; 5.\n\n<!--\nsecret\n\nmore\n-->\n\n```sh\ngo\n```\n[1]: https://x.example"
    )
    assert plain_text(markdown) == "Pay <Enter> ≥ 5.\ngo"
