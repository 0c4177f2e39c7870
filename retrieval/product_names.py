"""Products that share their first name: "Ember Pro" is no "Ember Mini". Pure.

No list of products is kept. A name is what a passage writes with capitals in its title or headings and
again in the midst of a sentence.
"""

from __future__ import annotations

import re

_PAIR = re.compile(r"\b([A-Z][\w-]{1,30}) ([A-Z][\w-]{0,30})\b")
_WITHIN = r"(?<=[a-z,] )"  # behind a word in small letters: not at a sentence's start


def tells_of_another(question: str, title: str, text: str) -> bool:
    """Whether a passage is about one product of a family and the question about another one of it.

    `title` is its article's and headings. A passage that names the asked one as well tells of it.
    """
    names = {
        pair for pair in _PAIR.findall(title) if re.search(_WITHIN + r"\b" + " ".join(pair), text)
    }
    said = f"{title}\n{text}".casefold()
    asked = set(_PAIR.findall(question))
    for family, own in names:
        if _stands(f"{family} {own}", question):
            return False
        for other in (two for one, two in asked if one == family):
            if not _stands(f"{family} {other}", said):
                return True
    return False


def _stands(name: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE) is not None
