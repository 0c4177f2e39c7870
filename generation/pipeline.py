"""The drafting pipeline, top to bottom: search, rank what the passages say, build the prompt,
generate, compose, quote, screen, ground, score, route. It writes nothing: `generation.worker` leases
and `generation.saving` saves.

A step that one question cannot pass leaves its reason on that question and the others go on; a step
that fails as a whole (a screen, the generator) is recorded as absent, and then a person decides.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from django.conf import settings

from assistant.privacy.cards import mask_card_data
from generation import choosing
from generation.composing import best_passages, body_of, outline_of
from generation.confidence import features_of
from generation.drafted import Candidate, DraftedReply, Question
from generation.engine.base import Completion, GenerationRequest, GeneratorError, Sampling
from generation.engine.outline import Composer
from generation.grounding import GROUNDING_VERSION, ground
from generation.prompts import (
    Passage,
    PromptError,
    PromptTemplate,
    Turn,
    build_prompt,
    passage_text,
)
from generation.quoting import QUOTING_VERSION, dress, quote_of, rank
from generation.registry import Models
from generation.routing import route
from generation.screening import may_be_used, read, screen_chosen, screen_drafts
from generation.whole_lists import read_with, with_whole_lists
from retrieval.neighbours import neighbour_of
from retrieval.search import EmptyIndex, SearchHit, query_of, search_many

logger = logging.getLogger(__name__)

TELLING_WORDS = 3  # of a heading that is a topic by itself; "Steps" is none


def draft_replies(questions: Sequence[Question], models: Models) -> list[DraftedReply]:
    """Draft a reply to each question, batched through every model. Rows align with `questions`."""
    standing = models.standing_problems
    replies = [DraftedReply(question, problems=list(standing)) for question in questions]
    for step in (
        read, _search, _rank, _prompt, _generate, _compose, _quote, _ground, screen_drafts, _choose,
        _score, _route,
    ):  # fmt: skip
        with _timed(step.__name__.strip("_"), replies):
            step(replies, models)
    return replies


@contextmanager
def _timed(step: str, replies: Sequence[DraftedReply]) -> Iterator[None]:
    """Charge each reply its share of a batch's seconds."""
    began = time.perf_counter()
    yield
    for reply in replies:
        reply.timings[step] = (time.perf_counter() - began) / len(replies)


def _search(replies: list[DraftedReply], models: Models) -> None:
    """Find the passages; the best one's article gives the category."""
    queries = [query_of(r.question.subject, r.question.turns, language=r.language) for r in replies]
    try:
        scopes = [r.question.scope for r in replies]
        found = search_many(queries, k=settings.PASSAGES, scopes=scopes)
    except EmptyIndex as error:
        for reply in replies:
            reply.problems.append(("empty_index", str(error)))
        return
    for reply, results in zip(replies, found, strict=True):
        reply.snapshot = results.snapshot
        for hit in results.hits:
            if may_be_used(hit.text):
                reply.hits.append(hit)
            else:
                why = f"A passage of “{hit.title}” was left out: it reads like an instruction."
                reply.problems.append(("passage_excluded", why))


def _rank(replies: list[DraftedReply], models: Models) -> None:
    """How near each sentence and list of the passages is to the question; lists made whole."""
    for reply in replies:
        ranked = rank(
            reply.question.with_history,
            [hit.text for hit in reply.hits],
            titles=[": ".join([hit.title, *hit.heading_path]) for hit in reply.hits],
            needs=reply.question.needs,
            embed=models.embed,
        )
        if ranked is not None:
            reply.ranked, reply.neighbours = with_whole_lists(ranked, reply.hits, beside=_beside)


def _beside(passage: SearchHit, after: bool) -> SearchHit | None:
    found = neighbour_of(passage, after=after)
    return found if found is not None and may_be_used(found.text) else None


def _prompt(replies: list[DraftedReply], models: Models) -> None:
    """Build each prompt around the passage that answers best; never trim the question."""
    generator = models.generator
    if generator is None:
        return
    sampling = models.sampling
    budget = generator.context_tokens - sampling.max_new_tokens
    for reply in replies:
        if not reply.hits:
            continue
        thread = [Turn(turn.role, mask_card_data(turn.text)) for turn in reply.question.turns]
        best = best_passages(reply.ranked) if reply.ranked else []
        order = list(dict.fromkeys([*best, *range(len(reply.hits))]))
        passages = [_passage(reply, place) for place in order]
        try:
            built = build_prompt(
                template=generator.template,
                thread=thread,
                passages=passages,
                count_tokens=generator.count_tokens,
                budget=budget,
            )
            reply.prompt = replace(built, used=tuple(order[place] for place in built.used))
        except PromptError as error:
            reply.problems.append(("no_prompt", str(error)))
        reply.template = generator.template


def _passage(reply: DraftedReply, place: int) -> Passage:
    hit = reply.hits[place]
    text = read_with(reply.ranked, place, hit.text) if reply.ranked else hit.text
    return Passage(hit.title, text, hit.heading_path)


def _generate(replies: list[DraftedReply], models: Models) -> None:
    """Several samples a question, all questions in one batch."""
    ready = [reply for reply in replies if reply.prompt is not None]
    if models.generator is None:
        for reply in replies:
            reply.problems.append(("no_generator", models.generator_problem))
        return
    requests = [
        GenerationRequest(reply.prompt.text, reply.question.seed, models.sampling)  # type: ignore[union-attr]
        for reply in ready
    ]
    try:
        completions = models.generator.generate(requests) if requests else []
    except GeneratorError as error:
        logger.warning("the generator could not run: %s", error)
        for reply in ready:
            reply.problems.append(("no_generator", str(error)))
        return
    for reply, samples in zip(ready, completions, strict=True):
        reply.generator = models.generator_identity
        reply.sampling = models.sampling.as_dict()
        reply.samples = [_sample(reply, models, completion) for completion in samples]
        if not any(sample.body for sample in reply.samples):
            reply.notes.append(("empty_completion", "The model itself wrote nothing usable."))


def _sample(reply: DraftedReply, models: Models, completion: Completion) -> Candidate:
    body = choosing.usable_body(completion.text, template=reply.template, finish=completion.finish)
    return Candidate(
        kind="generated",
        body=body,
        text=_dressed(reply, body),
        offsets=[source.start for source in reply.sources],
        seed=reply.question.seed,
        mean_log_probability=completion.mean_log_probability,
        tokens=completion.tokens,
        finish=completion.finish,
    )


def _compose(replies: list[DraftedReply], models: Models) -> None:
    """The constrained candidate, where the generator can be constrained: parts of the passages."""
    generator = models.generator
    if not isinstance(generator, Composer):
        return
    drafts = []
    for reply in replies:
        if reply.prompt is None or reply.ranked is None:
            continue
        topic = _topic(reply.hits[reply.prompt.used[0]])
        draft = outline_of(
            reply.ranked,
            reply.ranked.scores,
            prompt=reply.prompt.text,
            passages={*reply.prompt.used, *best_passages(reply.ranked)},
            topic=topic,
        )
        if draft:
            drafts.append((reply, draft))
    try:
        compositions = generator.compose([draft.outline for _, draft in drafts])
    except GeneratorError as error:
        logger.warning("the generator could not compose: %s", error)
        return
    for (reply, draft), composition in zip(drafts, compositions, strict=True):
        if composition is None:
            continue
        reply.generator = reply.generator or models.generator_identity
        body = body_of(draft, composition)
        reply.composed = Candidate(
            kind="constrained",
            body=body,
            text=_dressed(reply, f"{composition.opening}\n\n{body}\n\n{composition.closing}"),
            offsets=[source.start for source in reply.sources],
            mean_log_probability=composition.mean_log_probability,
            tokens=composition.tokens,
            unmet=composition.unmet,
        )


def _topic(hit: SearchHit) -> str:
    """What a passage is about: its innermost heading where that says enough, or its article's title."""
    names = [" ".join(passage_text(part).split()) for part in (*hit.heading_path[-1:], hit.title)]
    return next((name for name in names if len(name.split()) >= TELLING_WORDS), names[-1])


def _quote(replies: list[DraftedReply], models: Models) -> None:
    """The quoted candidate: the best-supported sentences of the passages."""
    for reply in replies:
        quoted = quote_of(reply.ranked) if reply.ranked else None
        near = [hit.dense_score for hit in reply.hits]
        if quoted is not None and not choosing.is_answered(near, quoted.relevance):
            quoted = None
        reply.candidates = [sample for sample in reply.samples if sample.body]
        if reply.composed is not None:
            reply.candidates.append(reply.composed)
        if quoted is None:
            if reply.snapshot is not None:
                nothing = "Nothing in the knowledge base answers this."
                reply.problems.append(("nothing_found", nothing))
            # without evidence the composer starts empty, whatever the model wrote
            reply.candidates = []
            continue
        reply.candidates.append(
            Candidate(
                kind="quoted",
                body=quoted.text,
                text=_dressed(reply, quoted.text),
                offsets=[source.start for source in reply.sources],
                unmet=quoted.unmet,
            )
        )


def _dressed(reply: DraftedReply, body: str) -> str:
    if not body:
        return ""
    return dress(body, first_name=reply.question.first_name, signature=settings.SIGNATURE)


def _ground(replies: list[DraftedReply], models: Models) -> None:
    """Each sentence's kind, support and evidence; each candidate's relevance to the question."""
    for reply in replies:
        if not reply.candidates:
            continue
        texts = [reply.question.text, *(candidate.body for candidate in reply.candidates)]
        vectors = models.embed(texts)
        for candidate, vector in zip(reply.candidates, vectors[1:], strict=True):
            candidate.relevance = float(np.clip(vectors[0] @ vector, -1.0, 1.0))
            candidate.sentences = ground(
                candidate.text,
                [source.text for source in reply.sources],
                embed=models.embed,
                question=_restated(reply, candidate),
            )
            if candidate.kind == "generated":
                passages = [source.text for source in reply.sources]
                candidate.spliced = any(
                    choosing.is_splice(claim.text, passages) for claim in candidate.claims
                )


def _restated(reply: DraftedReply, candidate: Candidate) -> str:
    """What an opening may restate and claim nothing: the question, and in a composed reply, whose
    opening can't be altered, the title of the passage that the model read."""
    if candidate.kind != "constrained" or reply.prompt is None:
        return reply.question.text
    hits = [reply.hits[place] for place in reply.prompt.used]
    titles = [passage_text(text) for hit in hits for text in (hit.title, *hit.heading_path)]
    return "\n".join([reply.question.text, *titles])


def _choose(replies: list[DraftedReply], models: Models) -> None:
    """A model's candidate wins when it is all supported and answers at least as well."""
    for reply in replies:
        reply.candidates, reply.chosen = choosing.choose(reply.candidates)
        chosen = reply.chosen
        if chosen is None:
            reply.screens.toxicity_draft = reply.screens.leaks = False  # there is nothing to screen
            continue
        screen_chosen(reply, chosen, models)
        reply.screens_record["grounding"] = GROUNDING_VERSION
        reply.screens_record["quoting"] = QUOTING_VERSION


def _score(replies: list[DraftedReply], models: Models) -> None:
    """A probability from named features, by a model that a command has fitted."""
    for reply in replies:
        if reply.hits and reply.chosen:
            reply.category = reply.hits[0].category or "uncategorised"
            cited = [s.evidence for s in reply.chosen.claims if s.evidence is not None]
            if cited:
                best = max(set(cited), key=cited.count)
                reply.category = reply.sources[best].category or "uncategorised"
        else:
            reply.category = "uncategorised"
        if reply.chosen is None:
            continue
        reply.features = features_of(
            question=reply.question.text,
            retrieval_scores=[hit.dense_score or 0.0 for hit in reply.hits],
            sentences=reply.chosen.sentences,
            mean_log_probability=_sureness(reply.chosen),
            samples=[sample.body for sample in reply.samples],
            text=reply.chosen.body,
            kind=reply.chosen.kind,
            relevance=reply.chosen.relevance,
        )
        if models.confidence is not None:
            reply.confidence = models.confidence.probability(reply.features)
            reply.confidence_model = models.confidence
            reply.calibrated_here = models.calibrated_here


def _sureness(candidate: Candidate) -> float | None:
    """The log-probability of words that the model was free to choose; a composed reply has none."""
    return candidate.mean_log_probability if candidate.kind == "generated" else None


def _route(replies: list[DraftedReply], models: Models) -> None:
    """Where the draft goes, and why, in words."""
    for reply in replies:
        policy = models.policy_of(reply.category)
        reply.route = route(
            confidence=reply.confidence,
            calibrated_here=models.calibrated_here,
            policy_allows=policy is not None and policy.auto_approve,
            threshold=policy.threshold if policy else 1.0,
            screens=reply.screens,
            supported=reply.chosen is not None and reply.chosen.supported,
            kind=reply.chosen.kind if reply.chosen else "none",
            has_text=reply.chosen is not None,
            problems=reply.problems,
        )


def sampling_from_settings(template: PromptTemplate) -> Sampling:
    """The installation's sampling parameters, bounded by what the model was trained for."""
    return Sampling(
        n=settings.SAMPLES,
        temperature=settings.TEMPERATURE,
        top_p=settings.TOP_P,
        top_k=settings.TOP_K,
        max_new_tokens=min(settings.MAX_NEW_TOKENS, template.new_tokens),
        stop=template.stop,
        no_repeat_ngram=8,
    )
