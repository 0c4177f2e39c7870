"""What every generator promises: GPT-Neo, other causal models, and LangChain's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from langchain_core.language_models.fake import FakeListLLM
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.runnables import RunnableLambda

from generation.engine import load_generator
from generation.engine.base import (
    Completion,
    GenerationRequest,
    Generator,
    PromptTooLong,
    Sampling,
)
from generation.engine.langchain_generator import LangChainGenerator
from generation.engine.langchain_llm import CountersignLLM
from generation.prompts import PromptTemplate
from tests.generation.tiny_models import (  # noqa: F401
    tiny_generator,
    tiny_gpt_neo_folder,
    tiny_gptj_folder,
    tiny_opt_folder,
)

ANSWER = "Thank you for asking. You can change the address in your account.\nCustomer: thanks"
SAMPLED = Sampling(n=2, temperature=1.0, top_p=0.9, top_k=40, max_new_tokens=24)


@pytest.fixture(
    scope="module",
    params=["gpt-neo", "opt", "gpt-j", "langchain-llm", "langchain-chat", "runnable", "our-llm"],
)
def generator(request: pytest.FixtureRequest) -> Generator:
    if request.param == "gpt-neo":
        return request.getfixturevalue("tiny_generator")
    if request.param in ("opt", "gpt-j"):
        folder = request.getfixturevalue(f"tiny_{request.param.replace('-', '')}_folder")
        return load_generator(str(folder), device="cpu")
    if request.param == "langchain-llm":
        return LangChainGenerator(FakeListLLM(responses=[ANSWER]))
    if request.param == "langchain-chat":
        return LangChainGenerator(FakeListChatModel(responses=[ANSWER]))
    if request.param == "runnable":
        return LangChainGenerator(RunnableLambda(lambda prompt: ANSWER), identity="a lambda")
    ours = CountersignLLM(generator=request.getfixturevalue("tiny_generator"), sampling=SAMPLED)
    return LangChainGenerator(ours, context_tokens=256)


def ask(prompt: str, *, seed: int = 1, **changes: object) -> GenerationRequest:
    return GenerationRequest(prompt, seed, replace(SAMPLED, **changes))


def test_it_is_a_generator_with_a_name_a_digest_and_a_template(generator: Generator):
    assert isinstance(generator, Generator)
    assert generator.name
    assert len(bytes.fromhex(generator.digest)) == 32
    assert isinstance(generator.template, PromptTemplate)
    assert 0 < generator.template.context_tokens <= generator.context_tokens


def test_warming_up_twice_is_as_good_as_once(generator: Generator):
    generator.warm_up()
    digest = generator.digest
    generator.warm_up()
    assert generator.digest == digest


def test_the_token_count_grows_with_the_text(generator: Generator):
    assert generator.count_tokens("") <= 1
    short, long = generator.count_tokens("a parcel"), generator.count_tokens("a parcel " * 20)
    assert 0 < short < long


def test_no_request_gives_no_completion(generator: Generator):
    assert generator.generate([]) == []


def test_each_request_gets_its_n_completions_in_the_order_of_the_requests(generator: Generator):
    requests = [ask("Reply:", n=3), ask("A longer prompt than the others. Reply:", n=1), ask("R:")]
    answers = generator.generate(requests)
    assert [len(completions) for completions in answers] == [3, 1, 2]
    for completions in answers:
        for completion in completions:
            assert isinstance(completion, Completion)
            assert completion.finish in ("stop", "length", "empty")
            assert (completion.finish == "empty") == (not completion.text.strip())


def test_max_new_tokens_holds(generator: Generator):
    [[completion]] = generator.generate([ask("Reply:", n=1, max_new_tokens=3)])
    assert completion.tokens <= 3
    if completion.finish == "length":
        assert completion.tokens == 3


def test_a_completion_ends_before_a_stop_text(generator: Generator):
    free = generator.generate([ask("Reply:", n=1, temperature=0, max_new_tokens=24)])[0][0]
    stop = free.text[6:8]
    assert stop, "the model says too little for this test"
    [[cut]] = generator.generate(
        [ask("Reply:", n=1, temperature=0, max_new_tokens=24, stop=(stop, "never said"))]
    )
    assert stop not in cut.text
    assert cut.text == free.text[: free.text.index(stop)]
    assert cut.finish == "stop"
    assert cut.tokens < free.tokens


def test_a_log_probability_is_one_or_is_absent(generator: Generator):
    [[completion]] = generator.generate([ask("Reply:", n=1)])
    if completion.mean_log_probability is None:
        assert not generator.replayable
    else:
        assert completion.mean_log_probability <= 0


def test_a_replayable_one_gives_the_same_text_again(generator: Generator):
    if not generator.replayable:
        pytest.skip("a hosted model promises no replay")
    requests = [ask("Reply: [1]", seed=9, n=3)]
    first, again = generator.generate(requests), generator.generate(requests)
    assert first == again
    assert len({completion.text for completion in first[0]}) == 3
    assert generator.generate([ask("Reply: [1]", seed=10, n=3)]) != first


def test_a_prompt_over_the_context_is_refused_by_its_index(generator: Generator):
    long = "word " * 9 * generator.context_tokens
    with pytest.raises(PromptTooLong) as caught:
        generator.generate([ask("short"), ask(long)])
    assert caught.value.index == 1
    assert caught.value.permanent


def test_a_completion_holds_no_nul_and_survives_utf_8(generator: Generator):
    for seed in range(3):
        for completion in generator.generate([ask("Zürich 😀 €", seed=seed)])[0]:
            assert "\x00" not in completion.text
            completion.text.encode("utf-8")
