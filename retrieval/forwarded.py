"""A forwarded message: where it begins, and whether the words above only pass it on. Pure.

Gmail, Apple Mail and Thunderbird mark a forward; Outlook puts the same block of headers over a
forward as over the history under a reply, so there the words above decide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_HEADERS = 14  # lines of a block of headers
WORDS_PASSING_ON = 40

ATTRIBUTION = re.compile(
    r"^\s*(?:(?:On|Am|Le|El|Il|Em|Op|Den|Dne|W dniu)\s.{4,160}?"
    r"(?:wrote|schrieb(?:\s.{1,80})?|a écrit|escribió|ha scritto|escreveu|schreef(?:\s.{1,80})?"
    r"|skrev(?:\s.{1,80})?"
    r"|napsal\(a\)|napisała?\(?a?\)?|geschrieben)\s*:\s*$"
    r"|.{2,100}\s(?:wrote|schrieb|skrev|schreef)(?: on| am| den| op)?\s.{4,80}:\s*$)",
    re.IGNORECASE,
)
ORIGINAL = re.compile(
    r"^[ \t*]*-{2,}[ \t]*(?:Original Message|Original-Nachricht|Ursprüngliche Nachricht"
    r"|Message d['’]origine|Message original|Mensaje original|Messaggio originale|Mensagem original"
    r"|Oorspronkelijk bericht|Oprindelig meddelelse|Ursprungligt meddelande"
    r"|Wiadomość oryginalna)\b",
    re.IGNORECASE,
)
_MARKED = re.compile(
    r"^[ \t*_]*(?P<dashes>-{2,})?[ \t]*(?:begin (?:of )?forwarded message"
    r"|(?:start of )?forwarded (?:message|mail|by [^\n]{1,60})"
    r"|anfang der weitergeleiteten (?:nachricht|e-mail)|weitergeleitete (?:nachricht|e-mail|mail)"
    r"|début du (?:message transféré|courriel transféré|message réexpédié)|message transféré"
    r"|message réexpédié"
    r"|inicio del mensaje reenviado|mensaje reenviado|inizio (?:del )?messaggio inoltrato"
    r"|messaggio inoltrato"
    r"|início da mensagem (?:encaminhada|reencaminhada)|mensagem (?:encaminhada|reencaminhada)"
    r"|begin doorgestuurd bericht|doorgestuurd bericht|videresendt (?:meddelelse|besked)"
    r"|vidarebefordrat (?:meddelande|brev)|przekazana wiadomość)[ \t]*(?P<end>-{2,}|:)?[ \t*_]*$",
    re.IGNORECASE,
)
_KEYS = {
    "from": "from von de da van fra från od expéditeur remitente absender mittente",
    "date": "sent date gesendet datum envoyé fecha enviado inviato data verzonden sendt skickat wysłano",
    "to": "to an à pour para a aan til till do cc bcc kopie copie",
    "subject": "subject betreff objet sujet asunto oggetto assunto onderwerp emne ämne temat",
}
_KIND = {word: kind for kind, words in _KEYS.items() for word in words.split()}
_HEADER = re.compile(
    r"^[ \t]*[*_]*(?P<key>[A-Za-zÀ-ſ]{1,12})(?: (?:el|am|le|do|da"
    r"|del))?[ \t]?[*_]*[ \t]?:[*_]*(?:[ \t\xa0]|$)"
)
_OTHER_HEADER = re.compile(
    r"^[ \t]*[*_]*(?:reply-to|antwort an|répondre à|responder a|importance|wichtigkeit"
    r"|priorité)[ \t]?[*_]*:",
    re.I,
)
FORWARD_SUBJECT = re.compile(
    r"^\s*(?:re\s*:\s*|aw\s*:\s*)?(?:fwd?|wg|tr|rv|i|enc|doorst|vs|vb)\s*:", re.IGNORECASE
)

# all that somebody says who only passes a message on
_PASSING_ON = frozenset(
    # English
    "please pls plz kindly can could would will you someone anyone somebody team guys handle "
    "handling take "
    "care of this that it the a an look into at have deal with reply respond answer assist advise "
    "process "
    "action check see below following forward forwarding forwarded fwd fw fyi for your to my our "
    "info "
    "information attention action over one help customer client s request message mail email "
    "question "
    "enquiry inquiry ticket case issue pass passing on in from came got received thanks thank and "
    "asap urgent "
    "urgently here is are belongs support you re i m am we us me let know deal sort out pick up "
    "thx cheers "
    "hi hello all regards best kind another new next reach them him her directly back get as per "
    "discussed "
    # German
    "bitte kannst könntest können könnten du sie euch ihr dich sich mal das dies diese diesen dem "
    "der die den "
    "darum kümmern kümmerst bearbeiten bearbeitung übernehmen übernimm weiterleiten "
    "weitergeleitet weiterleitung "
    "leite ich wir weiter beantworten antworten prüfen anschauen ansehen zur zum info kenntnis "
    "kenntnisnahme "
    "information zuständigkeit siehe unten anfrage kundenanfrage kunden kunde kundin mail e "
    "nachricht frage "
    "danke vielen dank vorab eilt dringend und mit an von für eine ein weitere hallo gruß grüße "
    "viele lg vg "
    # French
    "merci de traiter peux tu pouvez vous pourriez t en occuper en charge prendre répondre "
    "transfère transféré "
    "transfert je te ce cette le la les message demande client cliente du pour suite donner "
    "information info voir s il "
    "plaît plait stp svp bonjour à au avance urgent question et ci dessous l d m faire suivre "
    "suivi bien cordialement "
    # Spanish
    "por favor puedes puede podrías podría atender gestionar gestiona responder encargarte "
    "encargarse ocuparte "
    "esto este esta mensaje consulta solicitud cliente reenvío reenvio reenviado os lo te para su "
    "tu "
    "información ver abajo más mas gracias el la del de urgente hola saludos y con a correo "
    "pregunta revisar "
    # Italian, Portuguese, Dutch
    "per favore puoi gestire rispondere inoltro in allegato vedi sotto cliente richiesta grazie "
    "pode tratar "
    "encaminho abaixo obrigado graag kun je dit oppakken behandelen beantwoorden zie onder klant "
    "vraag bedankt".split()
)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Forward:
    """The words above a message that is passed on or quoted, and that message without its headers.
    `marked` says that it is a forward for sure."""

    above: str
    below: str
    marked: bool


def forward_in(text: str) -> Forward | None:
    """The first message that `text` passes on or quotes under headers; None where none does.

    What stands under the line that opens a quoted answer ("On Monday … wrote:") is none.
    """
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if len(line) > 400 or line.lstrip().startswith(">"):
            continue
        if ATTRIBUTION.match(line):
            return None
        marked = _is_mark(line)
        if marked or ORIGINAL.match(line):
            rest = _unquoted(_filled_from(lines, number + 1))
            # Proton Mail quotes the message, not its headers
            below = _unquoted(_filled_from(rest, _headers(rest, sure=True)))
            return Forward(_joined(lines[:number]), _joined(below), marked)
        if _HEADER.match(line) and (length := _headers(lines[number : number + MOST_HEADERS * 2])):
            return Forward(_joined(lines[:number]), _joined(lines[number + length :]), False)
    return None


def only_passes_on(words: str) -> bool:
    """Whether somebody's words say nothing but that a message is passed on ("Please handle.")."""
    found = [match.group().casefold() for match in _WORD.finditer(words[:1_000])]
    if len(words) > 1_000 or len(found) > WORDS_PASSING_ON:
        return False
    if found and re.match(r"\s*[A-ZÀ-Þ][\w-]+(?: [A-ZÀ-Þ][\w-]+)?\s*[,:–-]\s", words):
        found = found[1:]  # whom it is passed on to
    return all(word in _PASSING_ON for word in found)


def _is_mark(line: str) -> bool:
    found = _MARKED.match(line)
    return bool(found and (found["dashes"] or found["end"]))


def _filled_from(lines: list[str], first: int) -> list[str]:
    """From the first line that isn't blank on."""
    while first < len(lines) and not lines[first].strip():
        first += 1
    return lines[first:]


def _unquoted(lines: list[str]) -> list[str]:
    """Without the mark of quoting that Apple and Proton Mail put before every line of a forward."""
    filled = [line for line in lines[:6] if line.strip()]
    if not filled or not all(line.lstrip().startswith(">") for line in filled):
        return lines
    return [re.sub(r"^\s*> ?", "", line) for line in lines]


def _headers(lines: list[str], *, sure: bool = False) -> int:
    """How many lines the block of headers at the top has; 0 where there is none. Under a line that
    announces it (`sure`) any header counts; else it needs a sender and two more."""
    kinds: set[str] = set()
    end = 0
    wrapped = True
    for number, line in enumerate(lines[: MOST_HEADERS * 2]):
        if not line.strip():
            wrapped = False
            continue
        key = _HEADER.match(line)
        kind = _KIND.get(key["key"].casefold(), "") if key else ""
        if kind or _OTHER_HEADER.match(line):
            kinds.add(kind)
            end, wrapped = number + 1, True
        elif (
            wrapped
            and end == number
            and end
            and lines[number - 1].rstrip().endswith((",", ";", ":", "*"))
        ):
            end = number + 1  # a long line of addresses goes on
        else:
            break
    return end if sure or ("from" in kinds and len(kinds - {""}) >= 3) else 0


def _joined(lines: list[str]) -> str:
    text = "\n".join(lines).strip("\n")
    return re.sub(r"\n[ \t]*[_-]{8,}[ \t]*$", "", text).strip()
