"""Articles found by words of their title and text: without case and accents, the same on every database."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from assistant import folding
from retrieval.models import ArticleWords, Document

MOST_ASKED = 8
LONGEST = 200  # characters of a word


def index(document: Document, *, title: str, text: str) -> None:
    """Have the article found by this title and text, in the transaction that makes them stand."""
    ArticleWords.objects.update_or_create(document=document, defaults={"text": folded(title, text)})


def folded(title: str, text: str) -> str:
    """What `find` looks in."""
    return "\n".join(" ".join(folding.chunks(part)) for part in (title, text))


def find(documents: QuerySet[Document], query: str) -> QuerySet[Document]:
    """Those of the documents that hold every word of the query, or a longer word with it."""
    asked = list(zip(folding.chunks(query), folding.spaced(query), strict=True))
    if query.strip() and not asked:
        return documents.none()
    for chunk, spaced in asked[:MOST_ASKED]:
        documents = documents.filter(_holds(chunk) | _holds(spaced))
    return documents


def _holds(words: str) -> Q:
    """Documents that hold these folded words."""
    return Q(words__text__contains=words[:LONGEST])
