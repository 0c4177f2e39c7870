"""Customers' mails with the sections of help articles that answer them, for the reranker.

A folder holds a family for each help centre: ``FAMILY/tickets.jsonl`` (in this repository under
``lab/tickets``) and ``FAMILY/articles/``, which are not ours to keep. A ticket names the sections that
answer it (``gold``) and those that a careless reader would take (``near``: another product's twin, the
reverse, what was tried already, the introduction, a sibling).
"""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from generation.gold import heading_key
from generation.training.reranker_data import Collection, Ranking, TrainingDataMissing
from retrieval.chunking import embedded_text
from retrieval.embedder import Embedder
from retrieval.hidden import blanked
from retrieval.loaders import LoadError, is_supported, load
from retrieval.passages import SearchHit
from retrieval.query import ThreadTurn, query_of
from retrieval.sections import is_aside, section_spans

MINED = 24  # sections that share a ticket's words
_NAME = re.compile(r"\[!\w+\s+([^\]]*)\]")  # [!DNL Product]


@dataclass(frozen=True)
class _Section:
    path: str
    headings: tuple[str, ...]  # as `plain`, the article's title first
    text: str  # as the reranker reads it


def plain(heading: str) -> str:
    """A heading's words alone, by which a section is found whatever marks its source has."""
    return heading_key(_NAME.sub(r"\1", heading))


def ticket_rankings(folder: Path, embedder: Embedder, rng: random.Random) -> Iterator[Ranking]:
    """The tickets of one family. `near` and the siblings of the right section are wrong; of what only
    shares the words nobody says that it answers less, so it ranks below (`near` of `Ranking`)."""
    sections = list(_sections(folder / "articles", embedder))
    by_path: dict[str, list[_Section]] = defaultdict(list)
    for section in sections:
        by_path[section.path].append(section)
    collection = Collection([section.text for section in sections], None)
    for line in (folder / "tickets.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row.get("language", "en") != "en":
            continue
        right = [one for gold in row["gold"] for one in _named(by_path, gold)]
        if row["gold"] and not right:
            continue
        paths = {section.path for section in right}
        taken = {section.text for section in right}
        wrong = [s for near in row["near"] for s in _named(by_path, near) if s.text not in taken]
        taken |= {section.text for section in wrong}
        siblings = [s for path in sorted(paths) for s in by_path[path] if s.text not in taken]
        rng.shuffle(siblings)
        whole = query_of(row["subject"], [ThreadTurn("customer", row["body"])]).text
        found = [sections[n] for n in collection.nearest(whole, 2 * MINED)]
        mined = [s.text for s in found if s.text not in taken and s.path not in paths][:MINED]
        far = [s.text for s in rng.sample(sections, k=min(4, len(sections)))]
        told = tuple(s.text for s in [*wrong, *siblings[:4]])
        asked = [whole, query_of("", [ThreadTurn("customer", row["body"])]).text]
        for question in dict.fromkeys(filter(None, asked)):
            yield Ranking(
                f"ticket:{folder.name}",
                question,
                tuple(s.text for s in right),
                tuple(mined) if right else (),
                (told or tuple(far)) if right else (*told, *mined[:8]),
            )


def _sections(articles: Path, embedder: Embedder) -> Iterator[_Section]:
    """The sections of a folder's articles, in order of their paths. Raises `TrainingDataMissing`."""
    if not articles.is_dir():
        raise TrainingDataMissing(f"{articles} is missing: make it as lab/README.md says.")
    for path in sorted(articles.rglob("*")):
        if not path.is_file() or not is_supported(path):
            continue
        try:
            article = load(path)
        except LoadError:
            continue  # an include, or a page without text
        text = blanked(article.text)
        for span in section_spans(text):
            if is_aside(span.heading_path):
                continue
            read = embedded_text(
                title=article.title,
                heading_path=span.heading_path,
                text=text[span.start : span.end],
                count_tokens=embedder.count_tokens,
            )
            inside = [
                plain(line) for line in text[span.start : span.end].split("\n") if "#" in line
            ]
            headings = tuple(plain(h) for h in (article.title, *span.heading_path))
            yield _Section(str(path.relative_to(articles)), (*headings, *inside), read)


def _named(by_path: dict[str, list[_Section]], place: dict[str, str]) -> list[_Section]:
    """The sections under a heading of an article: those that it names innermost, else those below it."""
    own: Sequence[_Section] = by_path.get(place["path"], [])
    name = plain(place["section"])
    if not name:
        return list(own[:1])
    innermost = [s for s in own if s.headings[-1] == name]
    return innermost or [s for s in own if name in s.headings]


def is_named(hit: SearchHit, path: str, section: str) -> bool:
    """Whether a section that was found is the one under a heading of an article; "" names what stands
    before the first one."""
    if hit.source != path:
        return False
    name = plain(section)
    if not name:
        return len(hit.heading_path) <= 1
    inside = [plain(line) for line in hit.text.split("\n")]
    return name in [*(plain(heading) for heading in hit.heading_path), *inside]
