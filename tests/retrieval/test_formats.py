"""reStructuredText, AsciiDoc, MDX and the generators' markup become the words that readers see."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from retrieval.left_out import sentence
from retrieval.loaders import LoadedArticle, Unpublished, load_bytes
from retrieval.site_markup import plain_markdown
from tests.retrieval.conftest import NOW


def read(name: str, text: str) -> LoadedArticle:
    return load_bytes(Path(name), text.encode(), now=NOW)


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("Select {% icon fa-cog %} **Settings**.", "Select **Settings**."),
        ('[Vault]({{site.baseurl}}/article/x){:target="_blank"}', "[Vault](/article/x)"),
        ("{% callout info %}\nOnly for **Premium**.\n{% endcallout %}", "Only for **Premium**."),
        (":::note[Careful]\n\nNever twice.\n\n:::", "**Careful:** Never twice."),
        ("::: warning\nHot.\n:::", "**Warning:** Hot."),
        ('!!! tip "Sooner"\n    One.\n\n    - a\n\nAfter.', "**Sooner:** One.\n\n- a\n\nAfter."),
        ("> [!NOTE]\n> Read this.", "> **Note:** Read this."),
        ("## Head {#anchor}", "## Head"),
        ("[[A|B]] and [[C]]", "B and C"),
        ('=== "macOS"\n\n    Do x', "**macOS:** Do x"),
        ('{{< tab "macOS" >}}x{{< /tab >}}', "**macOS**\n\nx"),
        ('{% tab title="Win" %}\nabc\n{% endtab %}', "**Win**\n\nabc"),
        ("[x]({% link a.md %})", "[x](a.md)"),
        ('[x]({{< ref "a.md" >}})', "[x](a.md)"),
        ("{% highlight sh %}\nls {{x}}\n{% endhighlight %}", "```sh\nls {{x}}\n```"),
        ("{% raw %}{{ticket.id}}{% endraw %} and {{ticket.id}}", "{{ticket.id}} and {{ticket.id}}"),
        ("Press [!UICONTROL Save].", "Press Save."),
        ("* TOC\n{:toc}\n\nText", "Text"),
        ("[[_TOC_]]\n\nText", "Text"),
        ('import Tabs from "@theme/Tabs";\n\nText', "Text"),
        ('import T from "x"\n\n<TabItem value="mac" label="macOS">\n\nDo it.\n\n</TabItem>', "**macOS**\n\nDo it."),
    ],
)  # fmt: skip
def test_generators_markup_is_read_or_dropped(markdown: str, shown: str) -> None:
    assert (
        "\n".join(line.rstrip() for line in plain_markdown(markdown).strip().split("\n")) == shown
    )


@pytest.mark.parametrize(
    "markdown",
    [
        "`{% raw %} {{site.x}} [[A|B]]`", "```\n:::note\n{{< x >}}\nimport a from 'b'\n```",
        "Run `grep ERROR app.log | sort | uniq -c`.", "Open https://<your-domain>/admin with <API_KEY>.",
        "Dear {{customer.name}}, set {a: 1} or ${x}.", "Press <Enter> at C:\\>", "Import from a file: x",
        "export the data as CSV",
    ],
)  # fmt: skip
def test_code_placeholders_and_plain_words_stay(markdown: str) -> None:
    assert plain_markdown(markdown) == markdown


def test_mdx_is_markdown_without_its_modules_and_components() -> None:
    text = """import { Card } from '/snippets/card.mdx'
export const limit = 5

# Billing

<Note>Only once.</Note>

<Card title="Refunds" icon={<Icon />} href="/refunds">
  Within seven days. {/* internal: ten */}
</Card>
<Snippet file="x.mdx" />
"""
    article = read("billing.mdx", text)
    assert article.title == "Billing"
    for words in ("**Note:** Only once.", "**Refunds**", "Within seven days."):
        assert words in article.text
    for gone in ("import", "export", "Card", "internal", "Snippet"):
        assert gone not in article.text


RST = """
Share links
===========

.. internal words
   over lines

.. note:: Read *this* first.

Select :guilabel:`&Save` in :menuselection:`File --> Print`, see :doc:`the guide </admin/guide>`. Unknown :foo:`bar`.

.. tab-set::

   .. tab-item:: macOS
      :sync: mac

      Open it.

.. code-block:: sh
   :linenos:

   grep a | sort

.. versionadded:: 5.2
   New thing.

.. include:: /etc/passwd

.. raw:: html

   <b>raw</b>

+-----+-----+
| a   | b   |
+=====+=====+
| 1   | 2   |
+     +-----+
|     | 3   |
+-----+-----+

The fee is ten [1]_.

.. [1] Without tax.
"""


def test_restructured_text_is_read_with_sphinxs_words() -> None:
    article = read("share-links.rst", RST)
    assert article.title == "Share links"
    for words in (
        "**Note:** Read *this* first.", "Select **Save** in **File → Print**, see the guide. Unknown bar.",
        "**macOS**\n\nOpen it.", "```\ngrep a | sort\n```", "**New in version 5.2**\n\nNew thing.",
        "| 1 | 2 |\n| 1 | 3 |", "The fee is ten [1].", "[1] Without tax.",
    ):  # fmt: skip
        assert words in article.text
    for gone in ("internal", "root:", "raw", "linenos", "::"):
        assert gone not in article.text


ADOC = """= Reset it
Ann Lee <ann@brewer.example>
:product: Brewer

// internal words
////
internal words
////

Hold the {product} `{product}`. See https://brewer.example/a[the page^] and <<plans,Plans>>.
Press btn:[Save], then menu:File[Save > All].

[NOTE]
====
Read this.
====

WARNING: Hot.

== Steps

. One
. Two

[source,sh]
----
ls | sort <1>
// kept
----

[cols="1,2"]
|===
|Name |Days

|A
|1

|B |2
|===
"""


def test_asciidoc_is_read_plainly() -> None:
    article = read("reset.adoc", ADOC)
    assert article.title == "Reset it"
    for words in (
        "Hold the Brewer `{product}`. See [the page](https://brewer.example/a) and Plans.",
        "Press **Save**, then File › Save › All.", "**Note:** Read this.", "**Warning:** Hot.", "## Steps",
        "1. One\n2. Two", "```sh\nls | sort\n// kept\n```", "| Name | Days |", "| A | 1 |\n| B | 2 |",
    ):  # fmt: skip
        assert words in article.text
    for gone in ("internal", "ann@", "===="):
        assert gone not in article.text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.rst", ":status: draft\n\nT\n=\n\nText"),
        ("a.adoc", "= T\n:draft: true\n\nText"),
        ("a.adoc", "---\ndraft: true\n---\n= T\n\nText"),
    ],
)
def test_drafts_of_every_kind_are_left_out(name: str, text: str) -> None:
    with pytest.raises(Unpublished):
        read(name, text)


def test_what_was_left_out_is_counted_by_its_ending() -> None:
    assert sentence({".png": 3, ".csv": 1}, 9) == "Files of other kinds, left out: 3 .png, 1 .csv."
    assert sentence({".rst": 90}, 1).startswith("Most of its files are not read")
    assert sentence({"hidden": 90}, 1).startswith("Files of other kinds")
    assert sentence({}, 0) == ""


@pytest.mark.parametrize(
    "piece",
    ["{%", "{{<", "[[", "[[a|", "[!INCLUDE[", '<A a="x" ', "{a=b ", ":::note[\n", "!!! note\n    ", "> [!NOTE]\n",
     "{% raw %}", "{:", "<A a={{", "{{site."],
)  # fmt: skip
def test_its_work_grows_with_the_length(piece: str) -> None:
    def spent(times: int) -> float:
        began = time.process_time()
        plain_markdown(piece * times, mdx=True)
        return time.process_time() - began

    spent(100)
    long = min(spent(8_000), spent(8_000))  # the better of two: a busy machine's caches are cold
    assert long < 12 * max(spent(2_000), 0.05)
