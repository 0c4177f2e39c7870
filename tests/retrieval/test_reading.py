"""An article is shown as its Markdown and harmless HTML mean it; nothing in it acts on the page."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup, Tag
from hypothesis import given
from hypothesis import strategies as st

from retrieval.reading import ATTRIBUTES, TAGS, render, render_cited

ATTACKS = [
    '<b onmouseover="alert(1)">words</b>', "<img src=x onerror=alert(1)>", "<script>alert(1)</script>",
    '<a href="javascript:alert(1)">words</a>', "[words](javascript:alert(1))", "[words](java&#115;cript:alert(1))",
    '<div onclick="alert(1)">\n\nwords\n\n</div>', "<svg/onload=alert(1)>", "<iframe src=//evil.example></iframe>",
    '<p style="position:fixed">words</p>', '<form action="//evil.example"><input name=card></form>',
    "<style>body{display:none}</style>", '<details ontoggle="alert(1)" open>words</details>',
    "<b/onclick=alert(1)>words", '<a href="data:text/html,x">words</a>', "<math><mtext></mtext></math>",
    '<base href="//evil.example">', '<meta http-equiv="refresh" content="0;//evil.example">',
]  # fmt: skip


def assert_harmless(html: str) -> None:
    """By a parser of HTML, not by looking for words: only known elements and attributes are there."""
    for element in BeautifulSoup(html, "html.parser").find_all(True):
        assert isinstance(element, Tag)
        assert element.name in TAGS
        assert set(element.attrs) <= ATTRIBUTES.get(element.name, set()) | {"rel"}
        assert str(element.get("href", "https:")).lower().startswith(("https:", "http:", "mailto:"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_in_an_article_acts_on_the_page(attack: str) -> None:
    text = f"Before.\n\n{attack} and {attack}\n\nAfter."
    assert_harmless(render(text))
    cited = render_cited(text, 0, 6)
    assert_harmless(cited.before + cited.after)


@given(
    st.lists(
        st.sampled_from([*ATTACKS, "> ", "- ", "`", "\n", "<b ", "x=", '"', "<!--", "&lt;", "**"]),
        max_size=8,
    )
)
def test_no_combination_of_them_does(pieces: list[str]) -> None:
    assert_harmless(render("".join(pieces)))


def test_markup_is_read_and_placeholders_stay_words() -> None:
    shown = render(
        '9 to 17<br>Saturday <a id="x"></a>10<sup>3</sup> &rarr; <API_KEY> and press <Enter> <!-- gone -->'
    )
    assert "9 to 17<br>Saturday" in shown
    assert "<sup>3</sup>" in shown
    assert "→" in shown
    assert "&lt;API_KEY&gt;" in shown
    assert "&lt;Enter&gt;" in shown
    for gone in ("gone", "&lt;a", 'id="x"', "&lt;br"):
        assert gone not in shown
