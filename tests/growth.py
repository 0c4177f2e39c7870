"""Every text function that untrusted text reaches, fed with nasty strings of n and of 4n characters.

    python -m tests.growth [--every N] [FUNCTION …]

`--every 3` shows each function every third string only, another third to the next. Prints a line for each function and string whose processor time grows much faster than the text.
A process of its own, so that what takes for ever can be ended.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import django
import numpy as np

SHORT, LONG = 1_500, 6_000  # characters
GENEROUS = 9.0  # of the times for n and 4n: 4 is linear, 16 quadratic
UNNOTICED_SECONDS = 0.18  # under this, growth isn't looked at
LIMIT_SECONDS = 3  # after which a call is ended

Function = Callable[[str], object]

# what a family repeats; then what stands before and after the run
REPEATED = (
    "a", "A", "1", "_", " ", "\n", "\t", ".", ",", "-", "*", "`", "~", "#", ">", "<", "|", "=", "[",
    "]", "(", ")", "{", "}", "!", "?", ":", "/", "\\", "@", "&", "%", "+", "'", '"', "“", "”", "’",
    "•", "…", "。", "\u0301", "\u200b", "\u202e", "\u00a0", "\u2028", "\r", "\ufdfa", "é", "中", "я",
    "\U0001f3f4", "\U000e0041",
    "a ", "a.", "a. ", "A. ", "a,", "a-", "a_", "_ ", "a\n", "\n\n", " \n", "\n ", "> ", ">\n", "- ",
    "-\n", "- a\n", "1. ", "1.", "1,", "1 ", "1-", "1/", "1:", "1. a\n", "1,111", "1.1.1.1", "# ", "#\n",
    "# a\n", "**", "**a", "**a** ", "__a", "* a", "*a ", "*a*", "`a", "``", "```\n", "~~~\na\n",
    "[a](", "[a](b", "[a](b)", "[a]", "[[", "[a", "![a](", "![", "](", "]( ", "[1]", "[1] ", "()", "( ",
    " )", "(a", "<a", "<a ", "<a>", "</a>", "<!--", "-->", "<!-- -->", "<!", "<div>", "<b", "<|", "|>",
    "<<||", "| ", "|a", "| a |\n", "|-", "|-|\n", ": ", "::", "a: ", "a:\n", "Name: ", "Customer:",
    "Customer:\n", "\nReply:", "On ", "On a", "On x wrote", "Hi ", "Hi\n", "Hi there, ", "thanks ",
    "thank you ", "best ", "a@", "a@b", "a@b.", "a@b.c ", "a.a@", "http://", "http://a", "https://a.b/",
    "www.", "a.com ", "a.b.", "\"a", "\"a\" ", "'a", "a'", "''", "? ", "a? ", "How? ", "how do i ",
    "and ", "one ", "one and ", "twenty-", "two hundred ", "May ", "1 May ", "1st of May, ", "in May ",
    "$1", "$ ", "1 %", "12:", "12:30 ", "12/12/", "4111 ", "4111-", "4111 1111 1111 1111 ", "12 34 ",
    "DE89 3704 ", "GB", "GB82", "GB82 ", "cvv ", "cvv: my ", "card number ", "security code is ",
    "ignore ", "ignore all ", "ignore all previous ", "you are now ", "your answer ", "print ", "say ",
    "i g n o r e ", "i.g.n", "1gn0re ", "a1", "$a$", "QUJD", "aWdub3Jl", "41 ", "4a", "AB ", "Ab ",
    "If you ", "no ", "not ", "don't ", "unless ", "a;b", "e.g. ", "i.e.", "etc. ", "p.m. ", "U.S. ",
    "...", ".. ", "a... ", "!?", "?! ", "\")", ".\") ", "Mr. ", "J. ", "{{", "{{a}}", "{#a}", "{#", "id=\"",
    "<a id=\"", "\\*", "\\\\", "&amp;", "&#", "=?", "=?utf-8?q?", "x=0D=0A", "+49 ", "555-", "(0) ",
    "a\u0301", "🙂", "🙂\u200d", "ا", "שלום ", "ab" * 50 + " ", "https://a.b/" + "c" * 30 + " ",
    "translate this ", "without a ", "start your reply with ", "send to a@b.c ", "act as ",
    "On Mon, a wrote:\n", "-- \n", "--\n", "-----Original Message-----\n", "Best regards\n", "=\n", "---\n",
    "a\n===\n", "* \n", "+ ", "\u2022 ", "  - a\n", "  " * 20 + "- a\n", "\t- a\n",
)  # fmt: skip
AROUND = (("", ""), ("Name: ", " word"), ("a", "b."), ("[", "]"), ("On ", " wrote:"), ("\n", "\n#"),
          ("Hi,\n\n", "\n\n--\nAnn"), ("<", ">"), ("(", ")"), ("\"", "\""),
          ("1 May", "x"), ("one", "x"), ("Hi", "x"), ("# a", "b"))  # fmt: skip


def texts(length: int) -> Iterator[tuple[str, str]]:
    """(name, text) of each family at about that many characters."""
    for unit in REPEATED:
        for before, after in AROUND if len(unit) == 1 else AROUND[:2]:
            yield (
                f"{before!r} + {unit!r}… + {after!r}",
                before + unit * (length // len(unit)) + after,
            )


def nested(length: int) -> Iterator[tuple[str, str]]:
    half = length // 2
    for left, right in (
        "()",
        "[]",
        "{}",
        "<>",
        "**",
        "“”",
        ("> ", "\n"),
        ("[a](", ")"),
        ("<b>", "</b>"),
    ):
        pieces = half // len(left)
        yield f"nested {left}{right}", left * pieces + "a" + right * pieces
    yield "words", " ".join(f"word{i}" for i in range(length // 8))
    yield "numbers", " ".join(str(i) for i in range(length // 6))
    yield "Names", " ".join(f"Name{i}" for i in range(length // 8))
    yield "lines", "\n".join(f"line {i} of it." for i in range(length // 14))
    yield "headings", "\n".join(f"# h{i}\na" for i in range(length // 8))
    yield "table", "\n".join(f"| a{i} | b |" for i in range(length // 10))
    yield "cards", " ".join("4111111111111111" for _ in range(length // 17))
    yield "mails", " ".join(f"a{i}@b.com" for i in range(length // 10))
    yield "base64", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=" * (length // 36)
    yield "questions", " ".join(f"How do I do thing {i}?" for i in range(length // 22))
    yield "ticks", "".join("`" * (i % 60) + "a" for i in range(length // 31))
    yield "stars", "".join("*" * (i % 40) + "a " for i in range(length // 22))


def functions() -> dict[str, Function]:
    """What is measured, by name; texts that go in beside another are short."""
    from assistant import intake
    from assistant.privacy import cards, redaction
    from generation import (
        bounds,
        choosing,
        confidence,
        courtesies,
        drafted,
        evidence,
        facts,
        figures,
        grounding,
        needs,
        phrases,
        prompts,
        quoting,
        sayable,
        sentences,
        tokens,
    )  # fmt: skip
    from generation.prompts import Passage, PromptTemplate, Turn
    from retrieval import (
        chunking,
        lexical,
        links,
        loaders,
        own_words,
        passages,
        query,
        reading,
        screening,
    )  # fmt: skip
    from retrieval.safety import injection, normalise, planted
    from review import diff, texts

    def words(text: str) -> int:
        return len(text.split())

    def embed(lines: list[str]) -> np.ndarray:
        return np.ones((len(lines), 2), dtype=np.float32) / np.sqrt(2)

    fact = "You can return it within 30 days. Send it to Ann."
    return {
        "intake.clean_text": lambda t: intake.clean_text("body", t, longest=10**6),
        "intake._one_line": lambda t: intake._one_line("subject", t, longest=10**6),
        "cards.mask_cards": cards.mask_cards,
        "redaction.placeholders": redaction.placeholders,
        "normalise.normalise": normalise.normalise,
        "normalise.unleet": normalise.unleet,
        "normalise.spelled_out": normalise.spelled_out,
        "injection.ticket": injection.screen_injection,
        "screening.findings": screening.findings,
        "planted.why_not_said": planted.why_not_said,
        "sayable_text": sayable.sayable_text,
        "bounds.shortened": lambda t: bounds.shortened(t, 3_000),
        "own_words": own_words.own_words,
        "query_of": lambda t: query.query_of("s", [query.ThreadTurn("customer", t)]),
        "query.questions_in": query.questions_in,
        "query.asks": query.asks,
        "lexical.terms": lexical.terms,
        "chunking.sections": chunking.sections,
        "chunking.sentences": lambda t: chunking.sentences(t, 0, len(t)),
        "chunking.blocks": lambda t: chunking.blocks(t, 0, len(t)),
        "chunking.chunk": lambda t: chunking.chunk(t, title="x", count_tokens=words, bound=200),
        "passages._Print": passages._Print.of,
        "loaders.markdown": lambda t: loaders._markdown(Path("a.md"), t.encode()),
        "loaders.text": lambda t: loaders._text(Path("a.txt"), t.encode()),
        "reading.render": reading.render,
        "reading.plain": reading.plain,
        "reading.cited": lambda t: reading.render_cited(t, len(t) // 2, len(t) // 2 + 1),
        "links_of": lambda t: list(links.links_of(t)),
        "links.anchors_of": lambda t: links.anchors_of.__wrapped__(t),
        "sentences.split": sentences.split_sentences,
        "facts_of": facts.facts_of,
        "names_of": facts.names_of,
        "implied_ones": facts.implied_ones,
        "tokens_of": tokens.tokens_of,
        "prompts.neutralise": prompts.neutralise,
        "prompts.plain_text": prompts.plain_text,
        "prompts.passage_text": prompts.passage_text,
        "prompts.sentences": prompts.sentences,
        "prompts.title_line": lambda t: prompts.title_line(Passage(t, "a", (t,))),
        "prompts.parse_reply": prompts.parse_reply,
        "prompts.build_prompt": lambda t: prompts.build_prompt(
            template=PromptTemplate("x", "1"),
            thread=[Turn("agent", t), Turn("customer", "How?")],
            passages=[Passage("a", t)],
            count_tokens=words,
            budget=600,
        ),
        "needs_of": needs.needs_of,
        "drafted.with_history": lambda t: drafted.Question("s", (Turn("customer", t),)).with_history,
        "units_of": lambda t: evidence.Stock(evidence.units_of([t])),
        "claim_of": evidence.claim_of,
        "quoting.question": lambda t: quoting.rank(t, [fact], embed=embed),
        "ground.evidence": lambda t: grounding.ground(fact, [t], embed=embed),
        "ground.question": lambda t: grounding.ground(fact, [fact], embed=embed, question=t),
        "courtesies": lambda t: courtesies.courtesies_in(
            t[:2_000], sentences.split_sentences(t[:2_000])
        ),
        "courtesies.undress": courtesies.undress,
        "courtesies.dress": lambda t: courtesies.dress(t, first_name=t[:200], signature="x"),
        "phrases.openings": phrases.openings,
        "choosing.has_loop": choosing.has_loop,
        "choosing.is_splice": lambda t: choosing.is_splice(fact, [t]),
        "choosing.usable_body": lambda t: choosing.usable_body(t, template=None, finish="length"),
        "figures.is_cut_off": lambda t: figures.is_cut_off(t, [fact]),
        "figures.declines": lambda t: figures.declines(t, [t]),
        "confidence.agreement_of": lambda t: confidence.agreement_of([t, t]),
        "texts.fold": texts.fold,
        "diff.tidy": diff.tidy,
    }  # fmt: skip


class TooLong(BaseException):
    """A call's limit has passed."""


def _end(number: int, frame: FrameType | None) -> None:
    raise TooLong


def seconds(function: Function, text: str) -> float:
    """Processor time of one call; infinite where it had to be ended. What it refuses is over."""
    began = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, LIMIT_SECONDS)
    try:
        function(text)
    except TooLong:
        return float("inf")
    except Exception as error:  # a refusal in words is as good as an answer here
        if isinstance(error, RecursionError | MemoryError | AssertionError):
            raise
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return time.process_time() - began


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    signal.signal(signal.SIGPROF, _end)
    slow = 0
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("only", nargs="*")
    options = parser.parse_args()
    only = options.only
    long = [*texts(LONG), *nested(LONG)]
    short = dict([*texts(SHORT), *nested(SHORT)])
    for number, (name, function) in enumerate(functions().items()):
        if only and name not in only:
            continue
        spent = 0.0
        for family, text in long[number % options.every :: options.every]:
            took = seconds(function, text)
            spent += min(took, LIMIT_SECONDS)
            if took < UNNOTICED_SECONDS:
                continue
            before = max(seconds(function, short[family]), UNNOTICED_SECONDS / GENEROUS)
            grows = took > GENEROUS * before and seconds(function, text) > GENEROUS * before
            if grows or took == float("inf"):
                slow += 1
                print(f"{name}: {family}: {before:.3f} s, then {took:.3f} s", flush=True)
                if spent > 3 * LIMIT_SECONDS:
                    break  # that will do for this one
        if only or os.environ.get("GROWTH_TIMES"):
            print(f"# {name} {spent:.2f} s", file=sys.stderr, flush=True)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
