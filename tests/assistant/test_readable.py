"""HTML that a program sent is read as its words: no tags, scripts or pixels; plain text stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.readable import readable

READ = {
    "Hello,<br>my thermostat<br>is offline": "Hello,\nmy thermostat\nis offline",
    "One line<br/>another": "One line\nanother",
    "Dear team,\n\nit <b>beeps</b>.<br>\nHelp": "Dear team,\n\nit beeps.\n\nHelp",
    "<p>One</p><p>Two &amp; three</p>": "One\n\nTwo & three",
    "<html><head><style>p{color:red}</style><title>x</title></head><body>Hi</body></html>": "Hi",
    "<div>It beeps<img src='https://t.example/p.gif' width=1 height=1></div>": "It beeps",
    "<script>alert(1)</script><p>Hi</p>": "Hi",
    "<p>See <a href='https://x.example/a?b=1&amp;c=2'>my order</a></p>": "See my order (https://x.example/a?b=1&c=2)",
    "<p><a href='https://x.example/'>x.example</a></p>": "x.example",
    "<p><a href='javascript:alert(1)'>here</a></p>": "here",
    "<p>new</p><blockquote>old<br>words</blockquote>": "new\n\n> old\n> words",
    "<ul><li>a</li><li>b</li></ul>": "- a\n\n- b",
    "<div>x &lt;script&gt; y</div>": "x <script> y",
    "<!-- hidden --><p>shown</p>": "shown",
    "<p onclick=alert(1)>Hi</p><svg onload=alert(1)>": "Hi",
    "<p>a\x01b\x02c&#1;&#2;</p>": "abc",
    # what no mail program shows
    "<div style='display:none'>look <b>inside</b><br>x</div><p>Hi</p>": "Hi",
    "<p>Hi <span style='font-size:0px; color:red'>zz</span>Ana</p>": "Hi Ana",
    "<p>Hi <span style='font-size:0.9em'>Ana</span></p>": "Hi Ana",
    "<p hidden>no</p><p style='Visibility : hidden'>no</p><p>a<span>b</span>c</p>": "abc",
    "<a style='display:none' href='https://x.example/a'>no</a><p>Hi</p>": "Hi",
    "<div style='display:none'>all of it</div>": "all of it",
}
PLAIN = [
    "How do I write <br> in the note?",
    "Do I close <p> with </p>?",
    "Which one, <ul> or <ol>, and why </ul>?",
    "Is 3 < 4 and 5 > 2?",
    "I typed `<b>x</b>` in the field <b>",
    "from: Ana <ana@x.example>\nto: <bob@x.example>",
    "&lt;b&gt; stays, and &amp; too",
    "The <Reset> button of the <Hub>",
    "a\n\n\n  b\tc  \n",
]


@pytest.mark.parametrize("source", READ)
def test_html_is_read_as_its_words(source: str) -> None:
    assert readable(source) == READ[source]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_text_is_left_alone(text: str) -> None:
    assert readable(text) == text


@given(st.text(max_size=200))
def test_text_without_a_tag_is_never_changed(text: str) -> None:
    plain = text.replace("<", "")
    assert readable(plain) == plain


pieces = st.sampled_from(
    ["<p>", "</p>", "<br>", "<a href='x'>", "</a>", "<blockquote>", "</blockquote>", "<li>", "word", " ", "&amp;",
     "<script>", "</script>", "<style>", "</style>", "<!--", "-->", "<", ">", "\"", "'", "\n", "\x01", "\x02"]
)  # fmt: skip


@given(st.lists(pieces, max_size=40).map("".join))
def test_any_markup_is_read_without_an_error_or_a_tag(source: str) -> None:
    read = readable(f"<p>{source}")
    for tag in ("<p>", "<br>", "<script>", "<style>", "<blockquote>", "\x01", "\x02"):
        assert tag not in read


@pytest.mark.parametrize(
    "piece", ["<div>", "<a href='x'>", "<!--", "<", "<a ", "</p>", "<b>x", "<blockquote>"]
)
def test_a_hundred_thousand_characters_of_it_are_read(piece: str) -> None:
    assert "<div>" not in readable("<p>" + piece * (100_000 // len(piece)))
