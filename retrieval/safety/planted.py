"""Sentences of an article that no reply may repeat: a quote says word for word what stands there, so
whoever can write one sentence into one article would speak to every customer. Pure.

What is looked for, sentence by sentence: orders to whoever writes the reply, and requests to hand a
secret (card number, password, code) to somebody. Entering one in a form is no such request.
"""

# ruff: noqa: E501, S105 (patterns read better whole; no password stands here)
from __future__ import annotations

import re

from retrieval.safety.normalise import normalise

LONGEST = 2_000  # characters of a sentence that are looked through

_WRITER = (
    r"(?:whoever|anyone who|the (?:person|one|agent|colleague) (?:who|that)|(?:the |all |any |our |your )?"
    r"(?:support )?(?:agents?|writers?|assistants?|authors?|chat-?bots?|bots?|ai(?: model| assistant)?|"
    r"language models?|machines?|operators?))"
)
_CUSTOMER = r"(?:(?:the|a|any|every|each|all|some|your) )?(?:customers?|users?|clients?|callers?|people|persons?|someone|somebody|anyone|anybody)"
_TELL = r"(?:send|tell|direct|refer|point|ask|give|forward|recommend|instruct|advise|route|redirect|inform|invite)"
_ANSWER = r"(?:answers?|repl(?:y|ies)|responses?|drafts?|e-?mails? to (?:the )?customers?)"
_ADDRESSES_THE_WRITER = re.compile(
    rf"\b(?:notes?|notice|hint|message|memo|instructions?|reminder|attention|guidance)\s+(?:for|to)\s+{_WRITER}\b"
    r"|\bwhoever (?:writes|drafts|answers|replies|reads|handles)\b"
    rf"|\b(?:when(?:ever)?|if|once|as soon as) {_CUSTOMER}\s+(?:asks?|writes?|wants?|mentions?|contacts?|complains?|inquires?|enquires?)\b"
    rf"[^.!?\n]{{0,120}}\b{_TELL} (?:them|him|her|{_CUSTOMER})\b"
    rf"|\b(?:always|never|first) {_TELL} (?:them|him|her|{_CUSTOMER})\b"
    rf"|\b(?:in|into|to|at the (?:end|start|top) of) (?:your|every|each|any|all) {_ANSWER}\b"
    rf"|\b(?:your|every|each|any|all) {_ANSWER} (?:must|should|has to|have to|needs? to|shall)\b"
    rf"|\b(?:write|add|include|put|mention|say|repeat|quote|begin|end|start)\b[^.!?\n]{{0,60}}\b(?:in|into|to|with) "
    rf"(?:your|every|each) {_ANSWER}\b"
    r"|\b(?:do not|don['’]t|never) (?:tell|show|mention|reveal|repeat)\b[^.!?\n]{0,30}\b(?:the )?(?:customer|user|reviewer)s?\b"
    r"|\b(?:hinweis|anweisung|notiz) (?:für|an) (?:den|die|das|alle) (?:verfasser|bearbeiter|assistent|agent|schreiber|ki|bot)"
    r"|\bwenn (?:ein|der|die|eine) kund\w+ (?:fragt|schreibt)\b"
    r"|\b(?:note|consigne|instruction) (?:pour|à) (?:celui|la personne|l['’]agent|l['’]assistant)"
    r"|\b(?:lorsqu|quand|si) ?['’]?(?:un|le) client (?:demande|écrit)\b"
    r"|\b(?:nota|instrucci[oó]n) para (?:quien|el agente|el asistente)|\bcuando (?:un|el) cliente (?:pregunte|escriba|pregunta)\b",
    re.IGNORECASE,
)  # fmt: skip

_SECRET = (
    r"(?:(?:credit |debit |bank |payment )?card (?:numbers?|details?|data)|card and (?:its )?(?:pin|code)|"
    r"cvv2?|cvc2?|security codes?|pin(?: codes?| numbers?)?|tans?|"
    r"pass(?:words?|codes?|phrases?)(?!\s+(?:reset|rules?|polic|manager|hint|recovery|link|protected))|"
    r"one-?time (?:codes?|passwords?)|(?:verification|confirmation|login|log-in|sign-in|access|sms|texted?|6-digit|six-digit) codes?|"
    r"otp|(?:seed|recovery) phrases?|log-?in (?:data|details)|credentials|"
    r"kartennummer|passwort|kennwort|sicherheitscode|prüfziffer|zugangsdaten|numéro de carte|mot de passe|code (?:de sécurité|secret)|"
    r"cryptogramme|número de (?:la |su )?tarjeta|contraseña|código de (?:seguridad|verificación))"
)
_HAND_OVER = re.compile(
    r"\b(?:send|tell|read|reply|answer|text|e-?mail|share|dictate|forward|post|whatsapp|"
    r"give (?:us|them|him|her|me|the)|let (?:us|them|him|her|me) (?:know|have)|call (?:us|them|\+?\d[\d ()-]{5,}) (?:and|with))\b"
    rf"(?:[^.!?\n]{{0,80}}\b(?:your|his|her|their)|\s+(?:to )?(?:us|me|him|her|them)\b[^.!?\n]{{0,40}}?\b(?:the|a|both))\s+"
    rf"(?:[\w-]+\s+){{0,3}}?{_SECRET}"
    rf"|\b(?:ask|request|collect|get|obtain|demand)\b[^.!?\n]{{0,40}}\b(?:for|their|them|his|her|the customer)\b[^.!?\n]{{0,40}}\b{_SECRET}"
    rf"|\b(?:we|support|our (?:team|agents?)|the agent)\b[^.!?\n]{{0,40}}\b(?:need|require|must have)s?\b[^.!?\n]{{0,40}}\byour\s+(?:[\w-]+\s+){{0,3}}?{_SECRET}"
    rf"|\b(?:nennen|schicken|senden|teilen|geben|mailen|lesen)\b[^.!?\n]{{0,60}}\b(?:ihre?n?|deine?n?|die|das|den)\s+(?:[\w-]+\s+){{0,2}}?{_SECRET}"
    rf"|\b(?:envoyez|communiquez|donnez|indiquez|transmettez|lisez)\b[^.!?\n]{{0,60}}\b(?:votre|vos|le|la)\s+(?:[\w-]+\s+){{0,2}}?{_SECRET}"
    rf"|\b(?:env[ií]e|mande|diga|facilite|comunique|lea|proporcione)(?:nos|me|le)?\b[^.!?\n]{{0,60}}\b(?:su|sus|el|la)\s+(?:[\w-]+\s+){{0,2}}?{_SECRET}",
    re.IGNORECASE,
)  # fmt: skip
# "Never share your password", "we will not ask for it": what warns of it
_WARNS = re.compile(
    r"\b(?:never|not|\w+n['’]t|without|nobody|no one|avoid|instead of|beware|nie|niemals|kein\w*|nicht|jamais|ne (?:l['’]?)?\w+|nunca|no (?:env|mand|dig|facilit|comuni|proporc)\w+)\b",
    re.IGNORECASE,
)


def why_not_said(sentence: str) -> str:
    """Why a sentence of an article must not be told to a customer, in words; empty where nothing speaks
    against it."""
    text = normalise(sentence[:LONGEST]).text
    if _ADDRESSES_THE_WRITER.search(text):
        return "it tells whoever writes the reply what to write"
    found = _HAND_OVER.search(text)
    if found and not _WARNS.search(text[max(0, found.start() - 40) : found.end()]):
        return "it asks for card data, a password or a code"
    return ""
