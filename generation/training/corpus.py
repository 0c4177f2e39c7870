"""Records as token arrays with loss weights, and batches of similar length in a seeded order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerFast

from generation.prompts import (
    END_OF_TEXT,
    PromptError,
    PromptTemplate,
    build_prompt,
    render_completion,
    sentences,
)
from generation.training.records import Record, vary

# Constrained decoding lets the model choose only where a run of sentences begins and where the body
# ends, so that is what most of the loss is about; copying what lies between is learnt already.
REPLY_WEIGHT = 1.0
FIRST_WORD_WEIGHT = 4.0
BOUNDARY_WEIGHT = 2.0
COPY_WEIGHT = 0.4
PROMPT_WEIGHT = 0.3
PROMPT_SHARE = 0.05


@dataclass(frozen=True)
class Corpus:
    """Encoded records end to end: record i is ``[starts[i]:starts[i + 1]]`` of both arrays.

    ``tokens`` uint16 [n]; ``weights`` float16 [n], the loss weight of predicting that token.
    """

    tokens: np.ndarray
    weights: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.starts)

    def save(self, path: Path) -> None:
        np.savez(path, tokens=self.tokens, weights=self.weights, starts=self.starts)

    @classmethod
    def load(cls, path: Path) -> Corpus:
        with np.load(path) as data:
            return cls(data["tokens"], data["weights"], data["starts"])


def render(
    record: Record, template: PromptTemplate, tokenizer: PreTrainedTokenizerFast
) -> tuple[str, str]:
    """(prompt, completion) as the model reads them; raises PromptError where nothing fits."""

    def count(text: str) -> int:
        return len(text) // 3 if len(text) < 1800 else len(tokenizer.encode(text))

    prompt = build_prompt(
        template=template,
        thread=record.thread,
        passages=record.passages,
        count_tokens=count,
        budget=template.context_tokens - template.new_tokens,
    )
    return prompt.text, render_completion(template, record.paragraphs)


def encode_records(
    records: Sequence[Record],
    *,
    template: PromptTemplate,
    tokenizer: PreTrainedTokenizerFast,
    seed: int,
) -> Corpus:
    """All records, varied (`records.vary`) and weighted; those too long for the context go."""
    rng = random.Random(f"encode:{seed}")
    dice = np.random.default_rng(seed)
    tokens: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    for record in records:
        varied = vary(record, rng)
        try:
            prompt, completion = render(varied, template, tokenizer)
        except PromptError:
            continue
        before, after = tokenizer.encode(prompt), tokenizer.encode(completion)
        ids = np.array(before + after, dtype=np.uint16)
        if len(ids) > template.context_tokens or len(after) > template.new_tokens:
            continue
        weight = np.full(len(ids), REPLY_WEIGHT, dtype=np.float16)
        weight[: len(before)] = PROMPT_WEIGHT * (dice.random(len(before)) < PROMPT_SHARE)
        if varied.body:
            weight[len(before) :] = _reply_weights(varied, completion, template, tokenizer)
        tokens.append(ids)
        weights.append(weight)
    starts = np.concatenate(([0], np.cumsum([len(ids) for ids in tokens]))).astype(np.int64)
    return Corpus(np.concatenate(tokens), np.concatenate(weights), starts)


def _reply_weights(
    record: Record, completion: str, template: PromptTemplate, tokenizer: PreTrainedTokenizerFast
) -> np.ndarray:
    """Weight of each token of the completion, float16: more where a sentence of the body begins."""
    encoded = tokenizer(completion, return_offsets_mapping=True)
    ends = np.array([end for _, end in encoded["offset_mapping"]])
    start = len(render_completion(template, (record.opening,)).removesuffix(END_OF_TEXT) + "\n\n")
    end = start + len(template.line_start + record.body.replace("\n", "\n" + template.line_start))
    weights = np.full(len(ends), REPLY_WEIGHT, dtype=np.float16)
    weights[(ends > start) & (ends <= end)] = COPY_WEIGHT
    first = int(np.searchsorted(ends, start, side="right"))
    weights[first : first + 2] = FIRST_WORD_WEIGHT
    at = start
    for sentence in sentences(record.body):  # what follows a sentence: another one, or the end
        at = completion.index(sentence, at) + len(sentence)
        after = int(np.searchsorted(ends, at, side="right"))
        weights[after : after + 2] = BOUNDARY_WEIGHT
    return weights


def plan_batches(corpus: Corpus, *, batch_tokens: int, seed: int) -> list[np.ndarray]:
    """Record numbers of each batch of one pass: padded size at most ``batch_tokens``.

    Shuffled, then sorted by length within pools of records, so that batches have little padding
    and still a random mixture of sources; the order of the batches is shuffled again.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(corpus))
    lengths = corpus.lengths
    batches: list[np.ndarray] = []
    for at in range(0, len(order), 1024):
        pool = order[at : at + 1024]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        made: list[np.ndarray] = []
        current: list[int] = []
        for number in pool:
            if current and lengths[number] * (len(current) + 1) > batch_tokens:
                made.append(np.array(current))
                current = []
            current.append(number)
        if current:
            made.append(np.array(current))
        batches += [made[i] for i in rng.permutation(len(made))]
    return batches


def padded(corpus: Corpus, numbers: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(ids int64 [batch, length], weights float32 [batch, length]), padded right with zeros."""
    spans = [(int(corpus.starts[n]), int(corpus.starts[n + 1])) for n in numbers]
    width = max(end - start for start, end in spans)
    ids = np.zeros((len(spans), width), dtype=np.int64)
    weights = np.zeros((len(spans), width), dtype=np.float32)
    for row, (start, end) in enumerate(spans):
        ids[row, : end - start] = corpus.tokens[start:end]
        weights[row, : end - start] = corpus.weights[start:end]
    return ids, weights
