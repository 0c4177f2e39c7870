"""No draft where none is wanted: what asks nothing, other languages; and what is really missing."""

from __future__ import annotations

from typing import Any

import pytest

from generation import choosing, registry
from generation.drafted import DraftedReply, Question
from generation.pipeline import draft_replies
from generation.prompts import Turn
from retrieval.models import Collection
from retrieval.scope import Scope
from tests.generation.test_pipeline import (  # noqa: F401  (fixtures)
    articles,
    ask,
    codes,
    drafted,
    knowledge,
    models,
    receive,
    tiny_gpt_neo,
)

pytestmark = pytest.mark.django_db
RESTART = "How do I restart the thermostat?"
ANSWER = "Hi Ana,\n\nHold the ring for ten seconds.\n\nKind regards\nBen"


def reply_to(
    models: registry.Models, *messages: str, subject: str = "", **more: Any
) -> DraftedReply:
    """Drafted for a thread: customer and agent in turn."""
    turns = tuple(
        Turn("agent" if place % 2 else "customer", text) for place, text in enumerate(messages)
    )
    (reply,) = draft_replies([Question(subject=subject, turns=turns, **more)], models)
    return reply


def reasons(reply: DraftedReply) -> list[str]:
    return [reason.code for reason in reply.route.reasons]


@pytest.mark.usefixtures("knowledge")
class TestAsksNothing:
    @pytest.mark.parametrize(
        "text", ["Thanks, that worked!", "👍", "Danke, hat geklappt!", "I am out of the office until 5 May with limited access to email."]
    )  # fmt: skip
    def test_it_gets_no_draft_and_says_why(self, models: registry.Models, text: str) -> None:
        reply = reply_to(models, RESTART, ANSWER, text)
        assert reply.chosen is None
        assert not reply.samples
        assert reply.route.state == "in_review"
        assert reasons(reply) == ["no_reply_needed"]
        assert "no reply is needed" in reply.route.reasons[0].text

    @pytest.mark.parametrize(
        "text", ["Thanks, that worked! How do I change my password?", "It didn't work, thanks."]
    )
    def test_a_question_after_thanks_is_one(self, models: registry.Models, text: str) -> None:
        assert "no_reply_needed" not in reasons(reply_to(models, RESTART, ANSWER, text))

    def test_it_is_saved_and_told_in_the_same_batch_as_questions(
        self, models: registry.Models
    ) -> None:  # fmt: skip
        thanks, question = draft_replies([ask("Thank you, it works!"), ask(RESTART)], models)
        assert (thanks.chosen, question.chosen is None) == (None, False)
        draft = drafted(receive("Thank you, it works!"))
        assert (draft.state, draft.chosen) == ("in_review", None)
        assert codes(draft) == {"no_reply_needed"}
        assert not draft.sources.exists()


@pytest.mark.usefixtures("knowledge")
class TestOtherLanguages:
    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("Wie starte ich mein Thermostat neu? Es reagiert nicht.", "German"),
            ("Comment redémarrer le thermostat ? Il ne répond plus.", "French"),
            ("كيف أعيد تشغيل منظم الحرارة؟", "Arabic"),
            ("Hvordan genstarter jeg min termostat?", "Danish"),
        ],
    )
    def test_they_get_no_draft_but_what_was_found(
        self, models: registry.Models, text: str, name: str
    ) -> None:  # fmt: skip
        reply = reply_to(models, text)
        assert (reply.chosen, reply.candidates, reply.samples) == (None, [], [])
        assert "language" in reasons(reply)
        assert "nothing_found" not in reasons(reply)  # it may well be covered
        assert name in next(r.text for r in reply.route.reasons if r.code == "language")

    def test_a_footer_or_a_quotation_does_not_decide(self, models: registry.Models) -> None:
        english = f"{RESTART}\n\nDiese E-Mail enthält vertrauliche Informationen. Wenn Sie nicht der richtige Adressat sind, informieren Sie uns."
        assert reply_to(models, english).chosen is not None
        german = "Wie starte ich mein Thermostat neu?\n\n> Hold the ring for ten seconds. The display goes dark.\n> Let go when the logo appears."
        assert reply_to(models, german).chosen is None

    def test_too_few_words_go_to_a_person_with_a_draft(self, models: registry.Models) -> None:
        reply = reply_to(models, "Mera thermostat restart kaise?")
        assert {"language", "language_covered_unavailable"} & set(reasons(reply))
        assert reply.route.state == "in_review"


@pytest.mark.usefixtures("knowledge")
class TestWhatIsMissing:
    def test_weak_passages_and_no_passage_are_told_apart(
        self, models: registry.Models, monkeypatch: pytest.MonkeyPatch
    ) -> None:  # fmt: skip
        monkeypatch.setattr(choosing, "LEAST_ANSWER", 1.01)
        reply = reply_to(models, RESTART)
        assert ("nothing_found", "Articles were found, but none is near enough to answer this.") in reply.problems  # fmt: skip

    def test_an_internal_article_is_named(self, models: registry.Models) -> None:
        Collection.objects.create(name="open", visibility="public")
        Collection.objects.filter(name="help").update(visibility="internal")
        reply = reply_to(models, RESTART, scope=Scope())
        assert {"nothing_open", "only_closed"} & set(reasons(reply))
        assert "nothing_found" not in reasons(reply)


def test_a_forwarded_question_is_answered(knowledge: None, models: registry.Models) -> None:
    header = (
        "From: Ana <ana@example.org>\nSent: Monday\nTo: Help <help@example.com>\nSubject: It\n\n"
    )
    reply = reply_to(models, f"Please handle.\n\n{header}{RESTART}", subject="FW: It")
    assert reply.chosen is not None
    assert "Hold the ring for ten seconds." in reply.chosen.body


def test_what_is_not_wanted_is_not_quoted(knowledge: None, models: registry.Models) -> None:
    text = "I do NOT want to return a parcel, I only want to change my password."
    reply = reply_to(models, text)
    assert reply.chosen is not None
    assert "Open Settings and choose Security." in reply.chosen.body
    assert "label" not in reply.chosen.body
