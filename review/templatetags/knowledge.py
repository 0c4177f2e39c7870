"""What pages about an article ask for in passing."""

from __future__ import annotations

from django import template

from retrieval.models import Document
from review.blast_radius import BlastRadius
from review.blast_radius import blast_radius as radius_of

register = template.Library()


@register.simple_tag
def blast_radius(document: Document) -> BlastRadius:
    """The counts of what rests on the article; nothing is listed."""
    return radius_of(document, listed=0)
