"""A person's written reason, kept with what they decided."""

from __future__ import annotations

LONGEST_REASON = 500


def written_reason(words: str, *, refusal: type[Exception], ask: str, least: int = 1) -> str:
    """The reason on one line. Raises `refusal`: with `ask` where it has fewer than `least`
    characters, else where it has more than `LONGEST_REASON`."""
    reason = " ".join(words.replace("\x00", "").split())
    if len(reason) < least:
        raise refusal(ask)
    if len(reason) > LONGEST_REASON:
        raise refusal(f"The reason has {len(reason)} characters; {LONGEST_REASON} are allowed.")
    return reason
