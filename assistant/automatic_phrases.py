"""How automatic mail says what it is, in the languages that people mostly write in. Pure.

Each phrase is bounded, so that the work is linear in the text. `automatic` says where each counts.
"""

# ruff: noqa: E501 (a phrase a line)

from __future__ import annotations

import re


def _any(*phrases: str) -> str:
    return "(?:" + "|".join(phrases) + ")"


# nobody but a mail server begins so
BOUNCE_SUBJECT = re.compile(
    _any(
        r"undelivered mail returned to sender",
        r"mail delivery (?:failed|failure|error) ?: ?returning",
        r"mail delivery (?:subsystem|system)$",
        r"(?:delivery status notification|notificación de estado de entrega|notifica sullo stato [\w ]{4,20}|"
        r"notificação de status de entrega|benachrichtigung (?:zum|über den) \w+status|notification d.état de remise) ?\(",
        r"delivery failure: user\b",
        r"returned mail: (?:see transcript|user unknown|host unknown)",
        r"mail system error -",
        r"mail failure -",
        r"\[postmaster\]",
        r"warning: could not send message for",
        r"warning: message .{0,60}delayed",
    ),
    re.I,
)
# what a customer may call a parcel's fate too: only with a bounce's own words below
MAYBE_BOUNCE = re.compile(
    _any(
        r"undeliver(?:able|ed)\b",
        r"(?:e-?mail|mail|message) (?:could )?not (?:be )?deliver",
        r"(?:e-?mail|mail|message) (?:delivery|undeliverable|blocked)",
        r"your (?:e-?mail|message) (?:could not|was not|wasn.t|couldn.t)",
        r"(?:e-?mail )?delivery (?:has |was )?(?:fail|delay|incomplete|notification|status)",
        r"non-?delivery",
        r"address not found",
        r"returned mail\b",
        r"failure notice\b",
        r"warning: could not send",
        r"mail system error",
        r"(?:nicht zustellbar|unzustellbar|zustell\w+|zustellung fehlgeschlagen)",
        r"(?:mail|nachricht|e-mail) (?:konnte nicht|nicht) zugestellt",
        r"(?:échec|echec) (?:de )?(?:la )?(?:remise|distribution|livraison|d.envoi)",
        r"non remis\b",
        r"message non (?:distribu|remis|délivr)",
        r"no se (?:puede|pudo|ha podido) entregar",
        r"(?:mensaje )?no entregado",
        r"entrega fallida",
        r"(?:mancat[ao] (?:consegna|recapito)|non recapitabile|recapito non riuscito|impossibile (?:consegnare|recapitare))",
        r"(?:onbestelbaar|niet bezorgd|kan niet worden bezorgd)",
        r"(?:falha na entrega|não entregue|não foi possível entregar)",
        r"(?:niedostarczon|nie (?:można )?dostarcz)",
        r"(?:kan(?:de)? (?:inte|ikke|ej) lever|kunne ikke leveres|ikke leveret|olever)",
        r"viestiä ei voitu toimittaa",
        r"(?:iletilemedi|teslim edilemedi)",
        r"(?:не ?доставлен|недоставлен|не удалось доставить)",
        r"(?:配信不能|配信できません|未送達|退信|系统退信|无法投递)",
    ),
    re.I,
)
BOUNCE_BODY = re.compile(
    _any(
        r"this is the mail system at host",
        r"hi[.!]\s{1,4}this is the .{0,40}(?:qmail|mail)",
        r"this is an automatically generated delivery status",
        r"this message was created automatically by mail",
        r"this (?:report relates to a message you sent|message was undeliverable due to)",
        r"this is a permanent error",
        r"\*\* (?:address not found|delivery incomplete|message (?:not delivered|blocked))",
        r"delivery (?:to|has failed to|is delayed to) (?:the following|these) recipients?",
        r"your message\b.{1,300}\bwas not delivered to:",
        r"your message (?:to .{1,120} |was not |wasn.t |could not |couldn.t )(?:be )?(?:delivered to (?:\S{1,120}@|the recipient|the following)|couldn.t be delivered|could not be delivered|has been blocked|wasn.t delivered)",
        r"(?:the following|an? (?:e-?mail )?|a message that you sent).{0,40}message.{0,60}(?:could not be|not be) delivered",
        r"a message that you sent (?:could not|contained no)",
        r"i.m sorry to have to inform you that your message could not be delivered",
        r"the (?:e-?mail )?address .{1,120} (?:couldn.t be found|does not exist|not found)",
        r"address not found",
        r"message could not be delivered to \S{1,120}@",
        r"message (?:not delivered|blocked)\s*\n",
        r"\b5\d\d[ -]5\.\d\.\d{1,2} ",
        r"dies?e? (?:nachricht|mail|e-mail) wurde automatisch (?:von|erstellt|erzeugt|generiert).{0,80}(?:mail|server)",
        r"ihre (?:nachricht|e-mail|mail) (?:an \S{1,120} )?(?:konnte|wurde) nicht zugestellt",
        r"die zustellung .{0,120} fehlgeschlagen",
        r"(?:fehler bei der|übermittlung).{0,60} (?:an )?folgende empfänger",
        r"(?:votre|le) message .{0,120}n.a pas pu être (?:remis|distribué|délivré)",
        r"échec de la remise (?:aux|à)",
        r"no se (?:pudo|ha podido) entregar (?:su|el|tu) mensaje|no se pudo entregar .{0,20}a estos destinatarios",
        r"(?:no se ha encontrado la dirección|indirizzo non trovato|endereço não encontrado|adresse (?:nicht gefunden|introuvable))",
        r"(?:su|tu) mensaje no se ha entregado",
        r"impossibile recapitare (?:il|questo) messaggio",
        r"il messaggio .{0,120}non (?:è stato|può essere) (?:consegnato|recapitato)",
        r"(?:uw bericht .{0,80}kon niet worden (?:bezorgd|afgeleverd)|het bezorgen is mislukt bij)",
        r"(?:falha na entrega (?:para|a) estes|sua mensagem não foi entregue)",
        r"(?:dostarczenie nie powiodło się do|twoja wiadomość nie została dostarczona)",
        r"(?:ваше )?сообщение не (?:было )?доставлено .{0,20}(?:получател|адресат)",
        r"次の(?:宛先|受信者).{0,20}(?:配信|配達)",
    ),
    re.I | re.S,
)
STATUS_FIELD = re.compile(
    r"^(reporting-mta|final-recipient|original-recipient|diagnostic-code|remote-mta|action|status|arrival-date)"
    r": ?\S",
    re.I | re.M,
)
REPLY_SUBJECT = re.compile(
    _any(
        r"\[?\(?auto(?:matic|mated)?[ -]?(?:reply|response|responder|answer)\b",
        r"auto(?=: (?:re|aw|sv|antw): )",
        r"(?:accusé de )?réception automatique",
        r"vacation (?:reply|response|message|notice)\b",
        r"automatische (?:antwort|rückmeldung)",
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
    _any(
        r"out[ -]of[ -](?:the[ -])?office\b",
        r"auto(?:matic|mated)? message\b|automatische nachricht\b",
        r"ooo\b",
        r"on (?:annual|parental|maternity|sick) leave\b",
        r"away from (?:the office|my desk)",
        r"(?:i am|i.m) (?:currently )?(?:out of (?:the )?office|on (?:vacation|holiday|leave))",
        r"(?:urlaubs|ferien)?abwesen(?:d|heit)\b",
        r"urlaub\b",
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
        r"(?:read|return) receipt\b",
        r"(?:read|return) (?:notification|confirmation)\b",
        r"not read(?=: )",
        r"disposition notification",
        r"(?:lese|empfangs)bestätigung",
        r"confirmation de lecture",
        r"accus[ée] (?:de )?(?:réception|lecture)",
        r"confirmaci[oó]n de lectura",
        r"acuse de (?:recibo|lectura)",
        r"conferma di lettura",
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
# "Read: Your order" is what Outlook calls a receipt, and how a person may begin too; of deliveries, people
# write more than programs do
MAYBE_RECEIPT = re.compile(
    r"(?:read|delivered|relayed|displayed|gelesen|zugestellt|übermittelt|lu|remis|leído|entregado|letto|gelezen|bezorgd|"
    r"lida|lido|läst|lest|læst|luettu|przeczytano|okundu|прочтено|已读|已讀)\s?[:：]"
    r"|your message was (?:read|displayed)|(?:delivery|zustell\w*|übermittlungs\w*|empfangs\w*) ?(?:receipt|notification|confirmation|bestätigung)\b",
    re.I,
)
RECEIPT_BODY = re.compile(
    _any(
        r"(?:your|the) message\b.{0,400}\b(?:was|has been) (?:read|displayed|opened|delivered to the (?:following )?recipients?)\b",
        r"delivery to these recipients or groups is complete",
        r"your message\b.{0,400}\bwas deleted without being read",
        r"this is a (?:return |read )?receipt for (?:the|your) (?:e-?mail|mail|message)",
        r"note: this return receipt only acknowledges",
        r"return receipt\b.{0,200}acknowledges",
        r"(?:ihre|die) nachricht\b.{0,400}\bwurde .{0,60}(?:gelesen|angezeigt|geöffnet)",
        r"dies ist eine (?:empfangs|lese)bestätigung",
        r"(?:votre|le) message\b.{0,400}\ba été (?:lu|affiché|ouvert)",
        r"(?:su|el|tu) mensaje\b.{0,400}\b(?:fue|ha sido|se ha) (?:leído|mostrado|abierto)",
        r"il (?:tuo |suo |vostro )?messaggio\b.{0,400}\bè stato (?:letto|visualizzato|aperto)",
        r"uw bericht\b.{0,400}\bis (?:gelezen|weergegeven)",
        r"(?:ihre|die) nachricht\b.{0,200}\bempfängern zugestellt",
        r"(?:a|sua) mensagem\b.{0,400}\bfoi (?:lida|exibida|aberta)",
        r"(?:twoja )?wiadomość\b.{0,400}\bzostała (?:przeczytana|wyświetlona|otwarta)",
        r"(?:ваше )?сообщение\b.{0,400}\bбыло (?:прочтено|прочитано|открыто)",
    ),
    re.I | re.S,
)
SAYS_SO = re.compile(
    _any(
        r"this is an? (?:auto(?:matic|mated)|automatically generated)\b.{0,20}\b(?:reply|response|message|e-?mail|answer|confirmation|acknowledg)",
        r"this (?:message|e-?mail|mail) (?:was|is|has been) (?:automatically generated|generated automatically|sent automatically|auto-?generated)",
        r"(?:please )?do not (?:reply|respond) to this (?:automated |automatic )?(?:e-?mail|message|mail)(?:[.!,;]|$)",
        r"please (?:type|write) your reply above this line",
        r"automated response from",
        r"(?<!['\"“‘„«])\byour (?:message|e-?mail|inquiry|enquiry|request|ticket|case)\b[^'\"“‘„«]{0,40}\bhas been (?:received|logged|registered|opened)\b.{0,200}\b(?:review|respon|reply|touch|contact you|get back|reference|number)",
        r"we (?:have |.ve )?received your (?:message|e-?mail|request|inquiry|enquiry)\b.{0,200}\b(?:get back to you|(?:respond|reply) (?:to you|as soon|within|shortly|soon)|be in touch)",
        r"this (?:mailbox|inbox|e-?mail address|address) is (?:not|no longer|not being) (?:monitored|read|checked)",
        r"\bhas left (?:the|our) (?:company|organi[sz]ation)\b.{0,100}\b(?:contact|write|e-?mail|forward|assistance)",
        r"\bi no longer work (?:at|for|with)\b.{0,80}\bplease (?:contact|write|e-?mail|direct|reach)",
        r"avons bien reçu votre (?:message|demande|e-?mail|courriel)\b.{0,120}\b(?:répon|traiter|recontact)",
        r"wir haben ihre (?:nachricht|anfrage|e-?mail|mail) erhalten\b.{0,160}\b(?:melden uns|antwort|bearbeit)",
        r"hemos recibido (?:tu|su) (?:mensaje|solicitud|correo|consulta)\b.{0,120}\b(?:respond|contact|atend)",
        r"abbiamo ricevuto (?:il|la) (?:tuo|tua|suo|sua|vostr[ao]) (?:messaggio|richiesta|e-?mail)\b.{0,120}\b(?:rispond|ricontatt)",
        r"(?:wij|we) hebben (?:uw|je) (?:bericht|e-?mail|vraag|aanvraag) ontvangen\b.{0,120}\b(?:antwoord|contact|reageren)",
        r"dies(?:e nachricht)? (?:ist|wurde) (?:eine )?automatisch",
        r"(?:bitte )?antworten sie nicht auf diese",
        r"(?:ceci est|cet) (?:une? )?(?:réponse|message|e-?mail).{0,30}automatique",
        r"(?:este es|esta es) una? (?:respuesta|mensaje).{0,20}automátic",
        r"(?:questa è|questo è) una? (?:risposta|messaggio).{0,20}automatic",
        r"dit is een automatisch",
    ),
    re.I | re.S,
)
_ON_LEAVE = (
    r"(?:out of (?:the )?office|away from (?:the |my )?(?:office|desk)|on (?:annual |parental |maternity |paternity |sick )?leave|"
    r"on (?:vacation|holidays?|pto)|not in the office|travelling|traveling|away(?! from)|off(?= (?:until|till|from|on|for|sick)\b)|ooo|unavailable)"
)
ABSENT = re.compile(
    _any(
        rf"\b(?:i am|i.m|i will be|i.ll be|we are|we.re)\b.{{0,40}}\b{_ON_LEAVE}\b",
        r"\bich (?:bin|befinde mich)\b.{0,60}\b(?:nicht (?:im (?:büro|haus|dienst)|erreichbar|am (?:arbeits)?platz)|abwesend|(?:im|in) (?:urlaub|ferien|den ferien)|außer haus|in elternzeit)",
        r"\bje (?:suis|serai)\b.{0,40}\b(?:absente?|en (?:congés?|vacances|déplacement))\b",
        r"\b(?:estoy|estaré|me encuentro)\b.{0,40}\b(?:fuera de (?:la )?oficina|de vacaciones|ausente)",
        r"\b(?:sono|sarò)\b.{0,40}\b(?:fuori (?:ufficio|sede)|in (?:ferie|vacanza)|assente)",
        r"\bik ben\b.{0,60}\b(?:afwezig|niet (?:aanwezig|op kantoor|bereikbaar)|(?:met|op) (?:vakantie|verlof))",
        r"\b(?:estou|estarei)\b.{0,40}\b(?:fora do escritório|de férias|ausente)",
        r"\bjag är\b.{0,60}\b(?:inte på (?:kontoret|plats)|på semester|ledig|bortrest)",
        r"\bjeg (?:er|holder)\b.{0,60}\b(?:på ferie|ikke på kontoret|bortrejst|fraværende|ferie)",
        r"\bjestem\b.{0,40}\b(?:nieobecn|na urlopie|poza biurem)",
        r"\bя\b.{0,30}\b(?:в отпуске|отсутствую|вне офиса)",
        r"(?:休暇中|不在にして|出張中)",
    ),
    re.I | re.S,
)
# what becomes of the mail meanwhile, as an absence notice says and a customer doesn't
OF_THE_MAIL = re.compile(
    _any(
        r"\b(?:limited|no|without|only sporadic) access to (?:my )?(?:e-?mails?|mail|messages)\b",
        r"\bwill (?:reply|respond|answer|get back|read).{0,60}\b(?:on|upon|after|when) (?:my|i|we) (?:return|am back|.m back|get back)",
        r"\b(?:my )?(?:e-?mails?|messages?) (?:are|is|will|won.t) (?:not |be |being )*(?:read|forwarded|answered|checked|monitored)\b",
        r"\bthank(?:s| you)(?: very much)? for (?:your|the) (?:e-?mail|mail|message)\b.{0,200}\b(?:until|till|returning|return|be back)\b",
        r"\burgent\b[^.!?]{0,80}\b(?:contact|call|write|reach|e-?mail|speak)|\b(?:help|assist)[^.!?]{0,40}\burgent",
        r"\bin (?:my|our) absence\b",
        r"\b(?:vielen )?dank für (?:ihre|deine) (?:nachricht|e-?mail|mail)\b.{0,200}\b(?:bis|ab) (?:zum|dem|\d|mo|di|mi|do|fr)|\bdringend\w* (?:fällen|angelegenheiten|anliegen|fragen)\b",
        r"\bwird nicht (?:weitergeleitet|gelesen)\b|\b(?:meine|zur) vertretung\b|\bnach meiner rückkehr\b",
        r"\burg[eê]n(?:ce|cia|cias|za|ze)\b[^.!?]{0,60}(?:contact|écri|appel|join|llam|escrib|rivol|scriv|chiam|@)",
        r"\b(?:urgente|urgenti|urgentes)\b[^.!?]{0,60}(?:contact|escrib|rivol|scriv|contatt|@)|\burgenze\b",
        r"\bà mon retour\b|\ba mi (?:vuelta|regreso)\b|\bal mio (?:rientro|ritorno)\b|\bno meu (?:retorno|regresso)\b",
        r"\bdringende (?:zaken|vragen)\b|\bbij terugkomst\b|\bbrådskande ärenden\b|\bpilnych spraw|\bsvarer når\b|\btak for din (?:mail|besked)\b.{0,120}\btil\b|\bhaster det\b",
        r"срочн\w+ (?:вопрос|дел)\w*|返信|急ぎ|緊急の",
    ),
    re.I | re.S,
)
REQUEST = re.compile(
    r"\b(?:can|could|would|will) you\b|\b(?:i|we) (?:need|want|would like|.d like|have not received|haven.t received|still|can.t|cannot)\b"
    r"|\bplease (?!(?:contact|call|e-?mail|mail|reach|write|type|direct|address|note|be|do not|don.t|refer|allow|feel|turn|resend|use|visit|submit|fill|log|see|send (?:it|your|an?) ))\w+"
    r"|\b(?:how|why|when|where) (?:do|does|can|is|are|will|should)\b|\bhold my (?:parcel|order|mail)\b|\b(?:send|ship|give|refund) (?:me|us|my)\b|\bmust be\b|\bis (?:a|my|the|it) \w+ possible\b"
    r"|\b(?:does not|doesn.t|do not work|don.t work|won.t|not working|is broken|stopped|still no|still not)\b"
    r"|\b(?:bitte (?!(?:wenden|kontaktieren|rufen|schreiben|beachten|haben|antworten|richten|an|direkt|per|ab))\w+|können sie|könnten sie|wie (?:kann|stelle|schalte)|ich (?:brauche|möchte|will))\b"
    r"|\b(?:pouvez-vous|pourriez-vous|je voudrais|s.il vous plaît (?!contact)\w*|livrez|envoyez)\b"
    r"|\b(?:puede[ns]?|podría|quisiera|quiero|por favor (?!contact|pón|escrib|dir)\w*|entreguen?|envíen?)\b"
    r"|\b(?:potete|potreste|vorrei|consegnate|inviate)\b",
    re.I,
)
