"""Opening sealed texts for a page, and folding quoted mail."""

from __future__ import annotations

from dataclasses import dataclass

from assistant.models import Message, SealedText, Ticket
from assistant.privacy.encryption import CannotOpen, Forgotten, unseal
from assistant.readable import readable
from retrieval.forwarded import forward_in
from retrieval.own_words import QUOTED, own_words

LONG = 4_000  # characters of one message shown before it folds
RECENT = 4  # messages shown before older ones fold


@dataclass(frozen=True)
class Opened:
    """A text, or in `problem` why it can't be read."""

    text: str
    problem: str = ""


@dataclass(frozen=True)
class Part:
    """A run of a message's lines: the customer's own words, or mail that they quoted."""

    quoted: bool
    text: str

    @property
    def lines(self) -> int:
        return self.text.count("\n") + 1


@dataclass(frozen=True)
class Entry:
    """One message of the thread as the page shows it; `source` is what was sent, where that was HTML."""

    message: Message
    parts: list[Part]
    rest: str
    problem: str
    source: str = ""


def open_text(sealed: SealedText | None) -> Opened:
    """The text, or a sentence that says why there is none."""
    if sealed is None:
        return Opened("")
    try:
        return Opened(unseal(sealed))
    except Forgotten:
        return Opened("", "This text was forgotten at the customer's request.")
    except CannotOpen:
        return Opened(
            "",
            "This text does not open with the installation's key. "
            "An operator has to restore COUNTERSIGN_INSTALLATION_KEY.",
        )


def fold(text: str) -> list[Part]:
    """The message cut into own words and quoted mail, in order; joined by newlines it is whole.

    A message that only passes another one on is not cut: what it quotes is what is asked.
    """
    if _passes_on(text):
        return [Part(False, text)]
    runs: list[tuple[bool, list[str]]] = []
    attribution = False
    for line in text.split("\n"):
        quoted = bool(QUOTED.match(line)) or (attribution and not line.strip())
        attribution = quoted and not line.lstrip().startswith(">")
        if runs and runs[-1][0] == quoted:
            runs[-1][1].append(line)
        else:
            runs.append((quoted, [line]))
    return [Part(quoted, "\n".join(lines)) for quoted, lines in runs]


def thread_of(ticket: Ticket) -> tuple[list[Entry], list[Entry]]:
    """The thread, oldest first, as (older ones to fold away, recent ones)."""
    messages = ticket.messages.select_related("body", "author").order_by("position")
    entries = [_entry(message, ticket) for message in messages]
    cut = max(len(entries) - RECENT, 0)
    return entries[:cut], entries[cut:]


def messages_after(ticket: Ticket, position: int) -> list[Entry]:
    """What came into the thread after this place, oldest first."""
    rows = ticket.messages.select_related("body", "author").filter(position__gt=position)
    return [_entry(message, ticket) for message in rows.order_by("position")]


def _entry(message: Message, ticket: Ticket) -> Entry:
    message.body.ticket = ticket  # one key for the whole thread
    opened = open_text(message.body)
    theirs = message.direction == Message.Direction.INBOUND
    text, rest = readable(opened.text) if theirs else opened.text, ""
    source = opened.text if text != opened.text else ""
    if len(text) > LONG * 1.2:
        cut = text.rfind("\n", LONG // 2, LONG)
        cut = cut if cut > 0 else LONG
        text, rest = text[:cut], text[cut:]
    return Entry(message, fold(text) if text else [], rest, opened.problem, source)


def _passes_on(text: str) -> bool:
    forward = forward_in(text)
    if forward is None:
        return False
    asked = [line.strip() for line in own_words(text).splitlines() if line.strip()]
    below = {line.lstrip("> \t").strip() for line in forward.below.splitlines()}
    return bool(asked) and asked[-1] in below and asked[-1] not in forward.above
