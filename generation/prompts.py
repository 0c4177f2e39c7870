"""Prompts: what goes into the generator, and what comes out of it as a reply. Pure: no Django.

The template belongs to the model version, because a small model knows only the layout that it was
trained on. It travels as ``prompt.json`` beside the weights (`PromptTemplate.load`), and training
renders its records with the very same functions, so that training and serving can't drift apart.

A rendered prompt is blocks with a blank line between them::

    Customer: How do I change my delivery address?

    [2] Returns > Sending a parcel back
    Print the label and ...

    [1] Orders > Change the address
    You can change the address until ...

    Reply: [1]

The citation at the end is forced: retrieval has chosen the passage, the model words the reply.
Untrusted text (tickets, passages) can't forge these markers: see `neutralise`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

PROMPT_FILE = "prompt.json"
END_OF_TEXT = "<|endoftext|>"


class PromptError(Exception):
    """A prompt could not be built. It would fail again on the same input."""

    permanent = True


class QuestionTooLong(PromptError):
    """The customer's last message alone is over the token budget."""

    def __init__(self, *, tokens: int, budget: int) -> None:
        super().__init__(
            f"the customer's last message needs {tokens} tokens and the model's budget is "
            f"{budget}: answer this ticket by hand, or select a generator with a longer context"
        )
        self.tokens = tokens
        self.budget = budget


class NoPassageFits(PromptError):
    """There is no passage, or not one sentence of the best one fits beside the question."""

    def __init__(self, *, budget: int) -> None:
        super().__init__(
            f"no passage fits into the model's budget of {budget} tokens beside the question: "
            "answer this ticket by hand, or select a generator with a longer context"
        )
        self.budget = budget


class TemplateError(PromptError):
    """A template file is missing, unreadable or not valid."""


@dataclass(frozen=True)
class Passage:
    """One retrieved passage; ``heading_path`` runs from the outermost heading inwards."""

    title: str
    text: str
    heading_path: tuple[str, ...] = ()


@dataclass(frozen=True)
class Turn:
    """One message of a ticket's thread."""

    role: Literal["customer", "agent"]
    text: str


@dataclass(frozen=True)
class Prompt:
    """What the model reads: ``used`` are indexes into the passages given, best first."""

    text: str
    used: tuple[int, ...]
    tokens: int


@dataclass(frozen=True)
class PromptTemplate:
    """The layout of a prompt. ``context_tokens`` bounds prompt and reply together.

    ``best_last`` puts the best passage nearest to the reply. ``line_start`` begins every line of a
    passage and of a reply: with a space there, a byte-level tokenizer writes a word at the start of
    a line like the same word within it, so that copying is copying tokens. ``stop`` are the texts at which a
    completion ends, besides the model's end-of-text token.
    """

    name: str
    version: str
    preamble: str = ""
    customer: str = "Customer:"
    agent: str = "Agent:"
    reply: str = "Reply:"
    citation: str = "[{number}]"
    line_start: str = ""
    best_last: bool = True
    max_passages: int = 3
    max_earlier_turns: int = 6
    context_tokens: int = 1024
    new_tokens: int = 200
    stop: tuple[str, ...] = field(default=("\nCustomer:", "\nAgent:", "\nReply:", "\n["))

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the template's canonical JSON: equal layouts have equal digests."""
        return hashlib.sha256(self.canonical_text().encode()).hexdigest()

    def canonical_text(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> PromptTemplate:
        """Raises TemplateError on an unknown or missing key, so that a typing slip can't pass."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(data) - known)
        if unknown:
            raise TemplateError(f"unknown keys in the prompt template: {', '.join(unknown)}")
        if not data.get("name") or not data.get("version"):
            raise TemplateError("a prompt template needs a name and a version")
        values = dict(data)
        if "stop" in values:
            values["stop"] = tuple(values["stop"])
        return cls(**values)

    @classmethod
    def load(cls, folder: str | Path) -> PromptTemplate:
        """The template that ships with a model folder."""
        path = Path(folder) / PROMPT_FILE
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise TemplateError(
                f"{path} is missing: a model folder carries the prompt template it was trained on"
            ) from error
        except (OSError, ValueError) as error:
            raise TemplateError(f"{path} can't be read as JSON: {error}") from error
        return cls.from_dict(data)

    def save(self, folder: str | Path) -> Path:
        path = Path(folder) / PROMPT_FILE
        text = json.dumps(asdict(self), ensure_ascii=False, indent=2, sort_keys=True)
        path.write_text(text + "\n", encoding="utf-8")
        return path


# For causal language models that were not trained on a layout of ours (gpt-neo from the hub).
DEFAULT_TEMPLATE = PromptTemplate(
    name="generic-causal",
    version="1",
    preamble=(
        "A customer wrote to our support team. The reply repeats what the customer asks, answers "
        "only with facts from the help articles below, in their words, and is short and friendly."
    ),
    context_tokens=2048,
)

_LABELS = r"customer|user|human|agent|assistant|system|reply"
_FORGED_LABEL = re.compile(rf"^([\s>*#\-]*)({_LABELS})[ \t]*[:\uFF1A\uFE55\u2236]", re.I | re.M)
_FORGED_CITATION = re.compile(r"[\[\uFF3B]\s*(\d{1,3})\s*[\]\uFF3D]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_LINE_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")


def neutralise(text: str) -> str:
    """Text of others with everything defused that could pass for a part of the template.

    Line starts such as ``Customer:`` become ``Customer -``, ``[1]`` becomes ``(1)``, and the
    delimiters of special tokens (``<|``, ``|>``) lose their bar. Invisible characters, with which
    a marker could be hidden from these rules, are removed first. Idempotent.
    """
    text = _CONTROL.sub("", _LINE_BREAKS.sub("\n", text))
    while "<|" in text or "|>" in text:  # removing one may form another: "<<||"
        text = text.replace("<|", "<").replace("|>", ">")
    text = _FORGED_CITATION.sub(r"(\1)", text)
    return _FORGED_LABEL.sub(r"\1\2 -", text)


_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]\[]+)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>]{0,200}>", re.S)
_EMPHASIS = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_ITALIC = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]+?)(?<=\S)\*(?![\w*])")
_HEADING = re.compile(r"^#{1,6}\s+.*$\n?", re.M)


def plain_text(markdown: str) -> str:
    """Passage text as the model reads and repeats it: Markdown's markup gone, every word kept.

    Links keep their words, emphasis and code ticks go, list markers and line breaks stay, heading
    lines go (they stand in the passage's title line), runs of blank lines become one break.
    """
    text = _TAG.sub("", _LINE_BREAKS.sub("\n", markdown))
    text = _LINK.sub(r"\1", _IMAGE.sub("", text))
    text = _EMPHASIS.sub(r"\2", text)
    text = _ITALIC.sub(r"\1", text).replace("`", "")
    text = _HEADING.sub("", text)
    lines = (re.sub(r"[ \t\u00a0]+", " ", line).strip() for line in text.split("\n"))
    lines = (re.sub(r"^(?:>\s*)+", "", line) for line in lines)
    lines = (re.sub(r"^[*+\u2022]\s+", "- ", line) for line in lines)
    return "\n".join(line for line in lines if line)


_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9\u00c0-\u00de])|\n")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|no|mr|mrs|ms|dr|st|u\.s)\.|^\d+\.)$", re.I)


def sentences(text: str) -> list[str]:
    """Sentences in order, each stripped; a line break always ends one, an abbreviation never."""
    found: list[str] = []
    for line in text.split("\n"):
        start = 0
        for match in _SENTENCE_END.finditer(line):
            piece = line[start : match.end()].strip()
            if _ABBREVIATION.search(piece):
                continue
            if piece:
                found.append(piece)
            start = match.end()
        if rest := line[start:].strip():
            found.append(rest)
    return found


def title_line(passage: Passage) -> str:
    """The passage's title and headings on one line; a heading that repeats the title is left."""
    parts: list[str] = []
    for part in (passage.title, *passage.heading_path):
        clean = " ".join(neutralise(plain_text(part).replace("\n", " ")).split())
        if clean and (not parts or clean.casefold() != parts[-1].casefold()):
            parts.append(clean)
    return " > ".join(parts)


def passage_text(text: str) -> str:
    """A passage's text as it stands in the prompt (and so as a faithful reply repeats it)."""
    return neutralise(plain_text(text))


def _one_line(text: str) -> str:
    # A customer's line breaks carry no meaning for the model, and a line start could be forged.
    return " ".join(neutralise(text).split())


def _render_turns(template: PromptTemplate, turns: Sequence[Turn]) -> list[str]:
    labels = {"customer": template.customer, "agent": template.agent}
    return [f"{labels[turn.role]} {_one_line(turn.text)}" for turn in turns]


def _start_lines(template: PromptTemplate, text: str) -> str:
    return "\n".join(template.line_start + line for line in text.split("\n"))


def render_completion(template: PromptTemplate, paragraphs: Sequence[str]) -> str:
    """A reply as training shows it after the prompt, and as `parse_reply` undoes it."""
    first, *rest = paragraphs
    return "\n\n".join([" " + first, *(_start_lines(template, p) for p in rest)]) + END_OF_TEXT


def _render(template: PromptTemplate, turns: Sequence[Turn], passages: Sequence[Passage]) -> str:
    blocks = [template.preamble] if template.preamble else []
    blocks += _render_turns(template, turns)
    numbered = [
        f"{template.citation.format(number=number)} {title_line(passage)}\n"
        f"{_start_lines(template, passage.text)}"
        for number, passage in enumerate(passages, start=1)
    ]
    blocks += reversed(numbered) if template.best_last else numbered
    blocks.append(f"{template.reply} {template.citation.format(number=1)}")
    return "\n\n".join(blocks)


def build_prompt(
    *,
    template: PromptTemplate,
    thread: Sequence[Turn],
    passages: Sequence[Passage],
    count_tokens: Callable[[str], int],
    budget: int,
) -> Prompt:
    """The prompt for a thread (oldest turn first) and passages (best first), within ``budget``.

    ``budget`` counts prompt tokens: the context less the new tokens. What doesn't fit goes in this
    order: the lowest-ranked passages (the last one kept may end early, at a sentence boundary),
    then the oldest turns. The customer's last message is never cut, and nothing after it counts.

    Raises QuestionTooLong if that message alone doesn't fit, NoPassageFits if no sentence of the
    best passage fits beside it, ValueError if no turn is the customer's.
    """
    last = max((i for i, turn in enumerate(thread) if turn.role == "customer"), default=None)
    if last is None:
        raise ValueError("the thread has no customer's message to answer")
    question = thread[last]
    needed = count_tokens(_render(template, [question], []))
    if needed > budget:
        raise QuestionTooLong(tokens=needed, budget=budget)

    clean = [replace(p, text=passage_text(p.text)) for p in passages[: template.max_passages]]
    # The caller's indexes, since a passage that is nothing but markup is left out.
    kept = [(index, passage) for index, passage in enumerate(clean) if passage.text]
    earlier = list(thread[max(0, last - template.max_earlier_turns) : last])

    for oldest in range(len(earlier) + 1):
        turns = [*earlier[oldest:], question]
        chosen = _fit(template, turns, [p for _, p in kept], count_tokens, budget)
        if chosen:
            text = _render(template, turns, chosen)
            used = tuple(index for index, _ in kept[: len(chosen)])
            return Prompt(text=text, used=used, tokens=count_tokens(text))
    raise NoPassageFits(budget=budget)


def _fit(
    template: PromptTemplate,
    turns: Sequence[Turn],
    passages: Sequence[Passage],
    count_tokens: Callable[[str], int],
    budget: int,
) -> list[Passage]:
    chosen: list[Passage] = []
    for passage in passages:
        if count_tokens(_render(template, turns, [*chosen, passage])) <= budget:
            chosen.append(passage)
            continue
        shorter = _cut(template, turns, chosen, passage, count_tokens, budget)
        return [*chosen, shorter] if shorter else chosen
    return chosen


def _cut(
    template: PromptTemplate,
    turns: Sequence[Turn],
    chosen: Sequence[Passage],
    passage: Passage,
    count_tokens: Callable[[str], int],
    budget: int,
) -> Passage | None:
    """The longest run of whole sentences from the passage's start that fits, if there is one."""
    ends, at = [], 0
    for sentence in sentences(passage.text):
        at = passage.text.index(sentence, at) + len(sentence)
        ends.append(at)
    low, high = 0, len(ends) - 1
    while low < high:  # ends[:low] fit
        middle = (low + high + 1) // 2
        trial = replace(passage, text=passage.text[: ends[middle - 1]])
        if count_tokens(_render(template, turns, [*chosen, trial])) <= budget:
            low = middle
        else:
            high = middle - 1
    return replace(passage, text=passage.text[: ends[low - 1]]) if low else None


_CITATION_IN_REPLY = re.compile(r"[ \t]*\[\d{1,3}\]")


def parse_reply(text: str, *, template: PromptTemplate | None = None) -> str:
    """A completion as reply text: cut at the first stop marker, citations and loose space gone.

    Paragraphs stay apart by one blank line. An empty string means that the model said nothing.
    """
    template = template or DEFAULT_TEMPLATE
    text = re.sub(rf"^\s*{re.escape(template.reply)}", "", text)
    text = re.sub(r"^\s*\[\d{1,3}\]", "", text)
    cuts = [at for marker in (END_OF_TEXT, *template.stop) if (at := text.find(marker)) >= 0]
    text = text[: min(cuts)] if cuts else text
    text = _CITATION_IN_REPLY.sub("", text)
    paragraphs = (
        "\n".join(" ".join(line.split()) for line in block.split("\n") if line.strip())
        for block in re.split(r"\n[ \t]*\n", text)
    )
    return "\n\n".join(block for block in paragraphs if block)
