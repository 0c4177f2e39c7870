"""The decode loop: one prefill a prompt, many samples, each with its own random numbers.

Tokens are picked by the Gumbel-max trick: the largest of log-probability plus Gumbel noise is a
draw from the distribution (Gumbel 1954; Maddison et al. 2014, "A* sampling"). The noise comes from
one generator a sample, so what else is in the batch can't change a draw; transformers' own
`generate` has one random state for the whole batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from generation.engine.base import Completion, Finish, GenerationRequest, Sampling


@dataclass(frozen=True)
class Work:
    """One prompt (token ids), and which of its request's samples to make from it."""

    request: GenerationRequest
    ids: list[int]
    samples: tuple[int, ...]


@dataclass
class Row:
    """One sample in the making. `tokens` holds what is written so far, end-of-text left out."""

    sampling: Sampling
    noise: torch.Generator | None
    tokens: list[int] = field(default_factory=list)
    log_probabilities: list[float] = field(default_factory=list)
    followers: dict[tuple[int, ...], list[int]] = field(default_factory=dict)
    finish: Finish | None = None
    text: str | None = None

    def banned(self) -> list[int]:
        """Tokens that would complete a run which this completion holds already."""
        size = self.sampling.no_repeat_ngram
        if not size or len(self.tokens) < size - 1:
            return []
        return self.followers.get(tuple(self.tokens[len(self.tokens) - size + 1 :]), [])

    def append(self, token: int, log_probability: float) -> None:
        self.tokens.append(token)
        self.log_probabilities.append(log_probability)
        size = self.sampling.no_repeat_ngram
        if size and len(self.tokens) >= size:
            run = tuple(self.tokens[-size:])
            self.followers.setdefault(run[:-1], []).append(run[-1])


def noise_for(seed: int, sample: int) -> torch.Generator:
    """The random numbers of one sample: the same on every machine, device and batch."""
    key = hashlib.sha256(f"countersign {seed} {sample}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(key[:8], "big") >> 1)


def pick(logits: torch.Tensor, rows: Sequence[Row]) -> tuple[list[int], list[float]]:
    """A token for each row, and its log-probability in the model's own distribution.

    `logits` is float [rows, vocabulary]; all rows have the same sampling but for their noise.
    """
    logits = logits.float()
    sampling = rows[0].sampling
    scores = logits
    for number, row in enumerate(rows):
        if banned := row.banned():
            if scores is logits:
                scores = logits.clone()
            scores[number, banned] = float("-inf")
    if sampling.greedy:
        chosen = scores.argmax(-1)
    else:
        noise = torch.empty(scores.shape)
        for number, row in enumerate(rows):
            assert row.noise is not None
            noise[number].exponential_(generator=row.noise)
        gumbel = -noise.log_().to(scores.device)
        chosen = (filtered(scores / sampling.temperature, sampling) + gumbel).argmax(-1)
    own = logits.gather(-1, chosen[:, None])[:, 0] - logits.logsumexp(-1)
    return chosen.tolist(), own.tolist()


def filtered(scores: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Scores with -inf outside the top k, then outside the nucleus of top p of what is left.

    Tokens that tie with the last one kept are kept too. The nucleus is that of Holtzman et al.
    2020, "The curious case of neural text degeneration".
    """
    size = scores.shape[-1]
    if not (0 < sampling.top_k < size) and sampling.top_p == 1:
        return scores
    k = min(sampling.top_k or size, size)
    best = scores.topk(k, sorted=True).values
    last = best[:, -1:]
    if sampling.top_p < 1:
        probabilities = best.softmax(-1)
        before = probabilities.cumsum(-1) - probabilities
        kept = (before < sampling.top_p).sum(-1, keepdim=True)
        last = best.gather(-1, kept - 1)
    return scores.masked_fill(scores < last, float("-inf"))


class Decoder:
    """Decodes batches with a causal language model of transformers.

    Args:
        forward: the model's forward passes (`prefill`, `step`, `select`).
        tokenizer: a tokenizer of transformers.
        end_tokens: ids of the tokens that end a text.
    """

    def __init__(self, forward: Any, tokenizer: Any, end_tokens: frozenset[int]) -> None:
        self.forward = forward
        self.tokenizer = tokenizer
        self.end_tokens = end_tokens

    @torch.inference_mode()
    def run(self, work: Sequence[Work]) -> list[list[Completion]]:
        """The completions of each piece of work. All must have the same sampling.

        A row that has ended leaves the batch, so that long ones don't pay for short ones.
        """
        rows = [
            Row(
                item.request.sampling,
                None if item.request.sampling.greedy else noise_for(item.request.seed, sample),
            )
            for item in work
            for sample in item.samples
        ]
        active = list(rows)
        room = work[0].request.sampling.max_new_tokens
        state, logits = self.forward.prefill(
            [item.ids for item in work], [len(item.samples) for item in work], room
        )
        while True:
            tokens, log_probabilities = pick(logits, active)
            going = []
            for number, row in enumerate(active):
                self._advance(row, tokens[number], log_probabilities[number])
                if row.finish is None:
                    going.append(number)
            if not going:
                break
            if len(going) < len(active):
                active = [active[number] for number in going]
                tokens = [tokens[number] for number in going]
                self.forward.select(state, going)
            logits = self.forward.step(state, tokens)
        finished = iter(rows)
        return [[self._completion(next(finished)) for _ in item.samples] for item in work]

    def _advance(self, row: Row, token: int, log_probability: float) -> None:
        if token in self.end_tokens:
            row.finish = "stop"
            return
        row.append(token, log_probability)
        if self._stopped(row):
            row.finish = "stop"
        elif len(row.tokens) >= row.sampling.max_new_tokens:
            row.finish = "length"

    def _stopped(self, row: Row) -> bool:
        """Looks for a stop text; where there is one, cuts the row before it."""
        stops = row.sampling.stop
        if not stops:
            return False
        # A token holds a byte or more, so a stop text that has just ended lies in this tail; the
        # few tokens more are for a character that starts outside.
        tail = max(len(stop.encode()) for stop in stops) + 4
        if not any(stop in self._decode(row.tokens[-tail:]) for stop in stops):
            return False
        text = self._decode(row.tokens)
        cuts = [at for stop in stops if (at := text.find(stop)) >= 0]
        if not cuts:
            return False
        row.text = text[: min(cuts)]
        while row.tokens and len(self._decode(row.tokens[:-1])) >= len(row.text):
            row.tokens.pop()
            row.log_probabilities.pop()
        return True

    def _decode(self, tokens: list[int]) -> str:
        return str(
            self.tokenizer.decode(
                tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )

    def _completion(self, row: Row) -> Completion:
        text = self._decode(row.tokens) if row.text is None else row.text
        written = row.log_probabilities
        mean = sum(written) / len(written) if written else None
        finish = row.finish or "length"
        return Completion(text, len(row.tokens), mean, finish if text.strip() else "empty")
