"""Which of the sections that a search found a reply may rest on."""

from __future__ import annotations

from collections.abc import Sequence

from generation.drafted import DraftedReply
from generation.screening import why_left_out
from retrieval.codes import codes_of, differs
from retrieval.literal import OPERATING, systems_of
from retrieval.product_names import tells_of_another
from retrieval.search import SearchHit


def sift(reply: DraftedReply, hits: Sequence[SearchHit]) -> None:
    """Give a reply the passages that it may rest on; why others are left out goes to its reasons."""
    others: list[str] = []
    for hit in hits:
        if why := why_left_out(hit.text):
            words = f"A passage of “{hit.title}” was left out: {why}."
            reply.problems.append(("passage_excluded", words))
        elif _tells_of_another(reply.question.text, hit):
            others.append(hit.title)
        else:
            reply.hits.append(hit)
    if others:
        titles = "”, “".join(dict.fromkeys(others))
        why = f"Left out, since the question names another product, code, version or system: “{titles}”."
        reply.notes.append(("other_thing", why))


def _tells_of_another(question: str, hit: SearchHit) -> bool:
    """Whether a passage is about another code, version, product or operating system than the one that is
    asked about."""
    asked = codes_of(question, loose=True)
    if asked and differs(asked, codes_of(f"{hit.full_title}\n{hit.text}")):
        return True
    if tells_of_another(question, hit.full_title, hit.text):
        return True
    theirs, ours = systems_of(question) & OPERATING, systems_of(hit.full_title) & OPERATING
    return bool(theirs and ours and not theirs & ours)
