"""LangChain's seam, both ways."""

from __future__ import annotations

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake import FakeListLLM
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import PromptTemplate
from langchain_core.runnables import RunnableLambda

from generation.engine import load_generator
from generation.engine.base import GenerationRequest, GeneratorUnavailable, Sampling
from generation.engine.langchain_generator import LangChainGenerator
from generation.engine.langchain_llm import CountersignLLM
from tests.generation.tiny_models import tiny_generator, tiny_gpt_neo_folder  # noqa: F401

SAMPLED = Sampling(temperature=1.0, max_new_tokens=16)


@pytest.fixture
def llm(tiny_generator) -> CountersignLLM:
    return CountersignLLM(generator=tiny_generator, sampling=SAMPLED, seed=3)


def ask(generator, **sampling):
    [[completion]] = generator.generate([GenerationRequest("Reply:", 1, Sampling(**sampling))])
    return completion


def test_our_llm_says_what_the_generator_says(llm, tiny_generator):
    [[expected]] = tiny_generator.generate([GenerationRequest("Reply: [1]", 3, SAMPLED)])
    assert llm.invoke("Reply: [1]") == expected.text
    [[generation]] = llm.generate(["Reply: [1]"]).generations
    assert generation.generation_info == {
        "finish": expected.finish,
        "tokens": expected.tokens,
        "mean_log_probability": expected.mean_log_probability,
        "seed": 3,
    }


def test_our_llm_runs_a_batch_at_once_and_each_prompt_as_if_alone(llm):
    prompts = ["Reply:", "Customer: Where is my parcel? Reply: [1]", "Reply: [1] You"]
    assert llm.batch(prompts) == [llm.invoke(prompt) for prompt in prompts]


def test_our_llm_takes_seed_sampling_and_stop_by_the_call(llm):
    free = llm.invoke("Reply:", temperature=0)
    assert llm.invoke("Reply:", temperature=0, seed=9) == free
    assert llm.invoke("Reply:", seed=9) != llm.invoke("Reply:")
    assert llm.invoke("Reply:", temperature=0, stop=[free[3]]) == free[: free.index(free[3])]
    assert len(llm.generate(["Reply:"], n=3).generations[0]) == 3
    with pytest.raises(TypeError, match="temprature"):
        llm.invoke("Reply:", temprature=0)


def test_our_llm_runs_in_a_chain_with_callbacks(llm):
    seen = []

    class Listener(BaseCallbackHandler):
        def on_llm_start(self, serialized, prompts, **kwargs):
            seen.append(prompts)

        def on_llm_end(self, response, **kwargs):
            seen.append(response.generations[0][0].text)

    chain = PromptTemplate.from_template("Customer: {question} Reply:") | llm | StrOutputParser()
    text = chain.invoke({"question": "Where is it?"}, config={"callbacks": [Listener()]})
    assert seen == [["Customer: Where is it? Reply:"], text]
    assert llm._llm_type == "countersign"


def test_our_llm_counts_with_the_models_own_tokenizer(llm, tiny_generator):
    assert llm.get_num_tokens("Where is it?") == tiny_generator.count_tokens("Where is it?")


def test_a_missing_provider_package_is_an_error_that_names_it():
    with pytest.raises(GeneratorUnavailable, match="langchain-fireworks") as caught:
        load_generator("langchain:fireworks:llama-v3").warm_up()
    assert caught.value.permanent


@pytest.mark.parametrize("setting", ["langchain:", "langchain:openai", "langchain::gpt-4o"])
def test_a_setting_without_provider_or_model_is_refused(setting):
    with pytest.raises(GeneratorUnavailable, match="langchain:provider:model"):
        load_generator(setting)


def test_an_unknown_provider_is_refused():
    with pytest.raises(GeneratorUnavailable, match="provider"):
        load_generator("langchain:nobody:model").warm_up()


def test_the_setting_decides_name_and_digest():
    one = load_generator("langchain:openai:gpt-4o-mini")
    assert one.name == "langchain:openai:gpt-4o-mini"
    assert one.digest == load_generator("langchain:openai:gpt-4o-mini").digest
    assert one.digest != load_generator("langchain:openai:gpt-4o").digest


def test_absent_log_probabilities_are_recorded_as_absent():
    completion = ask(LangChainGenerator(FakeListLLM(responses=["You can."])))
    assert completion.text == "You can."
    assert completion.mean_log_probability is None
    assert completion.finish == "stop"


def test_what_a_chat_model_tells_of_tokens_and_length_is_kept():
    message = AIMessage(
        content=[{"type": "text", "text": "You can "}, {"type": "text", "text": "change it"}],
        usage_metadata={"input_tokens": 9, "output_tokens": 41, "total_tokens": 50},
        response_metadata={"finish_reason": "length"},
    )
    completion = ask(LangChainGenerator(FakeMessagesListChatModel(responses=[message])))
    assert (completion.text, completion.tokens) == ("You can change it", 41)
    assert completion.finish == "length"


def test_a_model_that_doesnt_keep_to_the_length_is_cut_between_characters():
    generator = LangChainGenerator(FakeListLLM(responses=["é" * 100]))
    completion = ask(generator, max_new_tokens=5)
    assert completion.text == "é" * 7
    assert (completion.tokens, completion.finish) == (5, "length")


def test_an_empty_answer_is_empty():
    assert ask(LangChainGenerator(FakeListLLM(responses=[" \n"]))).finish == "empty"


@pytest.mark.parametrize(("status", "permanent"), [(401, True), (429, False), (None, False)])
def test_a_provider_that_fails_is_named_and_says_whether_to_try_again(status, permanent):
    class ProviderError(Exception):
        status_code = status

    def fail(prompt: str) -> str:
        raise ProviderError("no")

    with pytest.raises(GeneratorUnavailable, match="ProviderError") as caught:
        ask(LangChainGenerator(RunnableLambda(fail), identity="fails"))
    assert caught.value.permanent is permanent


def test_a_hosted_model_is_made_with_the_requests_temperature_and_length():
    made = []

    def make(sampling: Sampling):
        made.append((sampling.temperature, sampling.max_new_tokens))
        return FakeListLLM(responses=["Yes."])

    generator = LangChainGenerator(make, name="hosted", identity="x", context_tokens=500)
    ask(generator, temperature=0.2, max_new_tokens=30)
    ask(generator, temperature=0.2, max_new_tokens=30)
    assert made == [(0.2, 30)]
