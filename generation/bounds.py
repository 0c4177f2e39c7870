"""How much of a thread is read: a bound on the work that one ticket can cause. Pure.

Lengths are those of the text as screens and models see it: one character (`ﷺ`) may stand for
eighteen. What is left out is neither screened nor shown to a model, and a person is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from generation.prompts import Turn
from retrieval.safety.normalise import width

MOST_OF_A_MESSAGE = 24_000  # characters of the newest message, normalised
MOST_OF_THE_REST = 16_000  # of all messages before it, the newest first


def bounded_turns(turns: Sequence[Turn]) -> tuple[tuple[Turn, ...], int]:
    """The turns with at most so much text, and how many characters were left out.

    Of a longer message its head and its tail stay, since what is asked stands at an end.
    """
    newest = max((i for i, turn in enumerate(turns) if turn.role == "customer"), default=0)
    kept: list[Turn] = []
    room, left_out = MOST_OF_THE_REST, 0
    for place in range(len(turns) - 1, -1, -1):
        turn = turns[place]
        most = MOST_OF_A_MESSAGE if place == newest else room
        text, used = shortened(turn.text, most)
        if place != newest:
            room -= used
        left_out += len(turn.text) - len(text)
        if text or not turn.text:
            kept.append(turn if text == turn.text else replace(turn, text=text))
    return tuple(reversed(kept)), left_out


def shortened(text: str, most: int) -> tuple[str, int]:
    """The text, or its head and its tail, at most `most` characters when normalised; and how many
    they are."""
    widths = [width(character) for character in text]
    total = sum(widths)
    if total <= most:
        return text, total
    head, used = _fitting(widths, most // 2)
    tail, more = _fitting(reversed(widths[head:]), most - used - 1)
    return f"{text[:head]}\n{text[len(text) - tail :]}" if head + tail else "", used + more


def _fitting(widths: Iterable[int], room: int) -> tuple[int, int]:
    """How many of the first characters fit, and their width."""
    count = used = 0
    for one in widths:
        if used + one > room:
            break
        used += one
        count += 1
    return count, used
