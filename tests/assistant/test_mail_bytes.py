"""The bytes that leave: whatever a customer wrote, the mail is ours, to one person, and reads as written."""

from __future__ import annotations

import email
import email.header
import email.utils
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from random import Random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from assistant.channels import headers, letter
from assistant.channels.base import DeliveryError, Outgoing
from assistant.intake import one_line

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
EXPECTED = [
    "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
    "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
]  # fmt: skip
REPLY = Outgoing(
    key="draft-1",
    ticket_number=7,
    subject="Beep",
    body="Hi Ana,\n\nhold the ring — für zehn Sekunden.\n.\nFrom here on it works.",
    to_name="Ana Berg",
    to_email="ana@example.org",
    mail_id="<0123@support.example>",
    mail_ids=("<first@example.org>",),
)
ATTACKS = [
    "=?utf-8?q?x=0D=0AReply-To:_evil@attacker.example?=",
    "=?utf-8?b?eA0KQmNjOiBldmlsQGF0dGFja2VyLmV4YW1wbGU=?=",
    "=?utf-7?q?x+AA0ACg-Bcc:_evil@attacker.example?=",
    "=?unicode_escape?q?x=5Cr=5CnBcc:_evil@attacker.example?=",
    "=?utf-8*en?Q?x=0d=0a=0d=0a<h1>Pay=20here</h1>?= hello",
    "=?us-ascii?q?a?= =?us-ascii?q?=0D=0AContent-Type:_text/html?=",
    "x\r\nBcc: evil@attacker.example\r\n\r\n<h1>Pay here</h1>",
    "Ana, boss@corp.example" + "A" * 90 + ", second@attacker.example",
    '"Chief" <boss@corp.example>, ' + "x" * 60,
    "A" * 80 + ", second@attacker.example",
    'ana\\" <evil@attacker.example>',
    "a;b:c@d.example(comment)<x@y.example>",
    "group: evil@attacker.example;",
]


def parsed(data: bytes, how: policy.Policy = policy.default) -> email.message.EmailMessage:
    return email.message_from_bytes(data, policy=how)  # type: ignore[return-value]


def old_decoding(value: str) -> str:
    """As programs without the new parser read a header."""
    return str(email.header.make_header(email.header.decode_header(value)))


def name_of(data: bytes) -> str:
    """The addressee's name; encoded words one after the other have nothing between them."""
    to = parsed(data, policy.compat32)["To"].replace("\r\n", "")
    return old_decoding(email.utils.parseaddr(to)[0])


def assert_ours(data: bytes, reply: Outgoing) -> None:
    head, _, _ = data.partition(b"\r\n\r\n")
    names = [line.split(b":")[0].decode() for line in head.split(b"\r\n") if line[:1] not in b" \t"]
    assert names == EXPECTED
    for how in (policy.default, policy.compat32):
        mail = parsed(data, how)
        assert mail.keys() == EXPECTED
        assert mail.get_content_type() == "text/plain"
    mail = parsed(data)
    (to,) = mail["To"].addresses
    assert to.addr_spec == "ana@example.org"
    assert len(email.utils.getaddresses([parsed(data, policy.compat32)["To"]])) == 1
    assert name_of(data) == headers.one_line(reply.to_name)
    assert mail["Subject"] == letter.subject_of(reply)
    body = parsed(data, policy.compat32).get_payload(decode=True)
    assert body.decode().replace("\r\n", "\n").rstrip("\n") == reply.body.rstrip("\n")


@pytest.mark.parametrize("words", ATTACKS)
def test_no_name_or_subject_writes_a_header_an_addressee_or_the_body(words: str) -> None:
    for reply in (
        replace(REPLY, subject=words),
        replace(REPLY, to_name=words),
        replace(REPLY, to_name=one_line("name", words, longest=200)),
        replace(REPLY, subject=words, to_name=words),
    ):
        assert_ours(letter.compose(reply, now=NOW), reply)


@pytest.mark.parametrize("words", ATTACKS)
def test_after_intake_no_reader_that_decodes_twice_finds_a_line_break(words: str) -> None:
    taken = one_line("subject", words, longest=500)
    for reading in (taken, old_decoding(taken), old_decoding(old_decoding(taken))):
        assert "\r" not in reading
        assert "\n" not in reading


def test_a_harmless_encoded_word_is_shown_as_written() -> None:
    written = "How do I read =?utf-8?q?boss?= in my mail?"
    assert one_line("subject", written, longest=500) == written
    reply = replace(REPLY, subject=written, to_name="=?utf-8?q?boss?=")
    data = letter.compose(reply, now=NOW)
    assert parsed(data)["Subject"] == f"Re: {written} [#7]"
    assert name_of(data) == "=?utf-8?q?boss?="


SCRIPTS = {
    "latin": "abcdefghijklmnopqrstuvwxyzäöüßéñçøłşığ",
    "cyrillic": "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "greek": "αβγδεζηθικλμνξοπρστυφχψω",
    "hebrew": "אבגדהוזחטיכלמנסעפצקרשת",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "devanagari": "अआइईउऊएऐओऔकखगघचछजझटठडढतथदधनपफबभमयरलवशषसह\u093f\u0940\u094d",
    "thai": "กขคงจฉชซญดตถทนบปผฝพฟภมยรลวศษสหอฮ\u0e31\u0e34\u0e48",
    "georgian": "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
    "armenian": "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ",
    "hangul": "가나다라마바사아자차카타파하",
    "han": "一二三四五六七八九十人大小中国日本語",
    "emoji": "😀👍🏽👩\u200d🚀🇩🇪ab",
}
TRAPS = "=?utf8qbQB_-,.;:\"'\\<>()@[]#0123456789AFaf"
word = st.one_of(
    *(st.text(alphabet=letters, min_size=1, max_size=25) for letters in SCRIPTS.values()),
    st.text(alphabet=TRAPS, min_size=1, max_size=25),
)
texts = st.lists(word, min_size=1, max_size=16).map(" ".join).map(lambda t: t[:200].strip())


def test_ten_thousand_texts_of_twelve_scripts_read_back_equal() -> None:
    random = Random(9)
    alphabets = [*SCRIPTS.values(), TRAPS]

    def words(most: int) -> str:
        made = (
            "".join(random.choices(random.choice(alphabets), k=random.randint(1, 14)))
            for _ in range(random.randint(1, most))
        )
        return " ".join(made)[:200].strip()

    for _ in range(10_000):
        assert_reads_back(words(12), words(4))


@given(texts, texts)
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@example("Моя посылка не пришла, хотя по трекингу она была доставлена ещё на прошлой неделе", "Ö Ö")
@example("החבילה שלי לא הגיעה ואני צריך עזרה בהקדם האפשרי בבקשה תודה רבה", "א")
@example("öffnet das mich für ich anmelden Gerät für", "=?")
@example("Re: re: =?utf-8?q?=0A?=", '"a" <b@c.example>, d')
def test_subjects_and_names_read_back_equal(subject: str, name: str) -> None:
    assert_reads_back(subject, name)


def assert_reads_back(subject: str, name: str) -> None:
    reply = replace(REPLY, subject=subject, to_name=name, body="Hi")
    data = letter.compose(reply, now=NOW)
    head = data.partition(b"\r\n\r\n")[0].decode("ascii")
    unfolded = dict(line.split(": ", 1) for line in head.replace("\r\n ", " ").split("\r\n"))
    wanted = letter.subject_of(reply)
    assert headers.one_line(subject) in wanted
    assert old_decoding(unfolded["Subject"]) == wanted
    assert name_of(data) == headers.one_line(name)
    assert all(len(line) <= 76 for line in head.split("\r\n") if '"' not in line)


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
@example(".\r\n..\r\nQUIT\r\n")
@example("From x\n.\n\n \ttrailing \t\r mixed \r\n")
@example("x" * 5000)
@example("\x00\x1b[31m\u2028")
def test_any_body_arrives_as_it_was_approved(body: str) -> None:
    reply = replace(REPLY, body=body)
    data = letter.compose(reply, now=NOW)
    assert max(map(len, data.split(b"\r\n"))) <= 78
    got = parsed(data, policy.compat32).get_payload(decode=True).decode()
    lines = body.replace("\r\n", "\n").replace("\r", "\n")
    assert got.replace("\r\n", "\n").removesuffix("\n") == lines.removesuffix("\n")


def good() -> bytes:
    return letter.compose(REPLY, now=NOW)


SPOILED = {
    "a further header": lambda d: d.replace(
        b"MIME-Version", b"Bcc: x@evil.example\r\nMIME-Version"
    ),
    "a header twice": lambda d: d.replace(b"To: ", b"To: <x@evil.example>\r\nTo: ", 1),
    "a second addressee": lambda d: d.replace(b"To: Ana Berg", b"To: <x@evil.example>, Ana"),
    "another addressee": lambda d: d.replace(b"<ana@example.org>", b"<anna@example.org>"),
    "a quote that is open": lambda d: d.replace(b"Ana Berg", b'"Ana Berg'),
    "another name": lambda d: d.replace(b"Ana Berg", b"Boss"),
    "an encoded word of another's": lambda d: d.replace(b"Re: Beep", b"=?utf-8?q?x=0D?= Beep"),
    "another body": lambda d: d.replace(b"zehn", b"zwei"),
    "HTML": lambda d: d.replace(b"text/plain", b"text/html").replace(b"zehn", b"<b>zehn</b>"),
    "a bare line feed": lambda d: d.replace(b"\r\n\r\n", b"\r\n\nX: y\r\n\r\n", 1),
    "a bare carriage return": lambda d: d.replace(b"Beep", b"Be\rep"),
    "a byte that is not ASCII": lambda d: d.replace(b"Beep", b"Be\xc3\xa9p"),
    "another Message-ID": lambda d: d.replace(b"<0123@", b"<0124@"),
    "no body": lambda d: d.partition(b"\r\n\r\n")[0],
}


@pytest.mark.parametrize("kind", SPOILED)
def test_bytes_that_are_not_the_mail_that_was_meant_are_refused_for_good(kind: str) -> None:
    letter.check(good(), REPLY)
    spoiled = SPOILED[kind](good())
    assert spoiled != good()
    with pytest.raises(DeliveryError) as caught:
        letter.check(spoiled, REPLY)
    assert caught.value.permanent


def test_a_long_thread_is_referred_to_by_its_beginning_and_its_end() -> None:
    ids = tuple(f"<{number:03}@example.org>" for number in range(100))
    mail = parsed(letter.compose(replace(REPLY, mail_ids=ids), now=NOW))
    named = mail["References"].split()
    assert (named[0], named[-1], len(named)) == (ids[0], ids[-1], 20)
    assert mail["In-Reply-To"] == ids[-1]


def test_an_id_that_a_reader_would_decode_is_left_out() -> None:
    bad = "<=?utf-8?q?=0D=0ABcc:_x?=@e.example>"
    mail = parsed(letter.compose(replace(REPLY, mail_ids=(bad,)), now=NOW))
    assert mail["In-Reply-To"] is None


@pytest.mark.parametrize(
    "address",
    [
        "a@b",
        "ana@example.org>,<x@evil.example",
        "=?utf-8?q?x?=@e.example",
        '"a\r\nb"@e.example',
        "",
    ],
)
def test_an_address_that_is_not_one_mailbox_is_refused(address: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        letter.compose(replace(REPLY, to_email=address), now=NOW)
    assert caught.value.permanent
