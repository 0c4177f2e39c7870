"""Grounding: a true sentence keeps its support; one changed digit, name or "not" takes it away."""

import numpy as np
import pytest

from generation.grounding import SUPPORT_THRESHOLD, ground, score_pair
from retrieval.embedder import get_embedder

PASSAGES = [
    "## Returns\n\nYou can return a Tether Plug within 30 days of delivery. Refunds are paid within "
    "5 working days. You cannot return a plug that was opened unless it is faulty. Send the parcel "
    "without batteries. Opened alarms are never refunded. The offer ends on March 12, 2027.",
    "## Reset\n\nTo reset the Ember Mini:\n\n1. Hold the button for 7 seconds.\n2. Wait until the "
    "light blinks white.\n3. Open the **Larkmantel** app and choose **Add device**.\n\nThe Ember "
    "Mini restarts after 10 seconds. The Ember Pro restarts after 20 seconds. You must enable "
    "Bluetooth before you pair the Roost Hub.",
    "## Contact\n\nWrite to help@larkmantel.example or read https://larkmantel.example/returns first. "
    "The office opens at 9 a.m. on weekdays. The Plus plan costs $4.50 per month and includes two "
    "cameras. Only administrators may delete a home.",
]
TRUE = [
    "You can return a Tether Plug within 30 days of delivery.",
    "Refunds are paid within 5 working days.",
    "You cannot return a plug that was opened unless it is faulty.",
    "Send the parcel without batteries.",
    "Opened alarms are never refunded.",
    "The offer ends on March 12, 2027.",
    "Hold the button for 7 seconds.",
    "Open the Larkmantel app and choose Add device.",
    "The Ember Mini restarts after 10 seconds.",
    "The Ember Pro restarts after 20 seconds.",
    "You must enable Bluetooth before you pair the Roost Hub.",
    "Write to help@larkmantel.example or read https://larkmantel.example/returns first.",
    "The office opens at 9 a.m. on weekdays.",
    "The Plus plan costs $4.50 per month and includes two cameras.",
    "Only administrators may delete a home.",
]
PARAPHRASED = [
    "You have 30 days from delivery to return a Tether Plug.",
    "We pay refunds within five working days.",
    "The offer ends on 12 March 2027.",
    "Please hold the button for seven seconds.",
    "An opened plug cannot be returned unless it's faulty.",
    "Yes, you can return the Tether Plug within thirty days of delivery.",
    "Enable Bluetooth before pairing the Roost Hub.",
    "The Plus plan is $4.50 a month and includes 2 cameras.",
    "After 10 seconds, the Ember Mini restarts.",
    "Our office opens at 9:00 am on weekdays.",
]
CHANGED = {
    "number": [
        "You can return a Tether Plug within 60 days of delivery.",
        "You can return a Tether Plug within 5 days of delivery.",
        "You can return a Tether Plug within 30 weeks of delivery.",
        "Refunds are paid within fifteen working days.",
        "Hold the button for 17 seconds.",
        "The Plus plan costs $4.05 per month and includes two cameras.",
        "The Plus plan costs $4.50 per month and includes three cameras.",
        "The Plus plan costs €4.50 per month and includes two cameras.",
        "The Ember Mini restarts after 20 seconds.",
        "The Ember Pro restarts after ten seconds.",
    ],
    "date": [
        "The offer ends on March 13, 2027.",
        "The offer ends on March 12, 2028.",
        "The offer ends on 12 May 2027.",
        "The office opens at 9 p.m. on weekdays.",
        "The office opens at 10 a.m. on weekdays.",
    ],
    "negation": [
        "You cannot return a Tether Plug within 30 days of delivery.",
        "You can not return a Tether Plug within 30 days of delivery.",
        "You can't return a Tether Plug within 30 days of delivery.",
        "Refunds are not paid within 5 working days.",
        "You can return a plug that was opened unless it is faulty.",
        "You cannot return a plug that was opened.",
        "Send the parcel with batteries.",
        "Opened alarms are refunded.",
        "Opened alarms are always refunded.",
        "Never hold the button for 7 seconds.",
        "Don't open the Larkmantel app.",
        "You can return a Tether Plug within 30 days of delivery unless it is white.",
        "The Plus plan does not include two cameras.",
        "The Ember Mini doesn't restart after 10 seconds.",
    ],
    "opposite": [
        "You must disable Bluetooth before you pair the Roost Hub.",
        "You must enable Bluetooth after you pair the Roost Hub.",
        "The office closes at 9 a.m. on weekdays.",
    ],
    "name": [
        "You can return a Roost Hub within 30 days of delivery.",
        "You must enable Zigbee before you pair the Roost Hub.",
        "You must enable Bluetooth before you pair the Ember Pro.",
        "The Family plan costs $4.50 per month and includes two cameras.",
        "Open the Cloudberry app and choose Add device.",
    ],
    "address": ["Write to help@larkmantle.example first.", "Write to sales@larkmantel.example."],
    "url": [
        "Read https://larkmantel.example/refunds first.",
        "Read https://larkmantel.test/returns first.",
    ],
}  # fmt: skip
UNSUPPORTED = [
    "Your camera records in the dark.",
    "We will send you a voucher for the inconvenience.",
    "The hub also works with other makers' lamps.",
]


@pytest.fixture(scope="module")
def embed():
    """The real MiniLM, asked for most texts in one batch, and for none twice."""
    encode = get_embedder().encode
    changed = [text for texts in CHANGED.values() for text in texts]
    texts = [*TRUE, *PARAPHRASED, *changed, *UNSUPPORTED]
    known = dict(zip(texts, encode(texts), strict=True))

    def remembered(texts):
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, encode(new) if new else [], strict=True))
        return np.stack([known[text] for text in texts])

    return remembered


def one(text, embed, **options):
    (sentence,) = ground(text, PASSAGES, embed=embed, **options)
    return sentence


@pytest.mark.parametrize("text", TRUE)
def test_a_sentence_of_a_passage_is_supported_by_its_own_span(text, embed):
    found = one(text, embed)
    assert found.kind == "claim"
    assert found.supported
    assert found.support > 0.85
    assert not found.flags
    span = PASSAGES[found.evidence][found.evidence_start : found.evidence_end]
    assert text.rstrip(".")[:12] in span.replace("**", "")


@pytest.mark.parametrize("text", PARAPHRASED)
def test_a_paraphrase_keeps_its_support(text, embed):
    found = one(text, embed)
    assert found.supported, found


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in CHANGED.items() for text in texts]
)
def test_one_changed_item_takes_the_support_away(kind, text, embed):
    found = one(text, embed)
    assert found.kind == "claim"
    assert found.support < SUPPORT_THRESHOLD, found
    assert not found.supported


@pytest.mark.parametrize("text", UNSUPPORTED)
def test_what_no_passage_says_is_not_supported(text, embed):
    assert not one(text, embed).supported


@pytest.mark.parametrize(
    ("text", "code", "item"),
    [
        ("Refunds are paid within 45 working days.", "number_without_evidence", "45"),
        ("Refunds are paid by April 3.", "date_without_evidence", "April 3"),
        ("Read https://other.example/a first.", "url_without_evidence", "https://other.example/a"),
        (
            "Write to boss@larkmantel.example.",
            "address_without_evidence",
            "boss@larkmantel.example",
        ),
        ("You can return a Glance sensor.", "name_without_evidence", "Glance"),
    ],
)
def test_an_item_that_stands_in_no_passage_is_flagged_where_it_stands(text, code, item, embed):
    draft = f"Hi Anna,\n\n1. {text}"
    sentence = ground(draft, PASSAGES, embed=embed)[-1]
    assert [(f.code, draft[f.start : f.end]) for f in sentence.flags] == [(code, item)]


def test_an_item_that_stands_in_another_passage_is_no_flag_but_no_support_either(embed):
    found = one("Refunds are paid within 30 days.", embed)
    assert found.flags == []
    assert not found.supported


@pytest.mark.parametrize(
    "text",
    [
        "Hi Anna,", "Hello,", "Dear Mr. Smith,", "Thank you for your message.",
        "Thanks for getting in touch about your plug.", "I'm sorry to hear that your plug is broken.",
        "We apologise for the inconvenience.", "I hope this helps.",
        "Just reply to this message if anything is still unclear.",
        "Please let us know if you need anything else.", "Have a nice day!", "Kind regards,",
        "If you have any questions, please contact us.", "We're happy to help.",
    ],
)  # fmt: skip
def test_courtesies_need_no_evidence(text, embed):
    found = one(text, embed)
    assert (found.kind, found.support, found.supported) == ("courtesy", None, True)


def test_the_lines_after_a_sign_off_are_a_signature_but_a_fact_there_is_a_claim(embed):
    kinds = [s.kind for s in ground("Kind regards,\nLarkmantel Support", PASSAGES, embed=embed)]
    assert kinds[-1] == "claim"  # a reply that begins with a sign-off has none
    text = "It works.\n\nKind regards,\nLarkmantel Support\nCall 555 0100 for refunds"
    kinds = [s.kind for s in ground(text, PASSAGES, embed=embed)]
    assert kinds == ["claim", "courtesy", "courtesy", "claim"]


QUESTION = "How do I reset my Ember Mini? It hangs."


@pytest.mark.parametrize(
    "text",
    [
        "Here is how to reset your Ember Mini.",
        "Here's how to reset the Ember Mini:",
        "You asked how to reset your Ember Mini.",
        "Thank you for asking about your Ember Mini.",
    ],
)
def test_an_opening_that_only_restates_the_question_is_a_courtesy(text, embed):
    assert one(text, embed, question=QUESTION).kind == "courtesy"


@pytest.mark.parametrize(
    "text",
    [
        "Here is how to reset your Ember Mini in 12 minutes.",
        "Here is how to reset your Ember Mini, which voids the warranty.",
        "Here is how to reset your Ember Ultra.",
        "Thanks for your message, but we can't refund this.",
        "Sorry, but refunds are not possible.",
        "I hope this helps, and we will refund you in full.",
        "You asked about a refund, and you will get one.",
        "Did you know that your Ember Mini is free?",
        "Thank you for your order of 3 cameras.",
    ],
)
def test_a_fact_inside_a_courtesy_makes_it_a_claim(text, embed):
    found = one(text, embed, question=QUESTION)
    assert found.kind == "claim"
    assert not found.supported


def test_sentences_cover_the_draft_in_order_with_exact_spans(embed):
    draft = "Hi Anna,\n\nHold the button for 7 seconds.\n1. Wait until the light blinks white."
    found = ground(draft, PASSAGES, embed=embed)
    assert [s.kind for s in found] == ["courtesy", "claim", "claim"]
    assert [draft[s.start : s.end] for s in found] == [s.text for s in found]


def test_the_embedder_is_asked_once_a_text(embed):
    calls = []

    def counting(texts):
        calls.append(len(texts))
        return embed(texts)

    ground("Hold the button for 7 seconds. Wait until the light blinks.", PASSAGES, embed=counting)
    assert len(calls) == 1


@pytest.mark.parametrize("passages", [[], [""], ["\n\n"]])
def test_without_evidence_nothing_is_supported(passages, embed):
    (found,) = ground("Hold the button for 7 seconds.", passages, embed=embed)
    assert (found.support, found.supported, found.evidence) == (0.0, False, None)
    assert [flag.code for flag in found.flags] == ["number_without_evidence"]


def test_an_empty_draft_has_no_sentences():
    assert ground("", PASSAGES, embed=lambda texts: np.zeros((len(texts), 384))) == []


def test_a_pair_scores_high_when_true_and_low_when_changed(embed):
    true = score_pair(PASSAGES[0], "You can return a Tether Plug within 30 days.", embed=embed)
    false = score_pair(PASSAGES[0], "You can return a Tether Plug within 90 days.", embed=embed)
    part = score_pair(
        PASSAGES[0],
        "You can return a Tether Plug within 30 days. It glows blue at night.",
        embed=embed,
    )
    assert true > 0.8 > part > false > 0 or true > 0.8 > false > 0
    assert part < 0.7


@pytest.mark.parametrize(
    ("text", "supported"),
    [
        ("We deduct $1 from your benefit for every $2 that you earn.", True),
        ("We deduct $2 from your benefit for every $1 that you earn.", False),
        ("We deduct $1 from your benefit for every $1 that you earn.", False),
    ],
)
def test_two_figures_keep_their_places(text, supported, embed):
    passage = "We deduct $1 from your benefit for every $2 that you earn."
    (found,) = ground(text, [passage], embed=embed)
    assert found.supported is supported


# ---- word for word ------------------------------------------------------------------------------

WRITTEN = (
    "# Returns\n\n1. Press the **private**HTTP_KEY in [Settings > General](https://example.com/set).\n"
    "2. This should be the same number that you entered; it must not be another.\n\n"
    "It is not true that you can return opened filters. Keep `%SystemDrive%` free."
)


@pytest.mark.parametrize(
    "sentence",
    [
        "Press the privateHTTP_KEY in Settings > General (https://example.com/set).",
        "This should be the same number that you entered; it must not be another.",
        "It is not true that you can return opened filters.",
        "Keep %SystemDrive% free.",
    ],
)
def test_a_sentence_that_stands_in_a_passage_word_for_word_is_supported(
    sentence: str, embed
) -> None:
    (found,) = ground(sentence, ["Something else.", WRITTEN], embed=embed)
    assert (found.supported, found.flags, found.failed) == (True, [], ())
    assert found.evidence == 1
    assert WRITTEN[found.evidence_start : found.evidence_end].strip("0123456789. ")[:5].strip("*")


@pytest.mark.parametrize(
    "part", ["You can return opened filters.", "True that you can return opened filters."]
)
def test_half_a_sentence_is_not_word_for_word(part: str, embed) -> None:
    (found,) = ground(part, [WRITTEN], embed=embed)
    assert not found.supported
