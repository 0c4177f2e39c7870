"""Synthetic customers: questions made from titles, headings and sentences, in many voices.

Every question made here is marked synthetic in its record. They carry no names and no personal
data: greetings and signatures are added outside the model.
"""

from __future__ import annotations

import random
import re

_FLIPS = {
    "you": "I", "your": "my", "yours": "mine", "yourself": "myself", "you're": "I'm",
    "you've": "I've", "you'll": "I'll", "you'd": "I'd", "are": "are",
}  # fmt: skip
_GERUND = re.compile(r"^(?:[A-Z][a-z]+ing)\b")
_QUESTION = re.compile(
    r"^(?:what|how|why|when|where|who|which|can|do|does|is|are|should|will)\b", re.I
)
_IMPERATIVE = frozenset(
    "accept access activate add adjust allocate allow analyze apply approve archive assign attach "
    "automate back block book build calculate cancel change check choose clear close combine "
    "compare complete configure connect consolidate convert copy correct create customize deactivate "
    "define delete deploy design determine develop disable disconnect display distribute download "
    "edit enable enter estimate export extend fill filter find fix follow forecast generate get give "
    "grant group handle hide identify implement import improve include insert inspect install "
    "integrate invite issue keep limit link list locate lock log look make manage map match measure "
    "merge migrate modify monitor move open optimize order organize override pay perform personalize "
    "plan post prepare prevent preview print process protect provide publish purchase reassign "
    "receive recalculate reconcile record recover reduce refresh register reject release remove "
    "rename renew reopen reorder replace report request reset resolve restore restrict restart "
    "return reverse review revoke run save scan schedule search secure select sell send set share "
    "ship show sign specify start stop submit switch sync synchronize test track transfer translate "
    "troubleshoot turn undo uninstall unlock update upgrade upload use validate verify view void "
    "withdraw work write".split()
)

_HELLO = ("", "", "", "", "Hi, ", "Hello, ", "Hi there, ", "Hello! ", "Good morning, ", "hey, ")
_BEFORE = (
    "", "", "", "", "", "I've looked everywhere and can't find this. ", "Quick question. ",
    "I'm new to this. ", "My colleague asked me to write to you. ", "I am stuck. ",
    "We ran into this today. ", "Sorry if this is obvious. ", "This is the second time I ask. ",
    "I was on the phone for half an hour without an answer. ", "One thing is not clear to me. ",
)  # fmt: skip
_AFTER = (
    "", "", "", "", "", " Thanks!", " Thank you.", " Thanks in advance.", " Please help.",
    " Can you help?", " It's quite urgent.", " I'd be grateful for an answer.", " Cheers",
    " Please reply soon, we need this today.",
)  # fmt: skip


def is_imperative(topic: str) -> bool:
    words = re.findall(r"[A-Za-z]+", topic.lower())
    return bool(words) and words[0] in _IMPERATIVE


def action(topic: str) -> str | None:
    """ "create an invoice" for "Create an invoice", "How to: Create ...", "To create ..."."""
    match = re.match(r"^(?:how to|to|step \d+)\s*[:.\-]?\s+(.+)$", topic, re.I)
    core = match[1] if match else topic
    if not is_imperative(core):
        return None
    return core[0].lower() + core[1:].rstrip(" .:")


def flip(clause: str) -> str:
    """Second person to first: "you change your plan" becomes "I change my plan"."""
    return re.sub(
        r"\b(you(?:r|rs|rself)?(?:'(?:re|ve|ll|d))?)\b",
        lambda m: _FLIPS.get(m[1].lower(), m[1]),
        clause,
        flags=re.I,
    ).replace("I are", "I am")


def topic_question(topic: str, title: str, rng: random.Random) -> str:
    """A question about a whole section."""
    if _QUESTION.match(topic) and not topic.lower().startswith("how to"):
        return topic if topic.endswith("?") else topic + "?"
    forms: tuple[str, ...]
    scope = f" ({title})" if title != topic and rng.random() < 0.35 else ""
    if doing := action(topic):
        forms = (
            f"How do I {doing}?{scope}", f"How can I {doing}?{scope}", f"I need to {doing}. How?",
            f"I'm trying to {doing} but I don't know where to start.{scope}",
            f"What are the steps to {doing}?", f"Could you tell me how to {doing}?{scope}",
            f"I want to {doing}{scope}", f"We have to {doing} and nobody here knows how.",
            f"Is there a way to {doing}?", f"Please explain how we {doing}.",
        )  # fmt: skip
        return rng.choice(forms)
    if _GERUND.match(topic):
        doing = topic[0].lower() + topic[1:]
        forms = (
            f"I have a question about {doing}.{scope}", f"How does {doing} work?{scope}",
            f"Can you help me with {doing}?", f"What should I know about {doing}?{scope}",
        )  # fmt: skip
        return rng.choice(forms)
    thing = topic if re.match(r"^\S*[A-Z].*[A-Z]", topic) else topic[:1].lower() + topic[1:]
    forms = (
        f"What can you tell me about {thing}?{scope}", f"I have a question about {thing}.{scope}",
        f"How does it work with {thing}?{scope}", f"{topic}?{scope}", f"What about {thing}?{scope}",
        f"Can you explain {thing} to me?{scope}", f"I don't understand {thing}.{scope}",
        f"Where do I find something on {thing}?", f"What is {thing}?{scope}",
    )  # fmt: skip
    return rng.choice(forms)


_VERB_PHRASE = r"([a-z][^,;:()]{8,90}?)"
_TO_ITS_END = _VERB_PHRASE + r"(?:[.,;:(]|$)"
_PATTERNS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile(rf"^To {_VERB_PHRASE}, "), (
        "How do I {}?", "How can I {}?", "I want to {}. What do I do?", "I'd like to {}.")),
    (re.compile(rf"^If you(?! can\b| must\b) {_VERB_PHRASE}, "), (
        "What if I {}?", "What happens if I {}?", "I {}. What now?", "And if I {}?")),
    (re.compile(rf"^When you {_VERB_PHRASE}, "), (
        "What happens when I {}?", "I {}. What happens then?", "When I {}, what should I expect?")),
    (re.compile(rf"^(?:You|Then you|In this case, you) can(?: also)? {_TO_ITS_END}"), (
        "Can I {}?", "Is it possible to {}?", "Am I able to {}?", "Is there a way to {}?")),
    (re.compile(rf"^(?:You|Then you) (?:must|have to|need to|should)(?: also)? {_TO_ITS_END}"), (
        "Do I need to {}?", "Do I have to {}?", "Is it necessary to {}?", "Should I {}?")),
    (re.compile(rf"^You (?:can't|cannot|can not) {_TO_ITS_END}"), (
        "Can I {}?", "Why can't I {}?", "I can't {}. Why?", "Is it allowed to {}?")),
)  # fmt: skip
_SUBJECT = re.compile(
    r"^((?:An?|The) [A-Za-z][\w' -]{2,40}?) (?:is|are|means|contains|shows|lets) "
)
_STOP_WORDS = frozenset(
    "about above after again also always another because before being below between both could "
    "does during each either every from have having here into just like made make many more most "
    "must need only other over same should some such than that their them then there these they "
    "this those through under until used uses using very want were what when where which while "
    "will with within without would your yours".split()
)


def sentence_question(sentence: str, topic: str, rng: random.Random) -> str | None:
    """A question that this very sentence answers; None where no honest one can be made."""
    for pattern, forms in _PATTERNS:
        if match := pattern.match(sentence):
            return rng.choice(forms).format(flip(match[1]).strip())
    if match := _SUBJECT.match(sentence):
        thing = match[1][0].lower() + match[1][1:]
        return rng.choice(("What is {}?", "What does {} do?", "Tell me about {}.")).format(thing)
    words = [w for w in re.findall(r"[A-Za-z][\w'-]{3,}", sentence) if w.lower() not in _STOP_WORDS]
    if len(words) < 4:
        return None
    start = rng.randrange(len(words) - 2)
    picked = list(dict.fromkeys(w.lower() for w in words[start : start + rng.choice((2, 3, 3))]))
    text = " ".join(picked)
    forms = (
        "What about {}?", "{}?", "I have a question on {}.", "What do you say about {}?",
        "Could you clarify {}?", "{} - how is that?", "{topic}: what about {}?",
        "I was reading about {topic} and wonder about {}.",
    )  # fmt: skip
    return rng.choice(forms).format(text, topic=topic)


def in_a_voice(question: str, rng: random.Random) -> str:
    """The question as one of many people would type it: greetings, haste, typing slips."""
    text = f"{rng.choice(_HELLO)}{rng.choice(_BEFORE)}{question}{rng.choice(_AFTER)}"
    roll = rng.random()
    if roll < 0.12:
        text = text.lower()
    elif roll < 0.2:
        text = text.lower().replace("?", "").replace(".", "").replace(",", "")
    elif roll < 0.22:
        text = text.upper()
    elif roll < 0.32:
        text = _slip(text, rng)
    return text.strip()


def _slip(text: str, rng: random.Random) -> str:
    """One or two swapped, doubled or lost letters."""
    for _ in range(rng.choice((1, 2))):
        places = [m.start() for m in re.finditer(r"[a-z](?=[a-z]{2})", text)]
        if not places:
            break
        at = rng.choice(places)
        kind = rng.random()
        if kind < 0.4:
            text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        elif kind < 0.7:
            text = text[:at] + text[at + 1 :]
        else:
            text = text[:at] + text[at] + text[at:]
    return text
