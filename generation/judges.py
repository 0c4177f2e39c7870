"""A judge's file: drafts beside their tickets and what the articles say, for a reader who built neither.

The tickets come in an order drawn by a seed, numbered; nothing tells an id, a model, a confidence or
which run wrote a draft. The key's file says which number is which ticket. What the judge writes is
read by `generation.verdicts`. Pure.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from generation.gold import Gold, facts_of_row, gold_of

Row = dict[str, Any]
SectionText = Callable[[Gold, str], str | None]  # of an article, by heading

LONGEST_SECTION = 6_000  # characters of a section that are shown
_ROUTINE = ("confidence", "policy", "there is no draft")  # reasons that say nothing of the ticket

RUBRIC = """\
# Drafts to judge

You are a support lead. Each number is a customer's mail, the draft that an assistant laid before your
agent, what the company's articles say about it, and the key facts that a good reply states. Judge what
would happen with the draft **as it stands**: it is the text that the customer would get.

Write one JSON object a line for each number:

    {"n": 1, "verdict": "light", "cause": "", "facts_stated": 2, "facts_total": 2}

`verdict`, where the articles answer the mail:

- `send`: you would send it as it is. It answers what was asked, says nothing false, and reads well enough.
- `light`: under a minute's edit: delete a sentence, add a word.
- `heavy`: it rests on the right source but has to be rewritten: half of the answer, the wrong part of the
  right section, steps without their beginning.
- `over`: start over: it does not help, or it misleads.
- `declined`: there is no draft, or the draft leaves the question to a person.

A draft that answers for another product, system or version than the customer's, or whose only advice is
what the customer has tried already, is at best `heavy`.

`verdict`, where the articles do not answer the mail (it says so there):

- `declined`: there is no draft, or the draft says that it can't answer or asks what is missing.
- `drafted`: the draft reads as if it answered.

`cause`, for `heavy`, `over` and `drafted`, and for a `declined` that had an answer, in few words and the
same words each time: `wrong article`, `wrong section`, `cut` (the right section, and what matters is left
out), `half` (one of two needs), `contradicts` (already tried, or another product, system or version),
`artefact` (markup, a broken list, a dangling "the following"), `not asked` (much besides), `no draft`, or
your own.

`facts_total` is the number of key facts listed, `facts_stated` how many of them the draft states, in
whatever words, so that the customer would know them. Both are 0 where none are listed.

Read the mail first, then the draft, then the articles. Judge each number by itself.
"""


def key_path(path: Path) -> Path:
    """Where the key of a judge's file lies: beside it."""
    return path.with_name(f"{path.stem}.key.jsonl")


def judge_file(
    tickets: Sequence[Row],
    drafts: Sequence[Row],
    section_text: SectionText,
    *,
    seed: int,
    count: int | None = None,
) -> tuple[str, list[Row], Row]:
    """(Markdown, key, summary) of `evaluate drafts` rows and the tickets they were drafted from.

    `section_text(gold, heading)` gives an article's text, None where it isn't there; `count` draws as
    many tickets by the seed. The key has a row `{"n", "id", "answerable", "language"}` a ticket; the
    summary counts, and names under `sections_missing` what the articles don't hold. Raises BadGold.
    """
    made = {row["id"]: row for row in drafts}
    rows = [row for row in tickets if row["id"] in made]
    rng = random.Random(f"judge:{seed}")
    drawn = rng.sample(rows, min(count or len(rows), len(rows)))
    missing: list[str] = []
    parts, key = [RUBRIC], []
    for number, row in enumerate(drawn, start=1):
        gold = gold_of(row)
        parts += [
            f"---\n\n## {number}",
            f"### {number}: the customer's mail\n\n{_mail(row)}",
            f"### {number}: the draft\n\n{_draft(made[row['id']])}",
            f"### {number}: what the articles say\n\n{_articles(row, gold, section_text, missing)}",
        ]
        if facts := facts_of_row(row):
            listed = "\n".join(f"{place}. {fact}" for place, fact in enumerate(facts, start=1))
            parts.append(f"### {number}: key facts ({len(facts)})\n\n{listed}")
        key.append(
            {
                "n": number,
                "id": row["id"],
                "answerable": bool(row.get("answerable", True)),
                "language": row.get("language") or "en",
            }
        )
    summary: Row = {
        "n": len(key),
        "answerable": sum(row["answerable"] for row in key),
        "sections_missing": missing,
        "seed": seed,
    }
    return "\n\n".join(parts) + "\n", key, summary


def _mail(row: Row) -> str:
    thread = row.get("thread") if isinstance(row.get("thread"), list) else None
    turns = thread or [{"role": "customer", "text": row.get("body") or ""}]
    told = [f"**Subject: {' '.join(str(row.get('subject') or '').split())}**"]
    for turn in turns:
        who = "" if len(turns) == 1 else f"{turn['role']}:\n\n"
        told.append(who + _quoted(str(turn["text"])))
    return "\n\n".join(told)


def _draft(draft: Row) -> str:
    if draft["text"].strip():
        return _quoted(draft["text"])
    why = [r for r in draft.get("reasons", []) if not any(w in r.lower() for w in _ROUTINE)]
    return f"(no draft: {' '.join(why)})" if why else "(no draft)"


def _articles(row: Row, gold: Sequence[Gold], find: SectionText, missing: list[str]) -> str:
    if not row.get("answerable", True):
        why = str(row.get("why_unanswerable") or "").strip()
        return " ".join(["**The articles do not answer this mail.**", why]).strip()
    several = len({one.need for one in gold}) > 1
    told = ["Each of the needs has its section." if several else ""] if several else []
    if not several and sum(max(1, len(one.sections)) for one in gold) > 1:
        told = ["Any of these is right."]
    for one in gold:
        for heading in one.sections or ("",):
            text = find(one, heading)
            if text is None:
                missing.append(f"{row['id']}: {one.path}: {heading}")
                text = "(not found)"
            need = f" (need {one.need})" if several else ""
            name = f"`{one.path}`, “{heading}”" if heading else f"`{one.path}`"
            told.append(f"From {name}{need}:\n\n{_quoted(_shortened(text))}")
    return "\n\n".join(told) or "(the row names no article)"


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_SECTION:
        return text
    return f"{text[:LONGEST_SECTION].rstrip()}\n\n(… it goes on)"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())
