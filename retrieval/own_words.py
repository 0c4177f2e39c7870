"""What a customer wrote themselves: a message without greeting, signature and quoted mail. Pure.

Only the search reads a message so; people and the model see it whole.
"""

from __future__ import annotations

import re

LONGEST = 64_000  # characters that are looked through: of a longer text its head and its tail
CLOSING_LINES = 6  # a signature's lines, the closing words with them
CLOSING_LINE = 60  # characters of such a line

# a line that is quoted mail, or says that such follows
QUOTED = re.compile(
    r"^\s*(?:>|On .{4,120} wrote:\s*$|Am .{4,120} schrieb.*:\s*$|Le .{4,120} a écrit\s*:\s*$"
    r"|-{2,}\s*(?:Original Message|Forwarded message|Ursprüngliche Nachricht)\b)",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"^\s*(?:-{2,}\s*(?:Original Message|Forwarded message|Ursprüngliche Nachricht)\b.*|--\s*)$",
    re.IGNORECASE,
)
_DEVICE = re.compile(r"^\s*(?:Sent from my|Get Outlook for|Von meinem .{2,30} gesendet)\b", re.I)
_GREETING = re.compile(
    r"\s*(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|greetings|hallo"
    r"|guten (?:tag|morgen|abend)"
    r"|sehr geehrte[rs]?|liebe[rs]?|bonjour|hola|buenos d[ií]as|ciao)\b"
    r"(?:[ \t]+(?:there|team|all|everyone|again|sir|madam|or|und|(?-i:[A-ZÀ-Þ][\w'’-]*\.?))){0,4}?"
    r"[ \t]*(?:[,!.:;–]+|-(?=\s)|(?=\n)|$)[ \t]*",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:(?:with |many |my )?(?:kind|best|warm|warmest|kindest)?\s*(?:regards|wishes)"
    r"|best|cheers|sincerely"
    r"|yours (?:sincerely|faithfully|truly)|(?:many )?thanks(?: a lot| so much| in advance| again)?"
    r"|thank you(?: very much| so much| in advance| for your help)?"
    r"|(?:mit )?(?:freundlichen|besten|vielen|herzlichen) gr(?:ü|ue)(?:ß|ss)en"
    r"|(?:viele|liebe|beste) gr(?:ü|ue)(?:ß|ss)e"
    r"|cordialement|saludos|un saludo)\s*[,.!–-]*$",
    re.IGNORECASE,
)


def own_words(text: str) -> str:
    """The message's own words; the message as it is where nothing else stands in it."""
    text = bounded(text, LONGEST).strip()
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if _TAIL.match(line) and any(before.strip() for before in lines[:number]):
            lines = lines[:number]
            break
    lines = [line for line in lines if not QUOTED.match(line) and not _DEVICE.match(line)]
    own = "\n".join(_without_closing(lines)).strip()
    own = own[_greeting_end(own) :].strip()
    return own if any(character.isalnum() for character in own) else text


def bounded(text: str, most: int) -> str:
    """The text itself, or its head and its tail where it has more characters: what is asked stands
    at an end."""
    if len(text) <= most:
        return text
    tail = most // 2
    return f"{text[: most - tail - 1]}\n{text[len(text) - tail :]}"


def _greeting_end(text: str) -> int:
    greeting = _GREETING.match(text)
    return greeting.end() if greeting else 0


def _without_closing(lines: list[str]) -> list[str]:
    """Without the closing words and the name under them; lines that ask something stay."""
    filled = [number for number, line in enumerate(lines) if line.strip()][-CLOSING_LINES:]
    for number in reversed(filled):
        line = lines[number].strip()
        if "?" in line or len(line) > CLOSING_LINE:
            break
        if _CLOSING.match(line):
            return lines[:number]
    return lines
