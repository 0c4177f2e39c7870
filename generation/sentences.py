"""Sentences of a reply or a passage, with their exact spans. Pure: no Django, no model.

Everything that points to evidence stands on these spans, so they are exact by construction: each
sentence is ``text[start:end]``, they come in order, never overlap, and only white space lies
between them. The rules are our own: on support texts (steps, URLs, e-mail openings, spaced
punctuation) pysbd 0.3.4 cuts inside URLs and leaves lower-case sentences uncut, and it takes about
fifty times as long.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Sentence:
    """One sentence: ``text`` is the source's ``[start:end]``, a list marker included."""

    text: str
    start: int
    end: int


LIST_MARKER = re.compile(r"[ \t>]*(?:[-*+•–]|\(?\d{1,3}[.)]|\(?[a-z][.)])[ \t]+")
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]")
_TERMINATED = re.compile(r"[.!?:;…|][\"'”’)\]*_]*$")
_LINE = re.compile(r"[^\n\r]+")
_WRAPPED_LENGTH = 40  # a shorter line that ends without punctuation was ended on purpose
_LOOK_BACK = 120  # characters: enough for any abbreviation, and keeps long texts linear

# A candidate end: punctuation, closing marks, then white space.
_CANDIDATE = re.compile(r"(?:[.!?]+|…|[。！？])[\"'”’»)\]*_]*(?:\s+|(?<=[。！？]))")
_NEXT_STARTS = re.compile(r"[\"'“‘«(\[*_]*(?:[A-Z0-9À-ÖØ-Þ]|[^\x00-\x7f]|[-*+•] )")
_LAST_WORD = re.compile(r"([^\s(\[\"'“‘]+?)[.!?…]+[\"'”’»)\]*_]*\s*$")

# Never an end, whatever follows.
_TITLES = frozenset(
    "mr mrs ms dr prof st mt jr sr rev gen capt lt col sgt e.g i.e eg ie vs cf viz approx fig figs "
    "art sec ch vol pp ed al dept est ext tel min max incl excl resp jan feb mar apr jun "
    "jul aug sept sep oct nov dec ave blvd".split()
)
# An end only where a new sentence plainly begins.
_SOFT = frozenset("etc a.m p.m u.s u.k u.s.a e.u inc ltd co corp llc bros ph.d".split())
_STARTERS = frozenset(
    "the this that these those a an if you your we our it its they he she i in on at to for from "
    "when where while after before once then there here please but and so however also as by with "
    "without do does did is are can could will would should must may no not all any some each "
    "every most many only otherwise unless until what who how why which note click select open "
    "choose enter go make use see check call contact send learn".split()
)
_NOT_BEFORE = re.compile(
    r"(?:^|\n)[ \t>]*(?:\(?\d{1,3}|[a-z]|(?:step|option|part|section|question)\s+\d{1,3})[.)]+\s*$",
    re.I,
)


def split_sentences(text: str) -> list[Sentence]:
    """The sentences of ``text`` in order; list items, headings and greetings count as such."""
    found: list[Sentence] = []
    for start, end in _blocks(text):
        for first, last in _sentences_of_block(text, start, end):
            found.append(Sentence(text[first:last], first, last))
    return found


def _blocks(text: str) -> list[tuple[int, int]]:
    """Runs of lines that may hold a sentence across a line break (hard-wrapped paragraphs)."""
    blocks: list[tuple[int, int]] = []
    previous_end = -1
    previous = ""
    for match in _LINE.finditer(text):
        line = match.group()
        if not line.strip():
            continue
        adjoins = previous_end >= 0 and text[previous_end : match.start()] in ("\n", "\r\n", "\r")
        if blocks and adjoins and _continues(previous, line):
            blocks[-1] = (blocks[-1][0], match.end())
        else:
            blocks.append((match.start(), match.end()))
        previous_end, previous = match.end(), line
    return blocks


def _continues(previous: str, line: str) -> bool:
    last = previous.rstrip()
    if _TERMINATED.search(last) or _HEADING.match(last) or LIST_MARKER.match(line):
        return False
    first = line.lstrip()[:1]
    if len(last.strip()) < _WRAPPED_LENGTH:
        return False
    return first.islower() or last.endswith(",")


def _sentences_of_block(text: str, start: int, end: int) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    begin = start
    for match in _CANDIDATE.finditer(text, start, end):
        if match.end() >= end:
            break
        if _is_end(text, begin, match, end):
            _add(text, spans, begin, match.end())
            begin = match.end()
    _add(text, spans, begin, end)
    return spans


def _add(text: str, spans: list[tuple[int, int]], start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start == end:
        return
    if spans and not any(c.isalnum() for c in text[start:end]):  # stray marks join what they end
        spans[-1] = (spans[-1][0], end)
    else:
        spans.append((start, end))


def _is_end(text: str, begin: int, match: re.Match[str], end: int) -> bool:
    piece = text[max(begin, match.end() - _LOOK_BACK) : match.end()]
    mark = match.group().strip()
    if mark[0] in "。！？":
        return True
    if _NOT_BEFORE.search(piece) or not any(c.isalnum() for c in piece):
        return False
    rest = text[match.end() : end]
    starts_new = bool(_NEXT_STARTS.match(rest))
    if mark[0] in "!?":
        return True
    found = _LAST_WORD.search(piece)
    word = found.group(1).casefold() if found else ""
    if mark.startswith(("..", "…")):
        return starts_new
    if word in _TITLES:
        return False
    if word in ("no", "nos"):  # "order no. 5", but "The answer is no."
        return starts_new and not rest[:1].isdigit()
    following = re.match(r"[\W_]*(\w+)", rest)
    next_word = following.group(1) if following else ""
    if word in _SOFT or re.fullmatch(r"(?:[a-z]\.)+[a-z]", word):
        return starts_new and next_word.casefold() in _STARTERS
    if found and len(found.group(1)) == 1 and found.group(1).isupper():  # an initial: J. Smith
        return starts_new and next_word.casefold() in _STARTERS
    if starts_new:
        return True
    # "the light is red. press the button": all in lower case, as customers write
    return word.isalpha() and len(word) > 2 and next_word[:1].islower()
