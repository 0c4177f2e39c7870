"""What is wrong with a record's texts, and what can be put right."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

from generation.prompts import Passage, Turn
from generation.training.records import Record

LONGEST_TURN = 4_000  # characters: more is a pasted log or a forwarded thread
SHORTEST_BODY = 12
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_MOJIBAKE = re.compile(r"\ufffd|Ã[\x80-\xbf©¨¤¶¼]|â€")


def clean(record: Record) -> Record | str:
    """The record with tidy texts (NFC, no invisible characters), or why it is of no use."""
    thread = tuple(Turn(turn.role, " ".join(_tidy(turn.text).split())) for turn in record.thread)
    passages = tuple(
        Passage(_tidy(p.title), _tidy(p.text), tuple(map(_tidy, p.heading_path)))
        for p in record.passages
    )
    body = _tidy(record.body)
    if not thread or thread[-1].role != "customer" or not any(map(str.isalpha, thread[-1].text)):
        return "no_question"
    thread = tuple(turn for turn in thread if turn.text)
    if any(len(turn.text) > LONGEST_TURN for turn in thread):
        return "turn_too_long"
    if len(body) < SHORTEST_BODY:
        return "body_too_short"
    if not passages or not all(passage.text for passage in passages):
        return "empty_passage"
    texts = [*(turn.text for turn in thread), *(p.text for p in passages), body]
    if any(_MOJIBAKE.search(text) for text in texts):
        return "broken_characters"
    return replace(
        record,
        thread=thread,
        passages=passages,
        opening=_tidy(record.opening),
        body=body,
        closing=_tidy(record.closing),
    )


def _tidy(text: str) -> str:
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text).replace("\r\n", "\n"))
    return "\n".join(" ".join(line.split()) for line in text.split("\n")).strip()
