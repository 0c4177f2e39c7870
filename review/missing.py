"""Why there is no draft, as the ticket's page says it: what was found and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from generation.models import Draft, DraftSource

_ARTICLE = "Write the reply yourself; an article on it would help the next customer."
_BY_HAND = "Write the reply yourself."
# the gravest first: the heading, what to do, and what the passages beside are
_WORDS = {
    "language": (
        "Not drafted: another language.",
        "Write the reply yourself, in the customer’s language. The articles may well answer it.",
        "found by a search that doesn’t know this language well: they may answer it or not",
    ),
    "empty_index": ("Nothing to search yet.", "Add articles, or write the reply yourself.", ""),
    "nothing_open": (
        "No article is open to this customer.",
        "Open a collection to this channel, or write the reply yourself.",
        "",
    ),
    "all_excluded": (
        "What was found was left out.",
        "Have the article looked at, and write the reply yourself.",
        "",
    ),
    "only_closed": (
        "Only an internal article is near.",
        "Write the reply yourself; say only what customers may know.",
        "open to the customer and not near enough to answer from",
    ),
    "nothing_found": ("No answer found.", _ARTICLE, "none of them near enough to answer from"),
}
_OTHER = ("There is no draft.", _BY_HAND, "beside the question")


@dataclass(frozen=True)
class Missing:
    """A heading, why in words, what to do next, and what the passages beside are."""

    heading: str
    why: str
    next_step: str
    passages: str


def missing_of(draft: Draft, sources: Sequence[DraftSource]) -> Missing:
    """What the page of a ticket without a draft's text says."""
    by_code = {str(row.get("code")): str(row.get("text", "")) for row in draft.reasons}
    code = next((known for known in _WORDS if known in by_code), "")
    heading, next_step, passages = _WORDS.get(code, _OTHER)
    why = by_code.get(code) or next(iter(by_code.values()), "")
    if sources and passages:
        next_step = f"What was found stands at the side. {next_step}"
    return Missing(heading, why, next_step, passages)
