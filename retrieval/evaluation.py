"""Measure retrieval on questions whose right pages are known. A page counts by its best chunk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from assistant.whole_files import written_whole
from retrieval import metrics
from retrieval.curves import roc_points
from retrieval.intervals import interval_of_auroc, interval_of_mean
from retrieval.models import Chunk
from retrieval.query import THREADS, Query, Thread, ThreadTurn, query_of
from retrieval.ranking import MODES, Mode, Ranked, default_mode, rank_many
from retrieval.scope import Scope
from retrieval.snapshots import OpenSnapshot, open_active

KS = (1, 5, 10)
BATCH = 64
DEPTH = 200  # chunks ranked for a question, so that at least ten pages are among them


class BadQuestions(ValueError):
    """A questions file that cannot be read: which line and field."""


class BadConfiguration(ValueError):
    """A configuration that names what is not known: which, and what is."""


@dataclass(frozen=True)
class Question:
    """A query and the sources (pages) that answer it; with a thread, that is what is asked."""

    id: str
    query: str
    gold: tuple[str, ...] = ()
    answerable: bool = True
    group: str | None = None  # questions of one group (a dialogue's) are drawn together
    thread: tuple[ThreadTurn, ...] = ()
    subject: str = ""


@dataclass(frozen=True)
class Configuration:
    """How to search: `mode` ("" is the installation's own), what of a `thread` is searched, whether
    several questions of one message are searched `apart`, and in which collection and language."""

    mode: Mode | Literal[""] = ""
    thread: Thread = "both"
    apart: Literal["yes", "no"] = "yes"
    collection: str = ""
    language: str = ""

    @classmethod
    def of(cls, pairs: Mapping[str, str]) -> Configuration:
        """From names and values as a command or a form gives them. Raises `BadConfiguration`."""
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(pairs) - set(known)):
            raise BadConfiguration(
                f"unknown configuration: {', '.join(unknown)}; known: {', '.join(known)}"
            )
        choices: dict[str, Sequence[str]] = {
            "mode": ("", *MODES),
            "thread": THREADS,
            "apart": ("yes", "no"),
        }
        for name, allowed in choices.items():
            if name in pairs and pairs[name] not in allowed:
                words = ", ".join(word for word in allowed if word)
                raise BadConfiguration(f"{name} {pairs[name]!r}: choose one of {words}")
        checked: dict[str, Any] = dict(pairs)
        return cls(**checked)

    def as_pairs(self) -> dict[str, str]:
        """The mode and what differs from the default, as `of` reads it."""
        pairs = {name: value for name, value in asdict(self).items() if value != DEFAULTS[name]}
        return {"mode": self.mode or default_mode(), **pairs}

    @property
    def scope(self) -> Scope:
        return Scope(
            internal=True,
            collections=(self.collection,) if self.collection else (),
            languages=(self.language,) if self.language else (),
        )

    def query(self, question: Question) -> Query:
        """The question as this configuration asks it."""
        if not question.thread and not question.subject:
            asked = query_of("", [ThreadTurn("customer", question.query)])
        else:
            turns = question.thread or (ThreadTurn("customer", question.query),)
            asked = query_of(question.subject, turns, thread=self.thread)
        return asked if self.apart == "yes" else replace(asked, parts=())


DEFAULTS: dict[str, str] = asdict(Configuration())


@dataclass(frozen=True)
class Answer:
    """What was found for a question: pages with their best chunk's score, best first."""

    id: str
    results: list[tuple[str, float]]
    answer_score: float

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "results": [{"source": source, "score": score} for source, score in self.results],
            "answer_score": self.answer_score,
        }


def run(
    questions_path: Path,
    ks: Sequence[int] = KS,
    configuration: Configuration | None = None,
    out: Path | None = None,
    on_question: Callable[[int, int], None] | None = None,
    curves: bool = False,
    against: Configuration | None = None,
) -> dict[str, Any]:
    """Evaluate a questions file (`/docs/retrieval.md` has its fields); with `out`, write each
    question's pages there, one JSON object a line; with `curves`, add points to draw; with `against`,
    add that configuration's figures on the same questions and the `difference` (`compare`).
    Raises `BadQuestions` and search's errors."""
    questions = read_questions(questions_path)
    asked = configuration or Configuration()
    answers = answers_to(questions, asked, ks=ks, on_question=on_question)
    result = figures(questions, answers, ks=ks) | {"config": asked.as_pairs()}
    if against is not None:
        others = answers_to(questions, against, ks=ks, on_question=on_question)
        result["against"] = figures(questions, others, ks=ks) | {"config": against.as_pairs()}
        result["difference"] = compare(questions, answers, others, ks=ks)
    if out is not None:
        with written_whole(out) as file:
            for answer in answers:
                file.write(json.dumps(answer.as_json(), ensure_ascii=False) + "\n")
    if curves:
        result["curves"] = answerable_curves(questions, answers)
    return result


def answers_to(
    questions: Sequence[Question],
    configuration: Configuration,
    *,
    ks: Sequence[int] = KS,
    on_question: Callable[[int, int], None] | None = None,
    by_document: bool = False,
) -> list[Answer]:
    """What a configuration finds for each question, in their order, on the active snapshot. A page is
    named by its source, or by its document's primary key where a source may stand twice."""
    snapshot = open_active()
    pages = _documents_of(snapshot) if by_document else _sources_of(snapshot)
    answers: list[Answer] = []
    for start in range(0, len(questions), BATCH):
        batch = questions[start : start + BATCH]
        ranked = rank_many(
            snapshot,
            [configuration.query(question) for question in batch],
            k=DEPTH,
            mode=configuration.mode or default_mode(),  # a broken reranker ends it
            scopes=[configuration.scope] * len(batch),
        )
        answers += [
            _answer(question, one, pages, depth=max([*ks, *KS]))
            for question, one in zip(batch, ranked, strict=True)
        ]
        if on_question:
            on_question(len(answers), len(questions))
    return answers


def _documents_of(snapshot: OpenSnapshot) -> dict[int, str]:
    documents = map(str, snapshot.document_ids.tolist())
    return dict(zip(snapshot.chunk_ids.tolist(), documents, strict=True))


def _sources_of(snapshot: OpenSnapshot) -> dict[int, str]:
    chunks = Chunk.objects.all()
    if len(snapshot.chunk_ids) < 30_000:  # the databases bound a query's parameters
        chunks = chunks.filter(pk__in=snapshot.chunk_ids.tolist())
    return dict(chunks.values_list("pk", "revision__document__source"))


def _answer(
    question: Question, ranked: Ranked, sources: Mapping[int, str], *, depth: int
) -> Answer:
    pages: dict[str, float] = {}
    for chunk_id, score in zip(ranked.chunk_ids.tolist(), ranked.scores.tolist(), strict=True):
        pages.setdefault(sources[chunk_id], score)
    best = float(ranked.dense.max()) if len(ranked.dense) else 0.0
    return Answer(question.id, list(pages.items())[:depth], best)


def figures(
    questions: Sequence[Question], answers: Sequence[Answer], *, ks: Sequence[int] = KS
) -> dict[str, Any]:
    """`hit@k` and `recall@k` for each k, `mrr@10` and `ndcg@10` over questions that have an answer,
    `answerable_auroc` over all (null unless both kinds are there), and their bootstrap `intervals`."""
    judged = judged_of(questions)
    values = values_of(questions, answers, ks=ks)
    groups = groups_of([questions[at] for at in judged])
    intervals = {name: interval_of_mean(found, groups=groups) for name, found in values.items()}
    scores = [answer.answer_score for answer in answers]
    labels = [question.answerable for question in questions]
    intervals["answerable_auroc"] = interval_of_auroc(scores, labels, groups=groups_of(questions))
    return {
        "n": len(questions),
        **{name: fmean(found) if found else None for name, found in values.items()},
        "answerable_auroc": metrics.auroc(scores, labels),
        "paired": {"figure": "hit@1", "values": values["hit@1"]}
        | ({"groups": groups} if groups else {}),  # to compare two models question by question
        "intervals": {name: found for name, found in intervals.items() if found},
    }


def judged_of(questions: Sequence[Question]) -> list[int]:
    """The places of the questions that have an answer: of these the figures speak."""
    return [at for at, question in enumerate(questions) if question.answerable and question.gold]


def values_of(
    questions: Sequence[Question], answers: Sequence[Answer], *, ks: Sequence[int] = KS
) -> dict[str, list[float]]:
    """Each figure's value for each judged question."""
    judged = [
        ([source for source, _ in answers[at].results], questions[at].gold)
        for at in judged_of(questions)
    ]
    every = sorted({*ks, *KS})
    return {
        name: [metric(ranked, gold, k) for ranked, gold in judged]
        for name, metric, k in (
            *((f"hit@{k}", metrics.hit_at, k) for k in every),
            *((f"recall@{k}", metrics.recall_at, k) for k in every),
            ("mrr@10", metrics.reciprocal_rank, 10),
            ("ndcg@10", metrics.ndcg_at, 10),
        )
    }


def groups_of(questions: Sequence[Question]) -> list[str] | None:
    """What each question is drawn together with; None where each is drawn alone."""
    if not any(question.group for question in questions):
        return None
    return [
        f"group {question.group}" if question.group else f"row {number}"
        for number, question in enumerate(questions)
    ]


def compare(
    questions: Sequence[Question],
    answers: Sequence[Answer],
    others: Sequence[Answer],
    *,
    ks: Sequence[int] = KS,
) -> dict[str, Any]:
    """How much better `answers` are than `others` on the same questions: for each figure `value`, its
    paired bootstrap `interval` (95 %: each draw takes both answers to a question), and how many
    questions `gained` and `lost` by it; and under `gained` and `lost` the ids by `mrr@10`."""
    judged = [questions[at] for at in judged_of(questions)]
    groups = groups_of(judged)
    ours, theirs = values_of(questions, answers, ks=ks), values_of(questions, others, ks=ks)
    found: dict[str, Any] = {"figures": {}, "gained": [], "lost": []}
    for name in ours:
        change = [a - b for a, b in zip(ours[name], theirs[name], strict=True)]
        found["figures"][name] = {
            "value": fmean(change) if change else None,
            "interval": interval_of_mean(change, groups=groups),
            "gained": sum(1 for value in change if value > 0),
            "lost": sum(1 for value in change if value < 0),
        }
    for question, a, b in zip(judged, ours["mrr@10"], theirs["mrr@10"], strict=True):
        if a != b:
            found["gained" if a > b else "lost"].append(question.id)
    return found


def answerable_curves(
    questions: Sequence[Question], answers: Sequence[Answer]
) -> dict[str, list[dict[str, float]]]:
    """`{"roc"}` of telling answerable questions by their answer score; empty with one kind only."""
    scores = [answer.answer_score for answer in answers]
    return {"roc": roc_points(scores, [question.answerable for question in questions])}


def read_questions(path: Path) -> list[Question]:
    """Read a `.jsonl` of questions. Raises `BadQuestions` naming line and field."""
    try:
        with path.open(encoding="utf-8") as file:
            return list(_questions(path, file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadQuestions(f"{path} cannot be read: {error}") from error


def _questions(path: Path, lines: Iterable[str]) -> Iterable[Question]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise BadQuestions(f"{where}: is not JSON: {error.msg}") from error
        if not isinstance(row, dict) or not isinstance(row.get("query"), str):
            raise BadQuestions(f"{where}, field query: a text is needed")
        gold = row.get("gold", [])
        if not isinstance(gold, list) or not all(isinstance(source, str) for source in gold):
            raise BadQuestions(f"{where}, field gold: a list of sources is needed")
        yield Question(
            id=str(row.get("id", number)),
            query=row["query"],
            gold=tuple(gold),
            answerable=bool(row.get("answerable", True)),
            group=None if row.get("group") is None else str(row["group"]),
            thread=_thread(row, where),
            subject=str(row.get("subject") or ""),
        )


def _thread(row: Mapping[str, Any], where: str) -> tuple[ThreadTurn, ...]:
    try:
        return tuple(
            ThreadTurn(str(turn["role"]), str(turn["text"])) for turn in row.get("thread") or []
        )
    except (KeyError, TypeError) as error:
        raise BadQuestions(f"{where}, field thread: a list of role and text is needed") from error
