"""What an agent must be told before a text goes out: the screens of an edited or own text.

The web process loads no model, so a worker is asked; when none answers, the agent must confirm that
the text goes out unscreened. A screening is signed, so that what was shown is what is confirmed.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any

from django.core import signing

from assistant.models import Ticket
from generation.models import Draft, DraftSource
from generation.safety import ScreenUnavailable
from retrieval import reading
from review.flags import departure, withholding

_SALT = "review.screening"
_LEAK_WORDS = {
    "card": "a card number",
    "iban": "a bank account number",
    "email": "an e-mail address",
    "phone": "a phone number",
}


@dataclass(frozen=True)
class Doubt:
    """Words of a text that its articles don't bear out: what they are, and what is said instead."""

    what: str
    text: str
    said: str = ""
    title: str = ""
    rank: int | None = None


@dataclass(frozen=True)
class Screening:
    """The screens' word on one text; `unavailable` says why no screen could run.

    Its rows name no words of the text: `result` holds kinds and places (`doubts_of` reads them).
    """

    text_sha256: str
    warnings: list[str] = field(default_factory=list)
    unavailable: str = ""
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def needs_confirmation(self) -> bool:
        return bool(self.warnings or self.unavailable or self.departures)

    @property
    def departures(self) -> list[dict[str, Any]]:
        """Where the text says otherwise than its articles, as `generation.rescreen` found it."""
        return list(self.result.get("departures") or [])

    @property
    def facts_compared(self) -> bool:
        """Whether the text was held against articles."""
        return "departures" in self.result

    def covers(self, text: str) -> bool:
        """Whether it was this text that was screened."""
        return self.text_sha256 == _sha256(text)

    def as_row(self, *, send_anyway: bool) -> dict[str, object]:
        """What a decision keeps of it."""
        return {
            "result": self.result,
            "warnings": self.warnings,
            "unavailable": self.unavailable,
            "sent_anyway": self.needs_confirmation and send_anyway,
        }

    def signed(self) -> str:
        """For a form's hidden field: comes back unchanged or not at all."""
        return signing.dumps(asdict(self), salt=_SALT, compress=True)


def from_signed(value: str) -> Screening | None:
    """The screening that `signed` wrote within the last hour, or None."""
    try:
        return Screening(**signing.loads(value, salt=_SALT, max_age=3600))
    except (signing.BadSignature, TypeError):
        return None


def screen(*, ticket: Ticket, draft: Draft | None, text: str) -> Screening:
    """Have a worker screen a text that a person wrote or changed. Asks outside any transaction."""
    from generation.rescreen import rescreen  # here, so that listing pages never import its parts

    try:
        result = rescreen(ticket=ticket, draft=draft, text=text)
    except ScreenUnavailable as error:
        return Screening(_sha256(text), unavailable=str(error))
    warnings = []
    if result.get("toxic"):
        worst = max((result.get("toxicity") or {"toxicity": 1.0}).items(), key=lambda row: row[1])
        label = worst[0].replace("_", " ")
        warnings.append(f"The text may be hurtful ({label} {worst[1]:.2f}).")
    for kind in result.get("leaks") or []:
        what = _LEAK_WORDS.get(str(kind).lower(), f"personal data ({kind})")
        warnings.append(f"The text holds {what} that no cited article contains.")
    if problem := result.get("not_compared"):
        warnings.append(f"The text could not be compared with the articles: {problem}")
    if result.get("all_read") is False:
        warnings.append(
            "The text is so long that only its beginning was compared with the articles."
        )
    return Screening(_sha256(text), warnings=warnings, result=result)


def doubts_of(found: Screening, text: str) -> list[Doubt]:
    """What the articles don't bear out, in words: `found` must be of this text."""
    rows = found.departures
    ids = {row["source"] for row in rows if row["source"] is not None}
    sources = DraftSource.objects.select_related("chunk__revision").in_bulk(ids)
    doubts = []
    for row in rows:
        words = " ".join(text[row["start"] : row["end"]].split())
        source = sources.get(row["source"])
        if source is None:
            doubts.append(Doubt(departure(row["kinds"]), words))
            continue
        said = reading.plain(source.text[row["said_start"] : row["said_end"]])
        title = source.chunk.revision.title
        doubts.append(Doubt(departure(row["kinds"]), words, said, title, source.rank))
    return doubts


def of_reply(
    *, ticket: Ticket, draft: Draft | None, text: str, fresh: bool, given: Screening | None
) -> Screening:
    """The screening of what is to be sent: `given` where it is of this text, else the draft's own,
    or a new one where the text is `fresh` or there is no draft."""
    if given is not None and given.covers(text):
        return given
    if fresh or draft is None:
        return screen(ticket=ticket, draft=draft, text=text)
    return of_draft(draft, text)


def of_draft(draft: Draft, text: str) -> Screening:
    """The word of the screens that the pipeline ran, for a text that nobody changed."""
    if draft.state != Draft.State.WITHHELD:
        return Screening(_sha256(text))
    return Screening(_sha256(text), warnings=withholding(draft.reasons))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
