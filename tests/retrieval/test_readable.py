"""Comments, scripts and styles never get into a revision; code stays as it is."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.publishing import normal_text
from retrieval.readable import code_of, ends_unclosed, readable

SECRET = "finance pays within two days"


@pytest.mark.parametrize(
    "text",
    [
        f"A refund takes five days.\n\n<!--\nInternal: {SECRET} if\n\nthe customer threatens.\n-->\n\nThe card.",
        f"A. <!-- {SECRET} --> B.",
        f"A.\n\n<!-- {SECRET}\n\nand more, never ended",
        f"A. <!-- {SECRET}\n\nmore, never ended",
        f"A.<!--[if IE]> {SECRET} <![endif]-->B.",
        f"A. {{/* internal: {SECRET} */}}",
        f"A. {{/*\n\n{SECRET}\n\n*/}}",
        f"{{% comment %}}\n{SECRET}\n{{% endcomment %}}\nA.",
        f"{{%- comment -%}} {SECRET} {{%- endcomment -%}} A.",
        f"{{{{/* {SECRET} */}}}} A.",
        f"{{{{< comment >}}}} {SECRET} {{{{< /comment >}}}} A.",
        f"{{# {SECRET} #}} A.",
        f"{{::comment}}\n{SECRET}\n{{:/comment}}\nA.",
        f"A. %%{SECRET}%% B.",
        f"A.\n\n%%\n{SECRET}\n%%\n\nB.",
        f"[//]: # ({SECRET})\n\nA.",
        f'[comment]: <> "{SECRET}"\n\nA.',
        f"A.\n\n<script>\nvar x = '{SECRET}';\n</script>\n\nB.",
        f"A.\n\n<style type='text/css'>\n/* {SECRET} */\n\n</style>\n\nB.",
        f"A.\n\n<SCRIPT src=x>{SECRET}</SCRIPT >\n\nB.",
        f"- A\n  <!-- {SECRET} -->\n- B",
        f"<<!-- x -->!-- {SECRET} --> A.",
        f"<!-- `{SECRET}` --> A `<!-- kept -->`.",
        f"<!--\n```\n{SECRET}\n```\n-->\nA.",
        f"| a | b |\n|---|---|\n| A | 1 <!-- {SECRET} --> |",
    ],
)
def test_what_no_reader_sees_is_gone(text: str) -> None:
    cleaned = readable(text)
    assert "finance" not in cleaned
    assert "A" in cleaned
    assert readable(cleaned) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "Write `<!-- more -->` where the summary ends.",
        "```html\n<!-- a comment -->\n<script>x</script>\n```",
        "~~~\n{% comment %}\n~~~",
        "Text:\n\n    <!-- indented code -->\n",
        "- a\n\n  ```\n  {/* x */}\n  ```",
        "100%% sure, use %%i and %%j",
        "Paste the <script> tag into the head of the page.",
        "a {#anchor} b {x} {{ticket.id}} 3 < 5 and 7 <! 9",
        "[docs]: # \n[1]: https://example.com 'Title'",
        "``a ` <!-- b --> ``",
    ],
)
def test_code_and_look_alikes_stay_word_for_word(text: str) -> None:
    assert readable(text) == text


def test_a_comment_on_lines_of_its_own_leaves_one_blank_line() -> None:
    assert readable("A.\n\n<!--\nx\n-->\n\nB.\n") == "A.\n\nB.\n"
    assert readable("A. <!-- x -->\nB.") == "A.\nB."


def test_an_unended_comment_is_told() -> None:
    assert ends_unclosed("A <!-- b")
    assert not ends_unclosed("A <!-- b --> c")
    assert not ends_unclosed("`<!--` c")


@given(st.text(alphabet="`<!->-%{}/*#\n ab~", max_size=80))
def test_a_second_look_changes_nothing(text: str) -> None:
    once = normal_text(text)
    assert normal_text(once) == once


@given(st.lists(st.sampled_from(["```\n<!-- x -->\n```", "Words.", "`a`", "- item"]), max_size=8))
def test_code_between_words_is_never_touched(blocks: list[str]) -> None:
    text = "\n\n".join(blocks)
    assert readable(text) == text
    assert [text[start:end] for start, end in code_of(text)].count(
        "```\n<!-- x -->\n```\n"
    ) + text.endswith("```") >= blocks.count("```\n<!-- x -->\n```")


def test_letters_are_composed_and_soft_hyphens_gone_at_every_door() -> None:
    assert normal_text("Ku\u0308ndi\xadgung") == "Kündigung"


@pytest.mark.parametrize(
    "piece",
    ["<!--", "{/*", "` `` ", "{% comment %}", "<script ", "[//]: # (\n", "<!-- -->", "```\n<!-- ", "%%", "{{/*",
     "<!-- a\n", "\n    x\n\n", "<? x "],
)  # fmt: skip
def test_its_work_grows_with_the_length(piece: str) -> None:
    def spent(times: int) -> float:
        began = time.process_time()
        readable(piece * times)
        return time.process_time() - began

    spent(100)
    assert spent(16_000) < 12 * max(spent(4_000), 0.05)
