"""What the pages of the knowledge base ask for in passing."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import resolve, reverse

from assistant.access import can
from retrieval.models import Document
from review.blast_radius import BlastRadius
from review.blast_radius import blast_radius as radius_of

register = template.Library()

SECTIONS = ("Articles", "Collections", "Sources", "Gaps", "Health", "Questions")


@register.simple_tag
def blast_radius(document: Document) -> BlastRadius:
    """The counts of what rests on the article; nothing is listed."""
    return radius_of(document, listed=0)


@register.inclusion_tag("knowledge/_sections.html", takes_context=True)
def knowledge_sections(context: dict[str, Any]) -> dict[str, Any]:
    """The sections that this person may open; the first one holds what is in no other."""
    request = context["request"]
    links = [(name, reverse(f"knowledge:{name.lower()}")) for name in SECTIONS]
    here = next((url for _, url in reversed(links) if request.path.startswith(url)), "")
    return {
        "sections": [
            {"name": name, "url": url, "current": url == here}
            for name, url in links
            if can(request.user, resolve(url).func.required_capability)  # type: ignore[attr-defined]
        ],
        "path": request.path,
    }
