"""The decode loop: parity with transformers, and drafts that don't depend on their batch."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from generation.engine import load_generator
from generation.engine.base import GenerationRequest, OutOfMemory, Sampling
from generation.engine.decoding import Row, filtered, noise_for, pick
from tests.generation.tiny_models import (  # noqa: F401
    build,
    gpt_neo_config,
    tiny_generator,
    tiny_gpt_neo_folder,
    tiny_gptj_folder,
    tiny_opt_folder,
)

QUESTION = "Customer: How do I change my delivery address? "
# From shorter than the tiny model's local window of 16 tokens to far longer.
PROMPTS = ["Reply:", QUESTION, QUESTION * 2 + "Reply: [1]", "x", QUESTION * 3, "Zürich 😀 " * 9]
SAMPLED = Sampling(n=3, temperature=1.0, top_p=0.9, top_k=40, max_new_tokens=48)


def requests_of(sampling: Sampling, prompts=PROMPTS) -> list[GenerationRequest]:
    return [GenerationRequest(prompt, seed, sampling) for seed, prompt in enumerate(prompts)]


def texts(answers) -> list[list[str]]:
    return [[completion.text for completion in completions] for completions in answers]


def reference(generator, prompt: str, new_tokens: int) -> torch.Tensor:
    """Token ids of transformers' own greedy search, end-of-text left out."""
    ids = torch.tensor([generator._encode(prompt)])
    whole = generator.model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=new_tokens,
        pad_token_id=0,
    )
    written = whole[0, ids.shape[1] :]
    return written[written != 0]


@pytest.mark.parametrize("model", ["gpt_neo", "opt", "gptj"])
def test_greedy_in_a_padded_batch_equals_transformers_alone(model, request):
    folder = request.getfixturevalue(f"tiny_{model}_folder")
    generator = load_generator(str(folder), device="cpu")
    answers = generator.generate(requests_of(replace(SAMPLED, n=1, temperature=0)))
    for prompt, [completion] in zip(PROMPTS, answers, strict=True):
        expected = reference(generator, prompt, SAMPLED.max_new_tokens)
        assert completion.text == generator._tokenizer.decode(expected).replace("\x00", "")
        assert completion.tokens == len(expected)


@pytest.mark.parametrize("model", ["gpt_neo", "opt", "gptj"])
def test_a_draft_in_a_batch_of_16_equals_the_one_made_alone(model, request):
    generator = load_generator(str(request.getfixturevalue(f"tiny_{model}_folder")), device="cpu")
    requests = requests_of(SAMPLED, [PROMPTS[i % len(PROMPTS)] for i in range(16)])
    together = generator.generate(requests)
    for request_, completions in zip(requests, together, strict=True):
        [alone] = generator.generate([request_])
        assert [c.text for c in completions] == [c.text for c in alone]
        assert [c.finish for c in completions] == [c.finish for c in alone]
        for one, other in zip(completions, alone, strict=True):
            assert one.mean_log_probability == pytest.approx(other.mean_log_probability, abs=1e-4)
    assert len({text for answer in texts(together) for text in answer}) > 40


def test_requests_with_unlike_sampling_share_a_call_and_not_their_parameters(tiny_generator):
    requests = [
        GenerationRequest("Reply:", 1, replace(SAMPLED, n=1, temperature=0)),
        GenerationRequest("Reply:", 1, replace(SAMPLED, n=2, max_new_tokens=5)),
        GenerationRequest(QUESTION, 1, replace(SAMPLED, n=1, temperature=0)),
    ]
    together = generator_texts = texts(tiny_generator.generate(requests))
    assert generator_texts == [texts(tiny_generator.generate([r]))[0] for r in requests]
    assert [len(answer) for answer in together] == [1, 2, 1]


def test_the_mean_log_probability_is_the_models_own_untempered_one(tiny_generator):
    """Checked against one plain forward over prompt and completion."""
    sampling = replace(SAMPLED, n=1, temperature=0.4, top_k=3, no_repeat_ngram=2)
    [[completion]] = tiny_generator.generate([GenerationRequest(QUESTION, 5, sampling)])
    prompt = tiny_generator._encode(QUESTION)
    row = replay_tokens(tiny_generator, QUESTION, 5, sampling)
    assert len(row) == completion.tokens
    with torch.inference_mode():
        logits = tiny_generator.model(torch.tensor([prompt + row])).logits[0]
    own = logits.log_softmax(-1)[len(prompt) - 1 : -1].gather(-1, torch.tensor(row)[:, None])
    assert completion.mean_log_probability == pytest.approx(float(own.mean()), abs=1e-4)


def replay_tokens(generator, prompt, seed, sampling) -> list[int]:
    """A second, slow decoder without a cache: the whole text anew for each token."""
    ids, row = generator._encode(prompt), Row(sampling, noise_for(seed, 0))
    with torch.inference_mode():
        while len(row.tokens) < sampling.max_new_tokens:
            logits = generator.model(torch.tensor([ids + row.tokens])).logits[:, -1]
            [token], [log_probability] = pick(logits, [row])
            if token == 0:
                break
            row.append(token, log_probability)
    return row.tokens


def test_a_temperature_draws_from_the_tempered_distribution():
    """4,000 draws against the exact probabilities: five standard errors."""
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0]])
    sampling = Sampling(temperature=0.5, top_p=1, top_k=3)
    row = Row(sampling, noise_for(1, 0))
    n = 4000
    counts = torch.zeros(4)
    for _ in range(n):
        [token], _ = pick(logits, [row])
        counts[token] += 1
    expected = torch.tensor([2.0, 1.0, 0.0]).div(0.5).softmax(-1)
    assert counts[3] == 0
    for token in range(3):
        p = float(expected[token])
        assert abs(counts[token] / n - p) < 5 * math.sqrt(p * (1 - p) / n)


def test_top_k_and_top_p_keep_the_smallest_likely_set():
    scores = torch.tensor([[0.5, 0.2, 0.2, 0.06, 0.04]]).log()

    def kept(**changes):
        values = {"top_p": 1, "top_k": 0, **changes}
        return torch.isfinite(filtered(scores, Sampling(**values)))[0].tolist()

    assert kept() == [True] * 5
    assert kept(top_k=1) == [True, False, False, False, False]
    assert kept(top_k=4) == [True, True, True, True, False]
    assert kept(top_p=0.4) == [True, False, False, False, False]
    assert kept(top_p=0.85) == [True, True, True, False, False]
    assert kept(top_p=0.95) == [True, True, True, True, False]
    assert kept(top_k=99) == [True] * 5


def test_no_run_of_tokens_comes_twice_in_the_output_but_the_prompt_may_be_repeated(tiny_generator):
    model = EchoModel(tiny_generator.model)
    generator = with_model(tiny_generator, model)
    prompt = "Reply: [1] You can change the address."
    model.script = generator._encode(prompt)[:6] * 5
    free = replace(SAMPLED, n=1, temperature=0, max_new_tokens=18)
    [[loop]] = generator.generate([GenerationRequest(prompt, 1, free)])
    ids = generator._encode(loop.text)
    assert ids[:6] * 3 == ids, "the scripted model should loop"
    [[held]] = generator.generate([GenerationRequest(prompt, 1, replace(free, no_repeat_ngram=3))])
    assert held.text.startswith(loop.text[: len(generator._tokenizer.decode(ids[:6]))])
    row = model.written
    runs = [tuple(row[i : i + 3]) for i in range(len(row) - 2)]
    assert len(runs) == len(set(runs)) > 10


def test_a_stop_text_across_tokens_is_found_and_its_tokens_arent_counted(tiny_generator):
    generator = with_model(tiny_generator, EchoModel(tiny_generator.model))
    script = generator._encode("You can. Thanks!\n\nCustomer: more")
    generator.model.script = script
    sampling = replace(SAMPLED, n=1, temperature=0, stop=("\n[", "\n\nCustomer:"))
    [[completion]] = generator.generate([GenerationRequest("Reply:", 1, sampling)])
    assert completion.text == "You can. Thanks!"
    assert completion.finish == "stop"
    assert completion.tokens == len(generator._encode("You can. Thanks!"))


def test_a_model_that_ends_at_once_gives_an_empty_completion(tiny_generator):
    generator = with_model(tiny_generator, EchoModel(tiny_generator.model))
    generator.model.script = []
    [[completion]] = generator.generate(
        [GenerationRequest("Reply:", 1, replace(SAMPLED, n=1, temperature=0))]
    )
    assert (completion.text, completion.tokens, completion.finish) == ("", 0, "empty")
    assert completion.mean_log_probability is None


def test_rows_that_ended_leave_the_batch(tiny_generator):
    model = EchoModel(tiny_generator.model)
    generator = with_model(tiny_generator, model)
    model.script = generator._encode("You can change the address.")
    long = replace(SAMPLED, n=1, temperature=0)
    model.ends_early = {0, 2}
    generator.generate(requests_of(long, PROMPTS[:4]))
    assert max(model.batch_sizes) == 4
    assert model.batch_sizes[-1] == 2


@pytest.mark.parametrize("most_rows", [5, 2, 1])
def test_halving_after_out_of_memory_changes_nothing(tiny_generator, most_rows):
    requests = requests_of(replace(SAMPLED, max_new_tokens=16), PROMPTS[:4])
    expected = texts(tiny_generator.generate(requests))
    model = SmallMemory(tiny_generator.model, most_rows)
    generator = with_model(tiny_generator, model)
    assert texts(generator.generate(requests)) == expected
    assert model.failures > 0


def test_one_sample_that_doesnt_fit_is_a_named_error(tiny_generator):
    generator = with_model(tiny_generator, SmallMemory(tiny_generator.model, 0))
    with pytest.raises(OutOfMemory, match="smaller model") as caught:
        generator.generate(requests_of(SAMPLED))
    assert caught.value.permanent


def test_other_errors_of_the_model_arent_taken_for_out_of_memory(tiny_generator):
    class Broken(Wrapped):
        def forward(self, **inputs):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    generator = with_model(tiny_generator, Broken(tiny_generator.model))
    with pytest.raises(RuntimeError, match="shapes"):
        generator.generate(requests_of(SAMPLED))


@pytest.mark.parametrize(("layers", "hidden", "heads"), [(12, 48, 12), (24, 64, 16), (32, 80, 20)])
def test_shapes_like_125m_1_3b_and_2_7b_load_and_run(tmp_path, layers, hidden, heads):
    """EleutherAI's depths, head counts and alternating layers, at narrow widths."""
    config = gpt_neo_config(
        num_layers=layers,
        hidden_size=hidden,
        num_heads=heads,
        attention_types=[[["global", "local"], layers // 2]],
        window_size=256,
        max_position_embeddings=2048,
        initializer_range=0.02,
    )
    generator = load_generator(
        str(build(tmp_path / "model", config, dtype="float16")), device="cpu"
    )
    assert generator.context_tokens == 2048
    requests = requests_of(replace(SAMPLED, n=2, max_new_tokens=4), PROMPTS[:2])
    together = texts(generator.generate(requests))
    assert together == [texts(generator.generate([r]))[0] for r in requests]
    assert next(generator.model.parameters()).dtype == torch.float32


class Wrapped(torch.nn.Module):
    """The model behind a hook: what transformers' own call sees, seen here."""

    def __init__(self, model):
        super().__init__()
        self.inner = model
        self.config, self.device = model.config, model.device
        self.generation_config = model.generation_config

    def forward(self, *, position_ids, logits_to_keep=0, **inputs):
        return self.inner(position_ids=position_ids, logits_to_keep=logits_to_keep, **inputs)


class SmallMemory(Wrapped):
    """Out of memory above so many rows, as a GPU would be."""

    def __init__(self, model, most_rows):
        super().__init__(model)
        self.most_rows, self.failures = most_rows, 0

    def forward(self, *, position_ids, logits_to_keep=0, **inputs):
        if len(inputs["input_ids"]) > self.most_rows:
            self.failures += 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().forward(position_ids=position_ids, logits_to_keep=logits_to_keep, **inputs)


class EchoModel(Wrapped):
    """The real model and its cache, with the scripted token made the likeliest at each step."""

    def __init__(self, model):
        super().__init__(model)
        self.script: list[int] = []
        self.ends_early: set[int] = set()
        self.batch_sizes: list[int] = []
        self.written: list[int] = []

    def forward(self, *, position_ids, logits_to_keep=0, **inputs):
        is_prefill = inputs["past_key_values"].get_seq_length() == 0
        output = super().forward(position_ids=position_ids, logits_to_keep=logits_to_keep, **inputs)
        ids = inputs["input_ids"]
        if is_prefill:
            self._step, self.written, self.batch_sizes = 0, [], []
        else:
            self._step += 1
            self.written.append(int(ids[0, 0]))
        self.batch_sizes.append(len(ids))
        step = self._step
        token = self.script[step] if step < len(self.script) else 0
        output.logits[:, -1, token] += 1e4
        if step == 2 and self.ends_early:
            for row in self.ends_early:
                output.logits[row, -1, 0] += 1e5
            self.ends_early = set()
        return output


def with_model(generator, model):
    """A generator of its own over the same files, with this model in place of its own."""
    other = load_generator(generator.name, device="cpu")
    other._open()
    other._decoder = other._make_decoder(model)
    return other
