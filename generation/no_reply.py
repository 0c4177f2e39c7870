"""Whether a message asks nothing: thanks, a thumb, a notice of absence. Pure.

A missed one costs a draft that nobody sends; a question taken for thanks waits until somebody looks.
So it must be sure: a message counts only where every word of it is one that thanks are made of. What
asks, doubts, denies or orders has other words in it ("in advance", "didn't", "but", "how").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence, Set
from typing import Protocol

from retrieval.own_words import own_words

THANKS = "The customer thanks or confirms and asks nothing: no reply is needed."
ABSENT = "An automatic notice of absence, which asks nothing: no reply is needed."
LONGEST = 400  # characters; whoever writes more has something to say

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ASKS = re.compile(r"[?？؟¿;]|\d")


class Turn(Protocol):
    @property
    def role(self) -> str: ...
    @property
    def text(self) -> str: ...


def _bare(text: str) -> str:
    """Without marks that are no letters of their own: they would cut a Hindi or Thai word in pieces."""
    text = unicodedata.normalize("NFC", text)
    return "".join(c for c in text if unicodedata.category(c) not in ("Mn", "Mc"))


def _words(text: str) -> frozenset[str]:
    return frozenset(_bare(text).split())


# one of these must be there: it says that something is well, received or thanked for
_CORE = _words(
    # English
    "thanks thank thanx thx tnx ty tysm tyvm ta thankyou cheers worked works working solved resolved "
    "fixed sorted "
    "perfect great awesome excellent brilliant wonderful amazing fantastic super lovely "
    "appreciated "
    "appreciate grateful noted understood ok okay okey kk gotcha received got cool nice "
    # German, Austrian, Swiss
    "danke dankeschön dankeschoen dank merci mercy bedanke bedanken funktioniert klappt geklappt "
    "gelöst "
    "geloest passt erledigt behoben super perfekt prima toll klasse spitze alles wunderbar verstanden "
    "läuft laeuft "
    # French, Spanish, Italian, Portuguese
    "merci remercie remercions parfait génial genial super excellent marche fonctionne résolu "
    "resolu nickel bon "
    "reçu compris gracias agradezco perfecto funciona funcionó funciono solucionado resuelto listo servido "
    "estupendo recibido entendido grazie ringrazio perfetto funziona funzionato risolto ottimo ricevuto "
    "capito "
    "obrigado obrigada obrigadão valeu agradeço perfeito funcionou certo resolvido ótimo otimo entendi "
    # Dutch, Danish, Swedish, Norwegian, Finnish
    "bedankt dank dankjewel dankuwel dankje werkt gelukt opgelost perfect top fijn tak takk tack "
    "virker funkar "
    "fungerer fungerar løst löst perfekt kiitos kiitoksia toimii mahtavaa "
    # Polish, Czech, Hungarian, Romanian, Turkish, Indonesian
    "dzięki dzieki dziękuję dziekuje działa dziala pomogło pomoglo super díky diky děkuji dekuji funguje "
    "köszönöm koszonom köszi koszi működik mulțumesc multumesc mersi teşekkürler tesekkurler teşekkür "
    "tesekkur sağol sagol çalıştı çalışıyor oldu terima kasih makasih berhasil dhanyavaad dhanyavad "
    "shukriya "
    # Russian, Ukrainian, Greek, Hebrew, Arabic, Hindi
    "спасибо благодарю работает заработало помогло решено отлично дякую працює ευχαριστώ λύθηκε "
    "תודה הסתדר شكرا شكراً धन्यवाद ধন্যবাদ "
    # written without blanks: each whole
    "ありがとう ありがとうございます ありがとうございました 谢谢 谢谢你 谢谢您 多谢 非常感谢 謝謝 謝謝您 "
    "감사합니다 고맙습니다 ขอบคุณ ขอบคุณครับ ขอบคุณค่ะ ขอบคุณมาก "
    # Croatian, Serbian, Slovene, Vietnamese
    "hvala radi cảm ơn"
)
# these may stand beside it
_BESIDE = _words(
    # English
    "you u you're so very much a lot many million again all for the your ur this that it its it's "
    "that's thats is "
    "was has been have i i've ive i'm im we we've am are and & to of on in at now fine finally "
    "just "
    "really truly absolutely indeed quick fast prompt speedy kind friendly super helpful help "
    "helping helped assistance "
    "support reply response answer answers answering replying responding explaining explanation "
    "information info advice tip tips hint time effort patience service team guys everyone "
    "everybody folks "
    "everything every thing my me myself did does trick bye goodbye "
    "up running back again well done job work going went out like charm further more questions "
    "other "
    "day days week weekend evening afternoon morning night nice great good have having wish best "
    "regards "
    "kindest warm kind sincerely yours hi hello hey hiya dear there sir madam mate dude team "
    "oh ah wow yay yeah yep hooray whoa haha lol phew alright right there here "
    "life saver lifesaver star stars legend hero rock rocks the greatest love loved it happy glad "
    "pleased "
    "satisfied impressed relieved quickly swiftly promptly perfectly well smoothly properly "
    "fully completely first try once bunch ton tons loads heaps sharing letting know update "
    "updating "
    "heads getting back with such both truly too as always very bless god take care ok've arrived "
    "appreciative thankful gratitude pointing direction "
    # German
    "vielen herzlichen besten lieben schönen schoenen tausend sehr ihnen ihre ihr ihrer dir deine "
    "dein euch "
    "eure für fuer die der das den dem schnelle rasche nette tolle gute super hilfe antwort "
    "rückmeldung rueckmeldung "
    "unterstützung unterstuetzung info infos information auskunft mühe muehe es ich wir hat habe "
    "haben sich frau herr ist "
    "war jetzt nun wieder alles bestens wunderbar gut super einwandfrei damit und "
    "sie so mich uns bei im in ordnung "
    "klar weiter geholfen weitergeholfen mir schönes schoenes wochenende schönen tag abend ja ok "
    "hallo guten "
    "morgen mit freundlichen grüßen gruessen viele liebe grüße gruesse lg mfg vg gruß gruss "
    # French
    "beaucoup bien mille vous te toi à a de du la le les des pour votre ton ta vos aide réponse "
    "reponse "
    "rapide rapidité cela ça ca c'est est était maintenant tout et très tres bonne journée "
    "journee soirée "
    "bonjour cordialement j'ai l'aide au revoir infiniment encore "
    # Spanish
    "muchas muchísimas muchisimas mil por su tu la el los las ayuda respuesta rápida rapida ya "
    "todo está "
    "esta muy bien amable que tenga buen día dia un saludo saludos hola ahora y me ha ustedes "
    "usted les le "
    "de nuevo "
    # Italian, Portuguese
    "mille tante molto moltissimo per il l'aiuto aiuto risposta veloce tutto adesso ora ha avete "
    "bene "
    "buona giornata saluti ciao lei voi ancora muito muita pela pelo ajuda resposta rápida agora "
    "tudo "
    "deu bom dia boa tarde noite vocês voces você voce abraço tá "
    # Dutch, Danish, Swedish, Norwegian
    "heel hartelijk veel erg voor de het uw je jullie hulp snelle reactie antwoord nu alles is "
    "goed en "
    "fijne dag weer wel groet groeten met vriendelijke hej mange tusind tusen tusind for hjælpen "
    "hjelpen hjälpen "
    "svaret svar hurtige snabba raske det nu nå alt allt ha en god dag så mycket hilsen "
    "hälsningar med "
    "vennlig venlig vänliga stort "
    # Finnish, Polish, Czech, Hungarian, Romanian, Turkish, Indonesian
    "paljon avusta nyt hyvää päivää bardzo serdecznie za pomoc odpowiedź odpowiedz szybką już juz "
    "teraz "
    "wszystko mockrát moc za pomoc teď szépen nagyon a segítséget gyors választ most már jól "
    "foarte mult "
    "pentru ajutor acum çok cok ederim yardım yardımınız için sizin şimdi banyak atas bantuannya "
    "sudah bisa "
    "sekarang bahut aapka "
    # Russian, Ukrainian, Greek, Hebrew, Arabic, Hindi
    "большое огромное вам за помощь ответ быстрый всё все теперь дуже за допомогу πολύ πάρα για τη "
    "βοήθεια bạn nhiều vam vama רבה על העזרה جزيلا جزيلاً لكم لك على المساعدة تم حل المشكلة बहुत आपका"
)
# whole turns of phrase whose words would say something else alone
_PHRASES = re.compile(
    r"^\s*yes[,.!]*\s+(?=that|this|it|thank|thx|all )"
    r"|^\s*no[,.!]*\s+(?=that|thank|thx|i(?: a|')m (?:all|good|fine)|nothing|all (?:good|set))"
    r"|\bno (?:further|more|other) questions?\b|\bno (?:need|reason) to (?:reply|respond|answer)\b"
    r"|\bno (?:reply|response|answer) (?:is )?(?:needed|necessary|required)\b|\bno worries\b"
    r"|\b(?:please )?(?:feel free to )?close (?:the|this|my) (?:ticket|case|request)\b"
    r"|\b(?:that|this|it) (?:really |totally |completely )?(?:answers"
    r"|answered) (?:all )?my questions?\b"
    r"|\b(?:just )?what i (?:needed|wanted|was looking for)\b|\bno thanks?(?: you)?\b"
    r"|\bi(?: wi|')ll (?:try|do|give) (?:that|it|this)(?: a (?:try|go))?\b|\bwill do\b"
    r"|\bnever ?mind\b|\b(?:please )?(?:disregard|ignore) my (?:last|previous|earlier)"
    r" (?:message|e-?mail|question|request|ticket)\b"
    r"|\bi(?:'ve| have)? (?:figured|worked|sorted|found) (?:it|that|this) out(?: by)?(?: myself)?\b"
    r"|\bno need(?=\s*[,.!–-])|\bthat did it\b"
    r"|\byou (?:can|may) (?:now )?close (?:this|it)(?: now)?\s*(?=[,.!]|$)"
    r"|\b(?:that|this|it) was it\b|\bthat(?:'s| is) (?:all|it)\b|\bkeep up the good work\b"
    r"|\b(?:the |my |our )?(?:problem|issue|matter|case|ticket)s? (?:is|was|are|has been"
    r"|have been|got|seems)?"
    r" ?(?:now |already |finally |fully |completely )?(?:solved|resolved|fixed|sorted(?: out)?"
    r"|closed|gone|done)\b"
    r"|\b(?:so )?you (?:can|may) (?:now )?close (?:the|this|my) (?:ticket|case|request)\b"
    r"|\b(?:das )?(?:problem|thema|ticket) (?:ist|wurde|hat sich) (?:jetzt |nun |damit |somit )?"
    r"(?:gelöst|behoben|erledigt|geschlossen)\b|\b(?:das |dieses )?ticket kann geschlossen werden\b"
    r"|\b(?:le )?problème (?:(?:est|a été) )?(?:maintenant )?(?:résolu|réglé)\b"
    r"|\b(?:el )?problema (?:está|esta|ha sido|quedó) (?:ya )?(?:resuelto|solucionado)\b"
    r"|\bnothing (?:else|more|further)\b|\bmade my day\b|\ball (?:set|good|clear|done)\b"
    r"|\bkeine (?:weiteren )?fragen(?: mehr)?\b|\bkeine antwort nötig\b"
    r"|\bpas d'autres? questions?\b|\bplus de questions?\b|\bdas war(?:'s| es|s)\b",
    re.I,
)
# after one of our answers only, in a sentence without a doubt in it: thanks for whatever it was, and
# that whatever it was works
_PARTICULAR = re.compile(
    r"(?:(?:many |so )?(?:thanks|thank you|thx)(?: (?:so|very) much| a lot"
    r"| again)? for [^.!?\n]{3,80}"
    r"|(?:(?:my|the|your) )?(?:[\w-]+ )?[\w-]+ (?:has |just )?(?:arrived|is here)(?: today| now| safely)*"
    r"|(?:my|the) (?:[\w-]+ ){1,3}?(?:(?:is|are|was|has been) (?:now |all )?"
    r"(?:working|fixed|online|solved|resolved)|(?:now )?works|worked|helped)(?: (?:again|now|fine"
    r"|perfectly|well|great))*"
    r"|i (?:followed|tried|did) (?:your|the|these|those) (?:[\w-]+ )?(?:steps?|instructions?"
    r"|advice|tips?) and"
    r" (?:now )?(?:it|everything|all) (?:now )?(?:works?|worked|is (?:working|fine|good))(?: now"
    r"| again| fine)*)"
    r"[.!\s]*",
    re.I,
)
_DOUBTS = re.compile(
    r"\b(?:but|however|although|though|still|yet|not|no|never|n[o']t|nothing|without|if|until"
    r"|unless|how|"
    r"what|why|when|where|which|who|whether|can|could|would|should|please|pls|need|want|wish|hope"
    r"|looking"
    r"|advance|wait|waiting|only|except|instead|also|another|next|soon|then|wrong|error|fail\w*|"
    r"broken|bad|useless|waste|nowhere|zero|consider\w*|understanding|cooperation|refund\w*"
    r"|wast\w*|cancel\w*|stop\w*|quit|isnt|doesnt|didnt|dont|cant|wont|hasnt|wasnt|hardly"
    r"|barely)\b|n['’]t\b",
    re.I,
)
_SOLVED = _words(
    "worked works working solved resolved fixed sorted funktioniert klappt geklappt gelöst "
    "erledigt "
    "behoben marche fonctionne résolu funciona funcionó solucionado resuelto funziona risolto "
    "funcionou "
    "resolvido werkt gelukt opgelost virker fungerer fungerar løst löst toimii działa funguje"
)
_WELL = frozenset(
    "👍👌🙏❤♥💙💚💛🧡💜💕💖😊😀😃😄😁🙂😍🥰🤩😎🎉🥳✅✔💯👏🙌🤝🤗😇☺💪⭐🌟✨🌹💐🤙🫶🆗"
)
_EMOTICON = re.compile(r"(?<!\S)(?::-?\)+|;-?\)|:-?D|\^\^|<3|xD|\(y\)|\+1)(?!\S)", re.I)

_ABSENCE_SUBJECT = re.compile(
    r"\s*(?:automatic reply|auto(?:matic)?[- ]?(?:reply|response)|out of (?:the )?office"
    r"|automatische antwort"
    r"|abwesenheitsnotiz|abwesend|réponse automatique|absence du bureau|respuesta automática"
    r"|fuera de la oficina|risposta automatica|fuori ufficio|resposta automática"
    r"|automatisch antwoord"
    r"|autosvar|automatiskt svar|odpowiedź automatyczna)\b\s*[:!–-]?",
    re.I,
)
_ABSENCE = re.compile(
    r"\b(?:(?:i am|i'm|i’m|i will be|currently|am) (?:currently |now )?(?:out of|away from"
    r"|not in) (?:the |my )?"
    r"(?:office|desk)|out of (?:the )?office|on (?:annual|parental|maternity|paternity|sick"
    r"|vacation|"
    r"holiday) ?(?:leave)?\b|on (?:vacation|holidays?|leave)|(?:nicht|außer|ausser) (?:im"
    r"|in meinem|des) (?:büro|buero|haus\w*)"
    r"|abwesend|im urlaub|in elternzeit|absent(?:e)?\b.{0,20}(?:bureau|jusqu)|en (?:congés?"
    r"|vacances)"
    r"|fuera de la oficina|de vacaciones|fuori (?:ufficio|sede)|in ferie|fora do escritório"
    r"|de férias"
    r"|afwezig|niet op kantoor|op vakantie|på (?:semester|ferie|kontoret)|poza biurem"
    r"|na urlopie)\b",
    re.I,
)
_RETURNS = re.compile(
    r"\b(?:when i (?:return|am back|get back)|(?:up)?on my return|i will (?:return|be back|reply"
    r"|respond|get back)"
    r"|i(?:'|’)ll (?:be back|reply|respond|get back)|returning on|limited access"
    r"|no access to (?:my )?e?-?mail"
    r"|(?:in|for) urgent (?:cases|matters)|if (?:it is|it's|this is) urgent|will not be (?:read"
    r"|forwarded)|auto(?:matic|mated)?[- ]?(?:reply|response|message)"
    r"|wieder (?:im büro|erreichbar|zurück|da)|dringenden (?:fällen|angelegenheiten)"
    r"|nicht weitergeleitet"
    r"|automatische (?:antwort|nachricht)|à mon retour|de retour|en cas d'urgence"
    r"|message automatique|a mi regreso|de regreso"
    r"|urgente?|al mio rientro|ao meu retorno|terug op|bij dringende|tillbaka|tilbake|tilbage)\b",
    re.I,
)


def why_no_reply(subject: str, turns: Sequence[Turn]) -> str:
    """In words why the newest message of a thread needs no reply; empty where it may need one.

    Where nobody has answered yet, the subject belongs to what was asked: it must ask nothing either.
    """
    last = next((turn for turn in reversed(turns) if turn.role == "customer"), None)
    if last is None:
        return ""
    said = own_words(last.text)
    answers = [turn.text for turn in turns if turn.role == "agent"]
    if _is_absence(subject if not answers else "", said):
        return ABSENT
    if not answers and subject.strip() and not _thanks(_without_prefix(subject)):
        return ""
    if not _thanks(said, answered=bool(answers), names=_signed_by(answers)):
        return ""
    # "Shall I cancel it?" – "Ok, thanks": a question of ours is answered, and somebody has to act
    if answers and _asked(answers[-1]) and not set(_words_in(said)) & _SOLVED:
        return ""
    return THANKS


# "Help me" and "¡Ayuda, gracias!" ask; "your help" and "por su ayuda" don't
_CALLS_FOR_HELP = re.compile(
    r"\bhelp (?:me|us|with|please|pls)\b|(?:^|[^\w\s]\s*|\bok(?:ay)? |\bh(?:i|ello|ola|allo)[ ,]+)"
    r"(?:help|support|ayuda|hilfe|aide|ajuda|aiuto|hulp|pomoc|yardım|hjälp|hjælp|hjelp)\b(?!ful)",
    re.I,
)


# "Ok, answer me", "More information, thanks": words that thanks are made of, as an order
_ORDERS = re.compile(
    r"(?:^|[.,;:!\n]\s*|\b(?:ok(?:ay)?|so|and|now|then)\s+)"
    r"(?:(?:answer|reply|respond|update|support|try|help|get)\s+(?:to\s+)?"
    r"(?:me|us|it|this|that|again|now|everything|all|everyone|my|the)\b"
    r"|(?:more|other|further)\s+(?:info|information|answers?|help|support|advice|tips?|hints?"
    r"|assistance|time)\b)",
    re.I,
)


def _signed_by(answers: Sequence[str]) -> frozenset[str]:
    """The words under our newest answer, where its name stands: "Thanks, Anna"."""
    lines = [line for line in answers[-1].splitlines() if line.strip()] if answers else []
    names = [line for line in lines[-2:] if len(line.split()) <= 4 and line.strip()[-1].isalpha()]
    return frozenset(_words_in(" ".join(names)))


def _thanks(text: str, *, answered: bool = False, names: Set[str] = frozenset()) -> bool:
    """Whether every word thanks or confirms, or is one of these names; `answered` lets thanks for
    anything particular count."""
    text = unicodedata.normalize("NFC", text.replace("’", "'")).strip()
    text = _EMOTICON.sub(" 🙂 ", text)
    if not text or len(text) > LONGEST:
        return False
    if _ASKS.search(text) or _unwell(text):
        return False
    if not any(character.isalnum() for character in text):
        return any(unicodedata.category(character) == "So" for character in text)
    if _CALLS_FOR_HELP.search(text) or _ORDERS.search(text):
        return False
    rest = _PHRASES.sub(" ok ", text)
    if answered:
        rest = "\n".join(_without_particulars(line) for line in _sentences(rest))
    words = _words_in(rest)
    return bool(set(words) & _CORE) and all(
        word in _CORE or word in _BESIDE or word in names for word in words
    )


def _without_particulars(sentence: str) -> str:
    """ "Thanks for sending the label so soon" as its thanks alone, where no doubt stands in it."""
    return (
        " thanks " if _PARTICULAR.fullmatch(sentence) and not _DOUBTS.search(sentence) else sentence
    )


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"(?<=[.!])\s+|\n+|,\s+", text) if part.strip()]


def _words_in(text: str) -> list[str]:
    return [match.group().casefold().replace("’", "'") for match in _WORD.finditer(_bare(text))]


def _unwell(text: str) -> bool:
    """Whether a picture stands in it that isn't known to approve (a skin tone is none)."""
    return any(
        unicodedata.category(character) == "So" and character not in _WELL for character in text
    )


def _without_prefix(subject: str) -> str:
    return re.sub(r"^(?:\s*(?:re|aw|sv|fwd?|wg|antw?|tr|rv|odp)\s*:)+", "", subject, flags=re.I)


def _asked(answer: str) -> bool:
    """Whether one of our answers asks for something: more than whether it helped."""
    asked = [s for s in re.split(r"(?<=[.!?])\s+|\n+", answer) if s.rstrip().endswith("?")]
    return any(not _ELSE.search(sentence) for sentence in asked)


_ELSE = re.compile(
    r"anything else|further questions|more questions|help you (?:further|with)", re.I
)


def _is_absence(subject: str, said: str) -> bool:
    """A notice of absence says that somebody is away and what happens meanwhile, and asks nothing."""
    if "?" in said or len(said) > 4 * LONGEST or not _ABSENCE.search(said):
        return False
    return bool(_ABSENCE_SUBJECT.match(_without_prefix(subject)) or _RETURNS.search(said))
