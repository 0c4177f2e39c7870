"""Constrained decoding: the reply can only be made of given texts, and the model chooses which.

The body is a sequence of runs of whole pieces (sentences, lists) of the passages. Wherever a piece
ends, the model weighs what may come next by its own probabilities: the piece that follows, the
beginning of any other piece, or the closing. Texts that begin alike share a path in a trie of
tokens, so that an option's probability is the product over the places where paths part, and the
probabilities of all options sum to one. What lies between two such places is forced.

So a claim can't be wrong about the passages, the body never repeats itself and always ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from generation.engine.forward import CausalForward
from generation.engine.outline import Composition, Outline

_LONGEST_PATH = 12  # tokens of an option; those that are still alike then count as one


@dataclass
class _Node:
    children: dict[int, _Node] = field(default_factory=dict)
    options: list[int] = field(default_factory=list)


class ConstrainedDecoder:
    """Composes with a causal language model of transformers, one outline at a time.

    Args:
        forward: the model's forward passes.
        encode: the tokens of a text.
        end: the token that ends a text.
        line_start: what the model's template begins every line with.
        context: prompt and reply together, in tokens.
    """

    def __init__(
        self, forward: CausalForward, encode: Any, *, end: int, line_start: str, context: int
    ) -> None:
        self.forward = forward
        self.encode = encode
        self.end = end
        self.line_start = line_start
        self.context = context

    @torch.inference_mode()
    def compose(self, outline: Outline) -> Composition | None:
        """The composition that the model and the prior prefer, decided place by place."""
        return _Composing(self, outline).run()


class _Composing:
    def __init__(self, decoder: ConstrainedDecoder, outline: Outline) -> None:
        self.decoder, self.outline = decoder, outline
        self.log_probabilities: list[float] = []
        start = decoder.line_start
        self.continued = [
            decoder.encode(f" {p.text}" if p.same_line else self._line(p.text))
            for p in outline.pieces
        ]
        self.jumped = [decoder.encode(self._line(p.text)) for p in outline.pieces]
        self.first = [decoder.encode(f"\n{self._line(p.text)}") for p in outline.pieces]
        self.ends = [
            [*decoder.encode(f"\n\n{start}{text}"), decoder.end] for text in outline.closings
        ]
        self.openings = [decoder.encode(" " + text) for text in outline.openings]
        self.refusals = [decoder.encode(" " + text) for text in outline.refusals]

    def _line(self, text: str) -> str:
        start = self.decoder.line_start
        return "\n" + start + text.replace("\n", "\n" + start)

    def run(self) -> Composition | None:
        outline = self.outline
        prompt = self.decoder.encode(outline.prompt)
        room = self.decoder.context - len(prompt)
        frame = max(map(len, self.openings)) + max(map(len, self.ends)) + _LONGEST_PATH
        if room < frame + min(map(len, self.first)):
            return None
        self.left = room - frame
        self.state, self.logits = self.decoder.forward.prefill([prompt], [1], room)

        scores = self._weigh([*self.openings, *self.refusals])
        answered = float(scores[: len(self.openings)].exp().sum())
        opening = int(scores[: len(self.openings)].argmax())
        self._write(self.openings[opening])

        runs: list[list[int]] = []
        used: set[int] = set()
        words = 0
        while True:
            last = runs[-1][-1] if runs else None
            options = self._options(last, used, words)
            piece = self._choose(options, first=last is None)
            if piece is None:
                break
            if last is not None and piece == last + 1 and outline.pieces[piece].follows:
                runs[-1].append(piece)
                written = self.continued[piece]
            else:
                runs.append([piece])
                written = self.first[piece] if last is None else self.jumped[piece]
            self._write(written)
            self.left -= len(written)
            used.add(piece)
            words += len(outline.pieces[piece].text.split())
            if len(used) >= outline.most_pieces or words >= outline.most_words:
                break
        if not runs:
            return None
        closing = int(self._weigh(self.ends).argmax())
        self._write(self.ends[closing])
        written = self.log_probabilities
        return Composition(
            opening=outline.openings[opening],
            runs=tuple(tuple(run) for run in runs),
            closing=outline.closings[closing],
            answered=answered,
            mean_log_probability=sum(written) / len(written),
            tokens=len(written) - 1,
        )

    def _options(
        self, last: int | None, used: set[int], words: int
    ) -> list[tuple[int | None, list[int], float]]:
        """(piece, tokens, nats beside the model's) of all that may come next; None is the end."""
        outline = self.outline
        found: list[tuple[int | None, list[int], float]] = []
        following = None
        if last is not None and last + 1 < len(outline.pieces) and outline.pieces[last + 1].follows:
            following = last + 1
        best = max(outline.prior)
        for number, piece in enumerate(outline.pieces):
            if number in used:
                continue
            tokens = self.first[number] if last is None else self.jumped[number]
            nats = outline.prior[number] - best - (0.0 if last is None else outline.jump)
            if number == following:
                tokens, nats = self.continued[number], 0.0
            over = words + len(piece.text.split()) > outline.most_words
            if len(tokens) <= self.left and not (over and last is not None):
                found.append((number, tokens, nats))
        if last is not None:
            more = words - outline.enough_words
            found += [(None, tokens, outline.brevity * more) for tokens in self.ends]
        return found

    def _choose(
        self, options: list[tuple[int | None, list[int], float]], *, first: bool
    ) -> int | None:
        if not options:
            return None
        own = self._weigh([tokens for _, tokens, _ in options])
        beside = torch.tensor([nats for *_, nats in options])
        return options[int((self.outline.weight * own + beside).argmax())][0]

    def _weigh(self, options: Sequence[list[int]]) -> torch.Tensor:
        """Log-probability of each option among all of them, float32 [options]."""
        root = _Node()
        for number, tokens in enumerate(options):
            node = root
            node.options.append(number)
            for token in tokens[:_LONGEST_PATH]:
                node = node.children.setdefault(token, _Node())
                node.options.append(number)
        places: list[tuple[tuple[int, ...], _Node]] = []
        open_nodes: list[tuple[tuple[int, ...], _Node]] = [((), root)]
        while open_nodes:
            path, node = open_nodes.pop()
            if len(node.children) > 1:
                places.append((path, node))
            open_nodes += [((*path, token), child) for token, child in node.children.items()]
        scores = torch.zeros(len(options))
        paths = [path for path, _ in places if path]
        seen = dict(zip(paths, self.decoder.forward.look(self.state, paths), strict=True))
        for path, node in places:
            logits = (seen[path] if path else self.logits[0]).float().cpu()
            shares = logits[list(node.children)].log_softmax(-1)
            for child, share in zip(node.children.values(), shares, strict=True):
                scores[child.options] += share
        return scores

    def _write(self, tokens: list[int]) -> None:
        logits = self.decoder.forward.extend(self.state, tokens)
        before = torch.cat([self.logits, logits[:-1]]).float()
        picked = before.log_softmax(-1).gather(
            1, torch.tensor(tokens, device=before.device)[:, None]
        )
        self.log_probabilities += picked[:, 0].tolist()
        self.logits = logits[-1:]
