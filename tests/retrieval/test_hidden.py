"""Comments, scripts, styles and struck words are blanked, wherever they end; code keeps all of it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.hidden import blanked

HIDDEN = [
    "<!-- note -->",
    "<!--\nInternal: pay at once.\n\nDo not say so.\n-->",
    "<!---->",
    "{/* note */}",
    "{/*\nnote\n\nmore\n*/}",
    "<style>\n.x { color: red }\n\n.y {}\n</style>",
    '<SCRIPT type="text/javascript">var price = 5;</SCRIPT>',
    "{% comment %} note {% endcomment %}",
    "{::comment}\nnote\n{:/comment}",
    "%% note %%",
    "~~ten~~",
    "<del>ten</del>",
    "<s>ten</s>",
]
CODE = [
    "`<!-- note -->`",
    "``a ` <!-- b -->``",
    "```html\n<!-- note -->\n\n<script>x</script>\n```",
    "~~~\n{/* note */}\n~~~",
    "> ```\n> <!-- note -->\n> ```",
    "if a < b",
    "~5 to ~6 degrees",
    "5 %% of it",
]


@pytest.mark.parametrize("hidden", HIDDEN)
def test_what_is_hidden_is_blanked_and_all_else_keeps_its_place(hidden: str) -> None:
    text = f"Before it.\n\n{hidden} behind.\n\nAfter it."
    seen = blanked(text)
    assert len(seen) == len(text)
    assert seen.split() == "Before it. behind. After it.".split()
    assert seen.index("After it.") == text.index("After it.")
    assert seen.count("\n") == text.count("\n")


@pytest.mark.parametrize("code", CODE)
def test_code_shows_what_it_holds(code: str) -> None:
    assert blanked(f"Write\n\n{code}\n\nand go on.") == f"Write\n\n{code}\n\nand go on."


def test_a_note_that_is_written_as_a_link_definition_is_hidden() -> None:
    text = "One.\n\n[//]: # (An internal note)\n[1]: https://a.example\n"
    assert "internal" not in blanked(text)
    assert "[1]: https://a.example" in blanked(text)


@given(
    st.lists(
        st.one_of(
            st.sampled_from([*HIDDEN, *CODE, "<!--", "-->", "```", "`", "\n\n", "{/*", "~~"]),
            st.text(alphabet="ab<>-`~%{}/*! \n", max_size=9),
        ),
        max_size=12,
    )
)
def test_any_text_keeps_its_length_and_is_blanked_once(pieces: list[str]) -> None:
    text = "".join(pieces)
    seen = blanked(text)
    assert len(seen) == len(text)
    for before, after in zip(text, seen, strict=True):
        assert after == before or (after == " " and before != "\n")


@pytest.mark.parametrize(
    "piece",
    ["<!-- ", "` a `` b ", "{/* ", "~~a ", "<script> ", "%% a", "`a` ", "~~a~~ `", "<!---->\n\n"],
)
def test_the_work_grows_with_the_text(piece: str) -> None:
    def seconds(times: int) -> float:
        text = "<!-- x -->" + piece * times
        began = time.process_time()
        blanked(text)
        return time.process_time() - began

    assert seconds(40_000) < 12 * max(seconds(10_000), 0.02)
