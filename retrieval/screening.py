"""Screen an article's text for planted instructions before it is published."""

from __future__ import annotations

from dataclasses import dataclass

from retrieval.safety.injection import screen_injection

EXCERPT_LENGTH = 200


@dataclass(frozen=True)
class Finding:
    """Where in the text (half-open, in characters) which rule matched, and the words there."""

    start: int
    end: int
    rule: str
    excerpt: str


def findings(text: str) -> list[Finding]:
    """What makes the text suspicious, in order; empty where it may be published as it is.

    A rule that matches on its own hint only (a score under the passages' mark) is no finding.
    A disguise that has no place in the text points to its beginning.
    """
    found = screen_injection(text, kind="passage")
    if not found.flagged:
        return []
    marked = [
        Finding(span.start, span.end, span.rule, text[span.start : span.end][:EXCERPT_LENGTH])
        for span in found.spans
    ]
    return marked or [Finding(0, 0, reason, "") for reason in found.reasons]
