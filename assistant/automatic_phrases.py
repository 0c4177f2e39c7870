"""How automatic mail says what it is, in the languages that people mostly write in. Pure.

Each phrase is bounded, so that the work is linear in the text. `automatic` says where each counts.
"""

# ruff: noqa: E501 (a phrase a line)

from __future__ import annotations

import re


def _any(*phrases: str) -> str:
    return "(?:" + "|".join(phrases) + ")"


BOUNCE_SUBJECT = re.compile(
    r"(?:(?:re|fwd?|aw|wg): ?)?"
    + _any(
        r"undeliver(?:able|ed)(?: mail| message)?\b(?::| returned| -)",
        r"undelivered mail returned",
        r"mail delivery (?:failed|failure|error|status|subsystem|system)",
        r"delivery status notification",
        r"returned mail\b",
        r"failure notice\b",
        r"message (?:not delivered|delivery fail|undeliverable|could not be delivered)",
        r"warning: could not send",
        r"warning: message .{0,60}delayed",
        r"mail system error",
        r"non-?delivery (?:report|receipt|notification)",
        r"unzustellbar",
        r"nicht zustellbar",
        r"unzustellbare? (?:mail|nachricht|e-mail)",
        r"(?:échec|echec) (?:de la )?(?:remise|distribution|livraison|d.envoi)",
        r"non remis\b",
        r"message non distribu",
        r"no se (?:puede|pudo|ha podido) entregar",
        r"mensaje no entregado",
        r"mancat[ao] (?:consegna|recapito)",
        r"impossibile (?:consegnare|recapitare)",
        r"non recapitabile",
        r"onbestelbaar",
        r"não foi possível entregar",
        r"nie (?:można )?dostarczono",
        r"kan(?:de)? (?:inte|ikke|ej) levereres?",
        r"kunne ikke leveres",
        r"olevererbart",
        r"oleverer",
        r"viestiä ei voitu toimittaa",
        r"iletilemedi",
        r"teslim edilemedi",
        r"не удалось доставить",
        r"配信不能",
        r"退信",
        r"无法投递",
        r"系统退信",
    ),
    re.I,
)
# what a customer may call a parcel's fate too: only with a bounce's own words below
MAYBE_BOUNCE = re.compile(
    r"(?:(?:re|fwd?|aw|wg): ?)?"
    r"(?:delivery (?:has )?fail|undelivered|zustellung fehlgeschlagen|entrega fallida|no entregado|niet bezorgd|"
    r"falha na entrega|não entregue|niedostarczon|ikke leveret|недоставлен|未送達)",
    re.I,
)
BOUNCE_BODY = re.compile(
    _any(
        r"this is the mail system at host",
        r"hi\. this is the .{0,40}(?:qmail|mail)",
        r"this is an automatically generated delivery status",
        r"this message was created automatically by mail delivery",
        r"delivery (?:to|has failed to) (?:the following|these) recipients?",
        r"your message (?:to .{1,120}|wasn.t|was not|could not|couldn.t|did not) ?(?:be )?(?:delivered|couldn.t be delivered|has been blocked)",
        r"(?:the following|an? (?:e-?mail )?message|a message that you sent).{0,80}(?:could not be|undeliverable|was undeliverable|not be delivered)",
        r"i.m sorry to have to inform you that your message could not be delivered",
        r"the (?:e-?mail )?address .{1,120} (?:couldn.t be found|does not exist|not found)",
        r"address not found",
        r"message (?:not delivered|blocked)\b",
        r"diese nachricht wurde automatisch von .{0,60}(?:mail|server)",
        r"ihre nachricht (?:an .{1,120} )?konnte nicht zugestellt",
        r"die zustellung .{0,120} fehlgeschlagen",
        r"(?:votre|le) message .{0,120}n.a pas pu être (?:remis|distribué|délivré)",
        r"no se (?:pudo|ha podido) entregar (?:su|el|tu) mensaje",
        r"il messaggio .{0,120}non (?:è stato|può essere) (?:consegnato|recapitato)",
        r"uw bericht .{0,80}kon niet worden (?:bezorgd|afgeleverd)",
    ),
    re.I | re.S,
)
STATUS_FIELD = re.compile(
    r"^(reporting-mta|final-recipient|original-recipient|diagnostic-code|remote-mta|action|status|arrival-date)"
    r": ?\S",
    re.I | re.M,
)
REPLY_SUBJECT = re.compile(
    r"(?:(?:re|aw|sv|antw): ?)?"
    + _any(
        r"\[?\(?auto(?:matic|mated)?[ -]?(?:reply|response|responder|answer|message)\b(?! \w+ (?:is|does|did|stays|has))",
        r"autoreply\b",
        r"auto: ",
        r"vacation (?:reply|response|message|notice)\b",
        r"automatische (?:antwort|rückmeldung|nachricht)",
        r"abwesenheits(?:notiz|nachricht|meldung|assistent)",
        r"réponse automatique",
        r"(?:message )?d.absence",
        r"respuesta autom[aá]tica",
        r"risposta automatica",
        r"automatisch(?:e)? antwoord",
        r"resposta autom[aá]tica",
        r"autosvar",
        r"automati(?:skt|sk) svar",
        r"frånvaromeddelande",
        r"fraværsmelding",
        r"automaattinen vastaus",
        r"automatyczna odpowied",
        r"odpowiedź automatyczna",
        r"automatická odpově",
        r"otomatik (?:yanıt|cevap)",
        r"автоответ",
        r"автоматический ответ",
        r"自动回复",
        r"自動回覆",
        r"自動返信",
        r"自動応答",
        r"자동 ?(?:회신|응답)",
    ),
    re.I,
)
# a person may begin like this too: only where the body asks for nothing
ABSENT_SUBJECT = re.compile(
    r"(?:(?:re|aw|sv|antw): ?)?"
    + _any(
        r"out[ -]of[ -](?:the[ -])?office\b",
        r"ooo\b",
        r"on (?:annual|parental|maternity|sick) leave\b",
        r"away from (?:the office|my desk)",
        r"(?:i am|i.m) (?:currently )?(?:out of (?:the )?office|on (?:vacation|holiday|leave))",
        r"abwesend\b",
        r"nicht im (?:büro|haus)",
        r"absence du bureau",
        r"absente? du bureau",
        r"absence ?:",
        r"fuera de (?:la )?oficina",
        r"fuori (?:sede|ufficio)",
        r"assente\b",
        r"afwezig",
        r"niet op kantoor",
        r"fora do escrit[oó]rio",
        r"ausente\b",
        r"frånvar",
        r"poissa\b",
        r"poza biurem",
        r"不在(?:通知|連絡|のお知らせ)",
        r"부재",
    ),
    re.I,
)
RECEIPT_SUBJECT = re.compile(
    _any(
        r"(?:read|return|delivery) receipt\b",
        r"(?:read|delivery) (?:notification|confirmation)\b ?:",
        r"not read: ",
        r"disposition notification",
        r"(?:lese|empfangs|zustell|übermittlungs)bestätigung",
        r"confirmation de (?:lecture|remise)",
        r"accus[ée] (?:de )?(?:réception|lecture)",
        r"confirmaci[oó]n de (?:lectura|entrega)",
        r"acuse de (?:recibo|lectura)",
        r"conferma di (?:lettura|consegna)",
        r"ricevuta di ritorno",
        r"leesbevestiging",
        r"ontvangstbevestiging",
        r"confirma[çc][aã]o de leitura",
        r"läskvitto",
        r"kvittering for",
        r"lesebekreftelse",
        r"potwierdzenie (?:przeczytania|odczytu)",
        r"okundu bilgisi",
        r"уведомление о прочтении",
        r"已读回执",
        r"開封(?:確認|済み)",
    ),
    re.I,
)
# "Read: Your order" is what Outlook calls a receipt, and how a person may begin too
MAYBE_RECEIPT = re.compile(
    r"(?:read|delivered|relayed|displayed|gelesen|zugestellt|übermittelt|lu|remis|leído|entregado|letto|gelezen|bezorgd|"
    r"lida|lido|läst|lest|læst|luettu|przeczytano|okundu|прочтено|已读|已讀)\s?[:：]",
    re.I,
)
RECEIPT_BODY = re.compile(
    _any(
        r"(?:your|the) message\b.{0,400}\b(?:was|has been) (?:read|displayed|opened|delivered to the recipient)\b",
        r"this is a (?:return |read )?receipt for (?:the|your) (?:e-?mail|mail|message)",
        r"note: this return receipt only acknowledges",
        r"return receipt\b.{0,200}acknowledges",
        r"(?:ihre|die) nachricht\b.{0,400}\bwurde .{0,60}(?:gelesen|angezeigt|geöffnet)",
        r"dies ist eine (?:empfangs|lese)bestätigung",
        r"(?:votre|le) message\b.{0,400}\ba été (?:lu|affiché|ouvert)",
        r"(?:su|el|tu) mensaje\b.{0,400}\b(?:fue|ha sido|se ha) (?:leído|mostrado|abierto)",
        r"il (?:tuo |suo |vostro )?messaggio\b.{0,400}\bè stato (?:letto|visualizzato|aperto)",
        r"uw bericht\b.{0,400}\bis (?:gelezen|weergegeven)",
    ),
    re.I | re.S,
)
SAYS_SO = re.compile(
    _any(
        r"this is an? (?:auto(?:matic|mated)|automatically generated)\b.{0,20}\b(?:reply|response|message|e-?mail|answer|confirmation|acknowledg)",
        r"this (?:message|e-?mail|mail) (?:was|is|has been) (?:automatically generated|generated automatically|sent automatically|auto-?generated)",
        r"(?:please )?do not (?:reply|respond) to this (?:automated |automatic )?(?:e-?mail|message|mail)",
        r"automated response from",
        r"thank you for (?:contacting|your (?:message|e-?mail|inquiry|enquiry|request))\b.{0,160}\b(?:has been received|we have received|ticket|case|reference) ?(?:number|id|no\.?|#)?",
        r"we (?:have )?received your (?:message|e-?mail|request|inquiry|enquiry)\b.{0,200}\b(?:get back to you|respond|reply|be in touch)",
        r"dies(?:e nachricht)? (?:ist|wurde) (?:eine )?automatisch",
        r"(?:bitte )?antworten sie nicht auf diese",
        r"(?:ceci est|cet) (?:une? )?(?:réponse|message|e-?mail).{0,30}automatique",
        r"(?:este es|esta es) una? (?:respuesta|mensaje).{0,20}automátic",
        r"(?:questa è|questo è) una? (?:risposta|messaggio).{0,20}automatic",
        r"dit is een automatisch",
    ),
    re.I | re.S,
)
ABSENT = re.compile(
    _any(
        r"\b(?:i am|i.m|i will be|i.ll be|we are|we.re)\b.{0,40}\b(?:out of (?:the )?office|away from (?:the |my )?(?:office|desk)|on (?:annual |parental |maternity |paternity |sick )?leave|"
        r"on (?:vacation|holidays?|pto)|out of office|not in the office|travelling|traveling)\b.{0,300}\b(?:until|till|through|from|between|return|back|limited|no access|urgent|absence)\b",
        r"\b(?:limited|no|without|only sporadic) access to (?:my )?(?:e-?mails?|mail|messages)\b",
        r"\bwill (?:reply|respond|answer|get back|read).{0,60}\b(?:on|upon|after|when) (?:my|i|we) (?:return|am back|.m back|get back)",
        r"\bich bin\b.{0,60}\b(?:nicht (?:im (?:büro|haus|dienst)|erreichbar|am (?:arbeits)?platz)|abwesend|im urlaub|außer haus|in elternzeit)",
        r"\bje suis\b.{0,40}\b(?:absente?|en (?:congés?|vacances|déplacement))\b.{0,200}\b(?:jusqu|du|retour|urgence)",
        r"\b(?:estoy|estaré|me encuentro)\b.{0,40}\b(?:fuera de (?:la )?oficina|de vacaciones|ausente)",
        r"\b(?:sono|sarò)\b.{0,40}\b(?:fuori (?:ufficio|sede)|in (?:ferie|vacanza)|assente)",
        r"\bik ben\b.{0,60}\b(?:afwezig|niet (?:aanwezig|op kantoor|bereikbaar)|met (?:vakantie|verlof))",
        r"\b(?:estou|estarei)\b.{0,40}\b(?:fora do escritório|de férias|ausente)",
        r"\bjag är\b.{0,60}\b(?:inte på (?:kontoret|plats)|på semester|ledig|bortrest)",
        r"\bjestem\b.{0,40}\b(?:nieobecn|na urlopie|poza biurem)",
    ),
    re.I | re.S,
)
REQUEST = re.compile(
    r"\b(?:can|could|would|will) you\b|\b(?:i|we) (?:need|want|would like|.d like|have not received|haven.t received|still)\b"
    r"|\bplease (?!(?:contact|call|e-?mail|mail|reach|write|direct|address|note|be|do not|don.t|refer|allow|feel|turn|resend|send (?:it|your|an?) ))\w+"
    r"|\b(?:how|why|when|where) (?:do|does|can|is|are|will|should)\b|\bhold my (?:parcel|order|mail)\b"
    r"|\b(?:bitte (?!(?:wenden|kontaktieren|rufen|schreiben|beachten|haben|antworten|richten))\w+|können sie|könnten sie|ich (?:brauche|möchte|will)|pouvez-vous|pourriez-vous|je voudrais|puede[ns]?|podría|quisiera|potete|potreste|vorrei)\b",
    re.I,
)
