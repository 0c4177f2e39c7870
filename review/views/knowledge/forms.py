"""What the knowledge pages' forms hold, read as a database can take it."""

from __future__ import annotations

from datetime import date

from django.http import QueryDict

from retrieval.article_drafts import Fields


def words(value: str, length: int) -> str:
    """One line of somebody's words, without what no database takes, cut to `length`."""
    return value.replace("\x00", "").encode("utf-8", "ignore").decode().strip()[:length]


def day_of(value: str) -> date | None:
    """A day as `<input type="date">` sends it; None for anything that is none."""
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        return None


def fields_of(posted: QueryDict) -> Fields:
    """What was written in the editor; line ends are the browser's."""
    return Fields(
        title=" ".join(posted.get("title", "").split()),
        text=posted.get("text", "").replace("\r\n", "\n"),
        category=" ".join(posted.get("category", "").split()),
        language=posted.get("language", "").strip() or "en",
        review_by=day_of(posted.get("review_by", "")),
    )
