"""What a customer wrote themselves: a message without greeting, signature, disclaimer and quoted mail. Pure.

A forwarded message is read instead of the words that only pass it on. Only search, needs and language
read a message so; people and the model see it whole.
"""

from __future__ import annotations

import re

from retrieval.forwarded import (
    ATTRIBUTION,
    FORWARD_SUBJECT,
    ORIGINAL,
    forward_in,
    only_passes_on,
)

LONGEST = 64_000  # characters that are looked through: of a longer text its head and its tail
CLOSING_LINES = 6  # a signature's lines, the closing words with them
CLOSING_LINE = 60  # characters of such a line
FORWARDS = 5  # of a forward of a forward that are opened
ATTRIBUTION_LINES = 3  # over which the line before a quotation may be wrapped

# a line that is quoted mail, or says that such follows
QUOTED = re.compile(
    r"^\s*(?:>|On .{4,120} wrote:\s*$|Am .{4,120} schrieb.*:\s*$|Le .{4,120} a écrit\s*:\s*$"
    r"|-{2,}\s*(?:Original Message|Forwarded message|Ursprüngliche Nachricht)\b)",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"^\s*--\s*$")
_DEVICE = re.compile(
    r"^\s*(?:Sent from my|Sent via|Get Outlook for|Von meinem .{2,30} gesendet|Gesendet (?:von"
    r"|mit)\b"
    r"|Envoyé (?:de mon|depuis)|Enviado desde|Inviato da)\b",
    re.I,
)
_MAIL = (
    r"(?:e-?mail|mail|message|communication|transmission|nachricht|courriel|mensaje|correo"
    r"|messaggio|mensagem)"
)
# a footer that begins here is the company's, with all that follows
_FOOTER = re.compile(
    r"^\W*(?:(?:confidentiality|legal|privacy|important) (?:notice|note|disclaimer)\b|disclaimer\b"
    r"|(?:vertraulichkeits|rechtlicher? )hinweis|haftungsausschluss|avis de confidentialité"
    r"|aviso (?:legal|de confidencialidad)"
    rf"|(?:this|the (?:information|content)s? (?:contained )?(?:in|of) this|diese|die in dieser"
    rf"|der inhalt dieser|ce|le présent|este|el"
    rf" presente|esta|questo|la presente) {_MAIL}\b.{{0,160}}?(?:confidential|privileged|intended"
    rf"|vertraulich|geschützt"
    r"|confidentiel|confidencial|riservat|destin)"
    r"|please consider the environment|bitte (?:denken|prüfen) sie .{0,60}(?:umwelt|ausdruck)"
    rf"|if you (?:have|are not|receive).{{0,40}}(?:this {_MAIL}|in error|intended)"
    rf"|si vous avez reçu ce|si ha recibido"
    r"|(?:sollten|wenn|falls) sie (?:diese e-?mail|diese nachricht|nicht der (?:richtige"
    r"|beabsichtigte))"
    r"|(?:geschäftsführ(?:er|ung|erin)|registergericht|handelsregister|amtsgericht"
    r"|sitz der gesellschaft|vorstand"
    r"|ust-?id|registered (?:office|in england)|company (?:no|number|registration)|vat (?:no"
    r"|reg))\b[^?]{0,300}$)",
    re.IGNORECASE,
)
_SURE_CLOSING = re.compile(
    r"^\s*(?:(?:with |many |my )?(?:kind|best|warm|warmest|kindest) (?:regards|wishes)|regards"
    r"|sincerely"
    r"|yours (?:sincerely|faithfully|truly)|(?:mit )?(?:freundlichen|besten|vielen"
    r"|herzlichen) gr(?:ü|ue)(?:ß|ss)en"
    r"|(?:viele|liebe|beste|freundliche|herzliche) gr(?:ü|ue)(?:ß|ss)e|(?:bien "
    r"|très )?cordialement|salutations distinguées"
    r"|(?:saludos|un saludo)(?: cordial(?:es)?)?|atentamente|(?:cordiali|distinti) saluti"
    r"|atenciosamente|met vriendelijke groet(?:en)?"
    r"|med (?:vänlig|venlig|vennlig)(?:a)? (?:hälsning(?:ar)?|hilsen)|vennlig hilsen"
    r"|venlig hilsen|z poważaniem|pozdrawiam|s pozdravem"
    r"|üdvözlettel|ystävällisin terveisin|hormat saya|salam)\s*[,.!–-]*\s*$",
    re.IGNORECASE,
)
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


def own_words(text: str, *, subject: str = "") -> str:
    """The message's own words; the message as it is where nothing else stands in it.

    Of a forward they are the words of whoever wrote the message inside, after what is said above it
    unless that only passes it on. `subject` ("Fwd: …") tells a forward from quoted history.
    """
    text = bounded(text, LONGEST).strip()
    own = _opened(text, FORWARDS, forwarded=bool(FORWARD_SUBJECT.match(subject)))
    return own if _says(own) else text


def _opened(text: str, deep: int, *, forwarded: bool) -> str:
    found = forward_in(text) if deep else None
    if found is None:
        return _said(text)
    above = _said(found.above)
    if not only_passes_on(above):
        if not (found.marked or forwarded):
            return above  # what stands below is history
        return f"{above}\n{_opened(found.below, deep - 1, forwarded=False)}".strip()
    below = _opened(found.below, deep - 1, forwarded=forwarded)
    return below if _says(below) else above


def _first_said(lines: list[str]) -> int:
    """The number of the first line that says anything; how many there are, where none does."""
    return next((number for number, line in enumerate(lines) if _says(line)), len(lines))


def _says(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _said(text: str) -> str:
    """One message's own words: no quotation, footer, signature, closing or greeting."""
    lines = _without_quotations(text.split("\n"))
    for number in range(_first_said(lines) + 1, len(lines)):
        if _SIGNATURE.match(lines[number]) or _FOOTER.match(lines[number]):
            lines = lines[:number]
            break
    lines = [line for line in lines if not _DEVICE.match(line)]
    own = "\n".join(_without_closing(lines)).strip()
    return own[_greeting_end(own) :].strip()


def _without_quotations(lines: list[str]) -> list[str]:
    """Without quoted lines; without the rest where a quotation that is not marked begins."""
    kept: list[str] = []
    said = False
    number = 0
    while number < len(lines):
        line = lines[number]
        opening = 0 if line.lstrip().startswith(">") else _opens_quotation(lines, number)
        if opening:
            below = range(number + opening, len(lines))
            after = next((lines[place] for place in below if lines[place].strip()), ">")
            if said and not after.lstrip().startswith(">"):
                return kept
            number += opening
            continue
        if not QUOTED.match(line):
            kept.append(line)
            said = said or _says(line)
        number += 1
    return kept


def _opens_quotation(lines: list[str], number: int) -> int:
    """How many lines from here on say that a quotation follows; 0 where they don't."""
    if ORIGINAL.match(lines[number]):
        return 1
    for count in range(1, ATTRIBUTION_LINES + 1):
        joined = " ".join(line.strip() for line in lines[number : number + count])
        if len(joined) > 300:
            return 0
        if ATTRIBUTION.match(joined):
            return count
    return 0


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
    """Without the closing words and what stands under them; lines that ask something stay."""
    asked = max((number for number, line in enumerate(lines) if "?" in line), default=-1)
    first = _first_said(lines)
    for number in range(max(asked, first) + 1, len(lines)):
        if _SURE_CLOSING.match(lines[number]):
            return lines[:number]
    filled = [number for number, line in enumerate(lines) if line.strip()][-CLOSING_LINES:]
    for number in reversed(filled):
        line = lines[number].strip()
        if "?" in line or len(line) > CLOSING_LINE:
            break
        if _CLOSING.match(line) and number > first:
            return lines[:number]
    return lines
