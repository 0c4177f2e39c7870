"""The language screen: which tickets the bundled models may answer."""

import pytest

from generation.safety import ScreenUnavailable, language
from generation.safety.language import detect_language

FOREIGN = [
    ("de", "Wo bleibt meine Rechnung? Ich warte seit zwei Wochen."),
    ("fr", "Je n'ai pas reçu ma commande, pouvez-vous m'aider ?"),
    ("es", "Mi pedido no ha llegado y quiero que me devuelvan el dinero."),
    ("it", "Il mio ordine non è ancora arrivato, potete aiutarmi?"),
    ("pt", "Onde está a minha encomenda? Ainda não recebi nada."),
    ("nl", "Waar blijft mijn pakket? Ik wacht al een week."),
    ("pl", "Gdzie jest moja paczka? Czekam już tydzień."),
    ("tr", "Siparişim nerede? Bir haftadır bekliyorum."),
    ("ru", "Где мой заказ? Я жду уже неделю."),
    ("ar", "أين طلبي؟ أنا أنتظر منذ أسبوع"),
    ("zh", "我的订单在哪里？我已经等了一个星期了。"),
    ("ja", "注文した商品がまだ届きません。"),
]


@pytest.mark.parametrize(("code", "text"), FOREIGN)
def test_a_ticket_in_another_language_is_recognised(code: str, text: str) -> None:
    found = detect_language(text)
    assert found.code == code
    assert found.probability >= 0.5
    assert code in found.reason


@pytest.mark.parametrize(
    "text",
    [
        "How do I reset my password?",
        "hi",
        "refund 12345",
        "PIN",
        "ok thanks",
        "how do I kill a process",
        "Order 4471-A: still nothing",
    ],
)
def test_short_english_is_not_mistaken_for_another_language(text: str) -> None:
    assert detect_language(text).code == "en"


@pytest.mark.parametrize("text", ["", "   ", "12345 67", "https://example.com/de/rechnung", "?!"])
def test_a_text_without_words_counts_as_expected_and_says_so(text: str) -> None:
    found = detect_language(text)
    assert found.code == "en"
    assert found.probability == 0
    assert "no words" in found.reason


def test_an_address_or_a_link_does_not_decide_the_language() -> None:
    found = detect_language(
        "Please look at https://beispiel.example/rechnung/anzeigen/bestellung, thanks"
    )
    assert found.code == "en"


def test_what_is_expected_is_a_parameter() -> None:
    assert detect_language("12345", expected=("de", "en")).code == "de"
    assert detect_language("Hi", expected=("de",)).code == "de"


def test_a_screen_that_cannot_run_raises_its_named_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def compute_language_confidence_values(self, text: str) -> list[object]:
            raise RuntimeError("models are gone")

    monkeypatch.setattr(language, "_detector", Broken)
    with pytest.raises(ScreenUnavailable, match=r"language screen could not run.*models are gone"):
        detect_language("Where is my parcel?")


@pytest.mark.parametrize(
    "text",
    [
        "Hvornår kommer min pakke? Jeg har ventet i to uger nu.",
        "Min skærm er sort",
        "Mikor érkezik meg a csomagom? Két hete várok.",
        "Szeretném visszaküldeni",
        "Kapan paket saya tiba? Saya sudah menunggu dua minggu.",
        "Tolong batalkan pesanan saya",
        "Mera parcel kab aayega? Do hafte se wait kar raha hoon",
        "Mujhe refund kab milega",
        "Order cancel kaise kare",
        "Wo ist mein Paket",
        "Passwort vergessen",
        "Mot de passe oublié",
        "No puedo entrar",
        "Quero cancelar",
        "Kde je můj balíček",
        "Unde este coletul meu",
        "Missä pakettini on",
        "Nasaan na ang parcel ko",
        "Kifurushi changu kiko wapi",
        "Gde moy zakaz",
    ],
)
def test_a_short_text_in_another_language_never_passes_for_english(text: str) -> None:
    found = detect_language(text)
    assert found.code != "en" or not found.sure


@pytest.mark.parametrize(
    "text",
    [
        "How do I restart my Ember Mini?",
        "can't login",
        "wheres my refund??",
        "app keeps crashing since the update",
        "My card isnt working at the ATM",
        "check order status",
        "parcel lost",
    ],
)
def test_short_english_is_sure(text: str) -> None:
    found = detect_language(text)
    assert (found.code, found.sure) == ("en", True)
