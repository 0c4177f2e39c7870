"""What is measured on drafts and replies: the figures, and each one's confidence interval.

A figure is a mean over rows, or a sum over a sum, or a corpus BLEU; every one is drawn again by rows
(or by the groups that rows name) for its interval. Pure but for the two scorers that are imported
where they are used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from generation.evidence import Stock, claim_of, units_of
from generation.facts import facts_of
from generation.grounding import GroundedSentence
from generation.sentences import LIST_MARKER, split_sentences
from retrieval.curves import reliability_table, roc_points
from retrieval.intervals import (
    Groups,
    interval_of,
    interval_of_auroc,
    interval_of_mean,
    interval_of_ratio,
)
from retrieval.metrics import auroc

Row = dict[str, Any]


class Figures:
    """Collects figures and their intervals: `summary()` is one flat JSON object."""

    def __init__(self, n: int, *, groups: Groups = None) -> None:
        self._groups = groups
        self._values: Row = {"n": n}
        self._intervals: Row = {}

    def mean(self, name: str, values: Sequence[float | bool | None], *, digits: int = 4) -> None:
        """The mean over the rows that have a value; None (and no interval) where none has."""
        known = [float(value) for value in values if value is not None]
        self._values[name] = round(float(np.mean(known)), digits) if known else None
        self._keep(name, interval_of_mean(values, groups=self._groups))

    def ratio(self, name: str, over: Sequence[float], under: Sequence[float]) -> None:
        """sum(over) / sum(under) with one entry a row, such as flagged claims of claims."""
        whole = sum(under)
        self._values[name] = round(sum(over) / whole, 6) if whole else None
        self._keep(name, interval_of_ratio(over, under, groups=self._groups))

    def texts(self, texts: Sequence[str], references: Sequence[str]) -> None:
        """`sacrebleu`, `token_f1`, `rouge_l` (see `text_metrics`)."""
        from rouge_score.rouge_scorer import RougeScorer

        scorer = RougeScorer(["rougeL"], use_stemmer=True)
        pairs = list(zip(texts, references, strict=True))
        statistics = _bleu_statistics(texts, references)
        if pairs:
            self._values["sacrebleu"] = round(_bleu(statistics.sum(0)), 2)
            interval = interval_of(
                lambda w: np.array([_bleu(sums) for sums in w @ statistics]),
                len(pairs),
                groups=self._groups,
            )
            self._keep("sacrebleu", interval)
        self.mean("token_f1", [token_f1(text, ref) for text, ref in pairs])
        self.mean("rouge_l", [scorer.score(ref, text)["rougeL"].fmeasure for text, ref in pairs])

    def ranking(
        self, name: str, scores: Sequence[float], labels: Sequence[int | bool], *, groups: Groups
    ) -> None:
        """The area under the ROC curve, or None where only one class is there."""
        area = auroc(scores, [bool(label) for label in labels])
        self._values[name] = None if area is None else round(area, 4)
        self._keep(name, interval_of_auroc(scores, labels, groups=groups))

    def derived(self, name: str, source: str, change: Callable[[float], float]) -> None:
        """A figure that rises with another one, such as 2 to the power of it."""
        value = self._values[source]
        self._values[name] = None if value is None else round(change(value), 6)
        if source in self._intervals:
            self._intervals[name] = [round(change(end), 4) for end in self._intervals[source]]

    def _keep(self, name: str, interval: list[float] | None) -> None:
        if interval is not None:
            self._intervals[name] = interval

    def summary(self) -> Row:
        return {**self._values, "intervals": self._intervals}


def merged(parts: Sequence[Figures]) -> Row:
    """The summaries as one; `n` is the first one's."""
    summaries = [part.summary() for part in parts]
    values = {k: v for summary in reversed(summaries) for k, v in summary.items()}
    intervals = {k: v for summary in summaries for k, v in summary["intervals"].items()}
    return {**values, "n": summaries[0]["n"], "intervals": intervals}


def groups_of(rows: Sequence[Row]) -> list[str] | None:
    """What `group` the rows name; a row without one stands for itself. None where none names one."""
    if not any("group" in row for row in rows):
        return None
    return [f"group {row['group']}" if "group" in row else f"row {i}" for i, row in enumerate(rows)]


def curves_of(scores: Sequence[float], labels: Sequence[int | bool]) -> Row:
    """`{"roc", "reliability"}` to draw; the table only where scores are probabilities."""
    curves: Row = {"roc": roc_points(scores, labels)}
    if scores and min(scores) >= 0 and max(scores) <= 1:
        curves["reliability"] = reliability_table(scores, labels)
    return curves


# ---- texts against references --------------------------------------------------------------------


def text_metrics(texts: Sequence[str], references: Sequence[str]) -> Row:
    """Corpus SacreBLEU (Post 2018), mean SQuAD token F1 (Rajpurkar et al. 2016), mean ROUGE-L F."""
    figures = Figures(len(texts))
    figures.texts(texts, references)
    return {k: v for k, v in figures.summary().items() if k not in ("n", "intervals")}


def _bleu_statistics(texts: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """Float64 [n, 10]: each text's matched and possible n-grams of 1 to 4, and both lengths."""
    from sacrebleu.metrics.bleu import BLEU

    bleu = BLEU()
    scored = [bleu.sentence_score(text, [ref]) for text, ref in zip(texts, references, strict=True)]
    return np.array(
        [[*s.counts, *s.totals, s.sys_len, s.ref_len] for s in scored], dtype=np.float64
    )


def _bleu(sums: np.ndarray) -> float:
    from sacrebleu.metrics.bleu import BLEU

    *counts, sys_len, ref_len = (int(value) for value in sums)
    score = BLEU.compute_bleu(
        counts[:4], counts[4:], sys_len, ref_len, smooth_method="exp", max_ngram_order=4
    )
    return float(score.score)


def token_f1(text: str, reference: str) -> float:
    """Harmonic mean of precision and recall over words without punctuation, case and articles."""
    got, wanted = _words(text), _words(reference)
    if not got or not wanted:
        return float(got == wanted)
    rest = list(wanted)
    common = 0
    for word in got:
        if word in rest:
            rest.remove(word)
            common += 1
    if not common:
        return 0.0
    precision, recall = common / len(got), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


def _words(text: str) -> list[str]:
    kept = "".join(c.lower() if c.isalnum() else " " for c in text)
    return [word for word in kept.split() if word not in {"a", "an", "the"}]


# ---- single drafts -------------------------------------------------------------------------------


def unsupported_facts(
    sentences: Sequence[GroundedSentence],
    passages: Sequence[str],
    *,
    titles: Sequence[str] = (),
    question: str = "",
) -> list[str]:
    """The kinds of the draft's facts that stand in no passage that it cites, one entry a fact.

    A passage is cited where a sentence points to it as its evidence. A fact is a number, date, URL,
    address or name of a claim; a number, date, URL or address of a courtesy that the question
    doesn't hold either; and a step (a claim that is a list item) that its evidence doesn't support.
    `titles` (of each passage, headings included) are part of it: replies restate the topic by them.
    """
    cited = sorted({s.evidence for s in sentences if s.evidence is not None})
    shown = [text for i in cited for text in (passages[i], *titles[i : i + 1])]
    held = _stock(shown)
    known = _stock([*shown, question])
    found: list[str] = []
    for sentence in sentences:
        if sentence.kind == "courtesy":
            found += [fact.kind for fact in facts_of(sentence.text) if not known.has(fact)]
            continue
        claim = claim_of(sentence.text)
        found += [fact.kind for fact in (*claim.facts, *claim.names) if not held.has(fact)]
        if LIST_MARKER.match(sentence.text) and not sentence.supported:
            found.append("step")
    return found


def _stock(texts: Sequence[str]) -> Stock:
    return Stock(texts, units_of(texts))


_ENDED = re.compile(r"[.!?:;…。！？][\"'”’»)\]*_`]*$")
_WEB_ADDRESS = re.compile(r"(?:https?://|www\.|[\w.+-]+@)\S+$")


def is_cut_off(text: str, passages: Sequence[str]) -> bool:
    """Whether a paragraph of the text stops in mid-sentence.

    A paragraph has ended where it closes with punctuation or an address, or where a passage's own
    sentence, list item or heading ends with the same words (articles leave out many full stops).
    """
    ends: set[str] | None = None
    for paragraph in re.split(r"\n\s*\n", text):
        last = next((s.text for s in reversed(split_sentences(paragraph))), "").strip()
        if not last or _ENDED.search(last) or _WEB_ADDRESS.search(last):
            continue
        if ends is None:
            ends = {_ending(s.text) for passage in passages for s in split_sentences(passage)}
            ends |= {_ending(line) for passage in passages for line in passage.splitlines()}
        if _ending(last) not in ends:
            return True
    return False


def _ending(sentence: str) -> str:
    """Its last three words, without marks."""
    return " ".join(re.findall(r"[^\W_]+", sentence.lower())[-3:])


_NO_ANSWER = re.compile(
    r"\b(?:do(?:es)?(?: not|n['’]t)|can(?:not| not|['’]t)|could(?: not|n['’]t)|(?:are|is|am|were) unable to|"
    r"nothing|no (?:article|passage|page|information|answer))\b.{0,80}"
    r"\b(?:answers?|covers?|says?|mentions?|explains?|describes?|find|found|question|know)\b",
    re.I | re.S,
)
_ABOUT_US = re.compile(
    r"\b(?:articles?|passages?|pages?|help centre|knowledge base|information|we|i|colleague|specialist)\b",
    re.I,
)


def declines(text: str, claims: Sequence[str]) -> bool:
    """Whether a draft leaves the question to a person: no text, nothing claimed, or it says so.

    "Says so" is a claim such as "our articles don't say": of the draft's first two claims one, so
    that a long answer that ends with a limit isn't taken for it.
    """
    if not text.strip() or not claims:
        return True
    return any(_NO_ANSWER.search(claim) and _ABOUT_US.search(claim) for claim in claims[:2])
