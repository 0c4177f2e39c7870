"""Constrained decoding: whole parts of the passages and nothing else, the same in any company."""

from __future__ import annotations

from dataclasses import replace

import pytest

from generation.engine.base import Generator
from generation.engine.langchain_generator import LangChainGenerator
from generation.engine.outline import Composer, Outline, Piece
from tests.generation.tiny_models import (  # noqa: F401
    tiny_generator,
    tiny_gpt_neo_folder,
)

PIECES = (
    Piece("You can change the address until the parcel leaves."),
    Piece("You can change it twice.", follows=True, same_line=True),
    Piece("Do this:\n1. Open the account.\n2. Press Save.", follows=True),
    Piece("We refund the price."),
    Piece("We refund the price within 30 days.", follows=True, same_line=True),
)
OUTLINE = Outline(
    prompt="Customer: How do I change my address?\n\n[1] Orders\nYou can.\n\nReply: [1]",
    openings=("Thank you for asking.", "Thank you."),
    pieces=PIECES,
    closings=("Please write again.", "Bye."),
    prior=((0.0,) * len(PIECES),),
    refusals=("We can't tell.",),
    brevity=0.0,
)
VARIED = [
    replace(OUTLINE, prompt=f"{OUTLINE.prompt} {word}", jump=jump)
    for word in ("now", "Zürich 😀", "address " * 20, "x")
    for jump in (0.0, 50.0, -50.0)
]


def chosen(composition) -> list[int]:
    return [piece for run in composition.runs for piece in run]


def test_only_engines_that_can_constrain_offer_it(tiny_generator):
    assert isinstance(tiny_generator, Composer)
    assert isinstance(tiny_generator, Generator)
    assert not issubclass(LangChainGenerator, Composer)


@pytest.mark.parametrize("outline", VARIED)
def test_a_composition_is_made_of_whole_parts_said_once_and_ends(tiny_generator, outline):
    [found] = tiny_generator.compose([outline])
    pieces = chosen(found)
    assert found.opening in outline.openings
    assert found.closing in outline.closings
    assert 1 <= len(pieces) <= outline.most_pieces
    assert len(set(pieces)) == len(pieces)
    for run in found.runs:
        assert all(PIECES[number].follows for number in run[1:])
        assert list(run) == list(range(run[0], run[0] + len(run)))
    assert 0 < found.answered < 1
    assert found.mean_log_probability < 0


def test_a_composition_is_the_same_alone_and_among_others(tiny_generator):
    together = tiny_generator.compose(VARIED)
    assert together == [tiny_generator.compose([outline])[0] for outline in VARIED]
    assert together == tiny_generator.compose(VARIED[::-1])[::-1]
    assert len({tuple(chosen(found)) for found in together}) > 1  # the prompt has a say


@pytest.mark.parametrize("wanted", range(len(PIECES)))
def test_a_strong_prior_decides_where_the_body_begins(tiny_generator, wanted):
    prior = tuple(200.0 * (number == wanted) for number in range(len(PIECES)))
    [found] = tiny_generator.compose([replace(OUTLINE, prior=(prior,))])
    assert found.runs[0][0] == wanted


def test_a_body_goes_on_until_each_need_is_met(tiny_generator):
    def wants(number):
        return tuple(300.0 * (piece == number) for piece in range(len(PIECES)))

    [one] = tiny_generator.compose(
        [replace(OUTLINE, prior=(wants(2),), brevity=1e3, enough_words=0)]
    )
    assert (chosen(one), one.unmet) == ([2], 0)
    eager = replace(OUTLINE, prior=(wants(2), wants(0)), unmet=1e6, brevity=1e3, enough_words=0)
    [both] = tiny_generator.compose([eager])
    assert (sorted(chosen(both)), both.unmet) == ([0, 2], 0)
    [cut] = tiny_generator.compose([replace(eager, most_pieces=1)])
    assert (len(chosen(cut)), cut.unmet) == (1, 1)


def test_the_option_weights_are_probabilities_and_agree_with_the_model_run_plainly(tiny_generator):
    import torch

    from generation.engine.constrained import ConstrainedDecoder, _Composing

    decoder = ConstrainedDecoder(
        tiny_generator._decoder.forward, tiny_generator._encode, end=0, line_start="", context=256
    )
    composing = _Composing(decoder, OUTLINE)
    prompt = decoder.encode(OUTLINE.prompt)
    with torch.inference_mode():
        composing.state, composing.logits = decoder.forward.prefill([prompt], [1], 100)
        scores = composing._weigh(composing.first)
        assert float(scores.exp().sum()) == pytest.approx(1.0, abs=1e-5)
        for number, tokens in enumerate(composing.first):
            score = 0.0
            for at, token in enumerate(tokens):
                beginning = tokens[:at]
                rivals = {other[at] for other in composing.first if other[:at] == beginning}
                if len(rivals) > 1 and at < 12:
                    logits = tiny_generator.model(torch.tensor([prompt + beginning])).logits[0, -1]
                    among = logits[sorted(rivals)].log_softmax(-1)
                    score += float(among[sorted(rivals).index(token)])
            assert float(scores[number]) == pytest.approx(score, abs=1e-3)


def test_the_body_goes_on_until_it_has_enough_words_and_stops_at_the_most(tiny_generator):
    long = replace(OUTLINE, enough_words=40, brevity=100.0, most_pieces=5)
    [found] = tiny_generator.compose([long])
    assert len(chosen(found)) == len(PIECES)
    short = replace(long, most_words=6)
    [found] = tiny_generator.compose([short])
    assert len(chosen(found)) == 1


def test_what_does_not_fit_the_context_gives_no_composition(tiny_generator):
    outline = replace(OUTLINE, prompt=OUTLINE.prompt * 12)
    assert tiny_generator.compose([outline, OUTLINE])[0] is None


@pytest.mark.parametrize(
    "change",
    [
        {"pieces": (), "prior": ((),)},
        {"openings": ()},
        {"prior": ((0.0,),)},
        {"prior": ((float("nan"),) * 5,)},
    ],
)
def test_an_outline_that_allows_nothing_is_refused(change):
    with pytest.raises(ValueError, match="outline needs"):
        replace(OUTLINE, **change)
