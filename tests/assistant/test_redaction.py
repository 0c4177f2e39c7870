"""Redaction: what leaves the sealed store as training data carries no personal data that is known."""

from __future__ import annotations

from assistant.privacy.redaction import Redactor, placeholders


def test_a_value_has_one_placeholder_in_all_texts_of_a_record_and_another_value_another():
    redact = Redactor()
    first = redact("Write to mara@example.com or call +49 30 901820, not jo@example.com.")
    assert first == "Write to [email 1] or call [phone 1], not [email 2]."
    assert redact("I said MARA@example.com!") == "I said [email 1]!"
    assert Redactor()("jo@example.com") == "[email 1]"  # nothing is kept from record to record


def test_cards_and_social_security_numbers_go_even_where_they_are_published():
    text = "Card 4111 1111 1111 1111, SSN 536-22-1234."
    redacted = Redactor(published=[text])(text)
    assert redacted == "Card [card 1], SSN [ssn 1]."


def test_a_support_line_of_an_article_stays_and_a_customers_number_goes():
    redact = Redactor(published=["Call us at +49 30 901820 or help@example.org."])
    text = "I called +49 30 901820 from +49 89 2312010 and wrote to help@example.org."
    assert redact(text) == "I called +49 30 901820 from [phone 1] and wrote to help@example.org."


def test_known_names_go_whole_in_any_case_and_in_parts_only_as_they_are_written():
    redact = Redactor(names=["Will Ilves", "Jo Wu"])
    text = "will ilves here. Will you help? I will wait. Regards, Ilves. Jo Wu says hi; Jo too."
    assert redact(text) == (
        "[name 1] here. [name 1] you help? I will wait. Regards, [name 1]. [name 2] says hi; Jo too."
    )
    assert placeholders(redact("Will, [name 7]")) == {"[name 1]", "[name 7]"}


def test_redacting_twice_changes_nothing():
    redact = Redactor(names=["Mara Ilves"])
    once = redact("Mara Ilves, mara@example.com, 4111 1111 1111 1111")
    assert redact(once) == once
