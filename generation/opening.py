"""How a reply takes up what the customer wrote: a sentence or two that claim nothing. Pure.

Whatever is said here is a courtesy to `generation.courtesies`, also when an agent has edited the draft.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from generation.drafted import Question
from generation.phrases import action
from generation.prompts import passage_text
from retrieval.sections import is_dependent
from retrieval.wishes import untried

LONGEST_LINE = 150  # characters; of a longer title or heading nothing is repeated

SORRY = "I'm sorry for the trouble."
TRIED = "Thank you for telling us what you have tried already."
THANKS = "Thanks for your question."
_TROUBLE = re.compile(
    r"\b(?:error|errors|fail(?:s|ed|ure|ing)?|broken|crash\w*|exception|denied|refus\w+|stuck|hang(?:s|ing)?|"
    r"wrong|problem|issue|trouble|missing|lost|disappear\w*|gone|empty|blank|"
    r"(?:does|do|did|is|are|was|were|ca|can|could|wo|will|would|has|have)(?:n['’]?t|not| not)\b|"
    r"cannot|unable|no longer|never|stopped|won't|nothing happens)\b",
    re.IGNORECASE,
)
# "Reset the hub", "Turn on nested virtualization", and not "Restart policy details"
_SAYS_WHAT = re.compile(
    r"^(?:how )?to\b|\b(?:an?|the|your|all|from|to|with|for|in|on|off|up)\b", re.I
)
_ASKS_HOW = re.compile(
    r"^\W*(?:hi\W+|hello\W+|hey\W+)?(?:how (?:do|can|to|would|should)|is (?:there|it possible)|can i|could i|"
    r"where (?:do|can))\b",
    re.IGNORECASE,
)
TELLING_WORDS = 3  # of a heading that is a topic by itself; "Steps" is none


def opening_of(question: Question, title: str, headings: Sequence[str]) -> str:
    """The opening of a reply that goes on with what an article says under these headings."""
    return " ".join([*_taken_up(question), _leading_to(title, headings)])


def _taken_up(question: Question) -> list[str]:
    said = question.own
    found = [SORRY if _has_trouble(said) else THANKS]
    if untried(said) != said.strip():
        found.append(TRIED)
    return found


def _has_trouble(said: str) -> bool:
    return bool(_TROUBLE.search(said)) and not _ASKS_HOW.match(said)


def _leading_to(title: str, headings: Sequence[str]) -> str:
    """The line before the article's own words."""
    telling = [heading for heading in headings if not is_dependent(heading)]  # "Steps" is none
    title, heading = _plain(title), _plain(telling[-1] if telling else title)
    doing = action(heading)
    if doing and _SAYS_WHAT.search(heading):
        line = f"Here is how to {doing}:"
    elif heading.endswith("?"):
        line = f"Here is our answer to “{heading}”:"
    elif len(heading.split()) >= TELLING_WORDS or heading == title:
        line = f"Here is what our help centre says about “{heading}”:"
    else:
        topic = ": ".join(filter(None, (title, heading)))
        line = f"Here is what our help centre says about “{topic}”:"
    return line if len(line) <= LONGEST_LINE else "Here is what our help centre says about it:"


def _plain(text: str) -> str:
    """A heading as it is said: without its number."""
    return re.sub(r"^\d+(?:\.\d+)*[.)]\s+", "", " ".join(passage_text(text).split())).rstrip(" .:")


def reference_to(titles: Sequence[tuple[str, str]]) -> str:
    """The line that names the articles, (title, public address) each, behind the body; only those that
    have an address."""
    named = [f"{' '.join(title.split())} – {url}" for title, url in dict.fromkeys(titles) if url]
    return f"You can read more here: {', '.join(named)}" if named else ""
