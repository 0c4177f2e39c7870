"""Which of the passages that a search found a reply may rest on, and what speaks for each."""

from __future__ import annotations

from collections.abc import Sequence

from generation.choosing import Found
from generation.drafted import DraftedReply
from generation.quoting import words_shared
from generation.screening import why_left_out
from retrieval.codes import codes_of, differs
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
        why = f"Left out, since the question names another product, code or version: “{titles}”."
        reply.notes.append(("other_thing", why))


def found_of(reply: DraftedReply, hit: SearchHit) -> Found:
    """What speaks for a passage as an answer."""
    text = f"{hit.full_title}\n{hit.text}"
    needs = reply.question.needs or (reply.question.text,)
    code = bool(codes_of(reply.question.text, loose=True) & codes_of(text))
    return Found(hit.dense_score, hit.rerank_score, words_shared(needs, text), code)


def _tells_of_another(question: str, hit: SearchHit) -> bool:
    """Whether a passage is about another code, version or product than the one that is asked about."""
    asked = codes_of(question, loose=True)
    if asked and differs(asked, codes_of(f"{hit.full_title}\n{hit.text}")):
        return True
    return tells_of_another(question, hit.full_title, hit.text)
