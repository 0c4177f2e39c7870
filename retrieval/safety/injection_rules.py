"""What planted instructions look like: named patterns, each with its weight and its reason in words.

A weight is the score that one occurrence alone gives; several different rules add up (see
`retrieval.safety.injection`). Patterns are matched on normalised text, ignoring case.
"""

# ruff: noqa: E501 (patterns read better whole)
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """A pattern with the score it gives alone, and what it means in words."""

    name: str
    weight: float
    reason: str
    pattern: re.Pattern[str]


def joined(*patterns: str) -> re.Pattern[str]:
    """One pattern that matches where any of these does."""
    either = "|".join(f"(?:{pattern})" for pattern in patterns)
    return re.compile(either, re.IGNORECASE | re.MULTILINE)


def _rule(name: str, weight: float, reason: str, *patterns: str) -> Rule:
    return Rule(name, weight, reason, joined(*patterns))


UP_TO_4 = r"(?:[\w'’\"-]+[\s,]+){0,4}?"
GAP = r"[^\n.!?]{0,60}?"
WIDE_GAP = r"(?:[^\n.!?]|[.!?](?=[\w\"”'’])){0,90}?"  # goes on over the dots of addresses
_DROP = (
    r"\b(?:ignore|disregard|forget|overlook|override|neglect|bypass|discard|erase|delete|"
    r"pay no attention to|do not (?:follow|obey|comply with)|don'?t (?:follow|obey)|"
    r"stop (?:following|obeying)|cancel)\s+"
    # what a customer takes back of their own words is no order to the machine
    r"(?!(?:all\s+|any\s+)?(?:of\s+)?my\b)"
    r"(?!(?:everything|anything|all|what|whatever)\s+(?:that\s+)?(?:i|we)\s+(?:just\s+|have\s+|had\s+)?"
    r"(?:said|wrote|written|asked|sent|mentioned|reported|described|ordered)\b)"
)
# "You are now charging me": what a company does to a customer is no new identity
_COMPLAINT = (
    r"(?!(?:act|play|pretend|simulat|role-?play|becom|speak|writ|respond|answer|operat|runn|function|"
    r"behav|be|tak|embody|impersonat)ing\b)\w+ing\b|late\b|overdue\b|out of\b|"
    r"the (?:first|second|third|fourth|fifth|last|only|\d+(?:st|nd|rd|th))\b|"
    r"(?:[\w-]+\s+){1,3}(?:minutes?|hours?|days?|weeks?|months?|years?|times)\b"
)
_EARLIER = r"(?:previous|prior|preceding|above|earlier|foregoing|former|initial|original|existing|past|other|given|system|safety|developer)"
_ORDERS = (
    r"(?:instructions?|prompts?|rules?|guidelines?|directions?|directives?|directions|context|"
    r"programming|training|commands?|constraints?|restrictions?|safeguards?|polic(?:y|ies)|"
    r"conversations?|everything|assignments?|tasks?|inputs?|text)"
)
_ANSWER = (
    r"(?:answers?|responses?|repl(?:y|ies)|outputs?|completions?|generations?|summary|message)"
)
_HIDDEN_ORDERS = (
    r"(?:system|initial|original|hidden|secret|developer|first|internal|base|pre)[\s-]*"
    r"(?:prompts?|instructions?|messages?|configuration|directives?|rules|guidelines|context)"
)
AI = (
    r"(?:AI(?: model| assistant| language model| system| bot)?s?|artificial intelligence|"
    r"(?:large )?language models?|LLMs?|chat-?bots?|chat-?gpt|gpt-?\d?|virtual assistants?|"
    r"digital assistants?|assistants?|claude|gemini|copilot)"
)

RULES: tuple[Rule, ...] = (
    _rule(
        "override", 0.85, "asks to set aside earlier instructions",
        _DROP + rf"(?:{UP_TO_4})(?:all|any|every|your|these|those|previous|prior|above|earlier|system)\s+"
        rf"{UP_TO_4}{_ORDERS}\b(?!\s+(?:book|manual|leaflet|sheet|email|e-mail|letter))",
        _DROP + rf"(?:the\s+|my\s+)?{UP_TO_4}{_EARLIER}\s+{UP_TO_4}{_ORDERS}\b",
        _DROP + r"(?:everything|anything|all)\s+(?:that\s+)?(?:you|i|we|was|said|above|before|learned|written)\b",
        _DROP + r"(?:what|whatever|all that)\s+(?:you|i|was)\b[^.\n]{0,30}\b(?:told|said|instructed|taught|programmed)",
        _DROP + rf"(?:the\s+|those\s+|these\s+)?{_ORDERS}\s+(?:that\s+|which\s+)?(?:above|before this|you (?:were|have been|got|received))",
        r"\b(?:ignore|disregard|forget)(?:all)?(?:the|your|of)?(?:previous|prior|above|earlier)(?:instructions?|rules|prompts?)",
        r"\b(?:new|updated|revised|real|actual|special|additional)\s+(?:system\s+)?(?:instructions?|directives?|prompt)\s*(?::|are\b|for the (?:ai|assistant|model))",
        r"\bstop everything\b.{0,20}\b(?:just|now|print|say)",
        r"\b(?:override|overriding)\s+(?:the\s+|your\s+|all\s+)?(?:system|safety|security|protocols?|programming|guardrails?)",
        r"\b(?:admin(?:istrator)?|system|developer|root|security)\s+override\b",
    ),
    _rule(
        "new identity", 0.5, "gives the assistant another identity or role",
        r"\b(?:you(?:'re| are) (?:now(?!\s+(?:" + _COMPLAINT + r"))|no longer(?!\s+\w+ing\b)|going to (?:act|be|play|pretend|behave|simulate|roleplay)))\b(?!\s+(?:logged|signed|connected|ready|able|finished|done|set|able to|eligible|entitled|considered|on|in|at|a (?:member|customer|subscriber|registered)|eligible|required|subscribed|viewing|using|leaving|entering|seeing|prompted|asked|redirected))",
        r"\byou will (?:now )?(?:act|play|behave|pretend|roleplay|respond|answer|be acting|simulate|impersonate|become)\b",
        r"\b(?:act|behave|respond|answer|speak|reply|function|operate|write)\s+(?:as|like)\s+(?:if you|though you|an? (?:ai|evil|unrestricted|unfiltered|linux|terminal|hacker|character|person|human|expert|[\w-]+ (?:assistant|bot|ai))|my |the character|chatgpt|you (?:are|were|have))",
        r"\bpretend\s+(?:that\s+)?(?:to be|you(?:'re| are| were| have)\b)|\b(?:imagine|suppose|assume)\s+(?:that\s+)?(?:to be|you(?:'re| are| were)\s+(?:an?|the|my|in an?|no|not|(?-i:[A-Z]\w+))\b(?!\s+customer)|you have (?:no|been)\b)",
        r"\brole-?\s?play(?:ing|er)?\b(?!\s+(?:games?|books?|dice|sets?))", r"\bstay in character\b|\bbreak(?:ing)? character\b|\bin character as\b",
        r"\b(?:immerse yourself|take on|assume|adopt|play)\s+(?:in(?:to)?\s+)?the\s+(?:role|persona|character|identity|part)\b",
        r"\byour (?:new )?(?:name|identity|persona|role|task|job|goal|mission|purpose|objective) (?:is|will be|shall be|now is)\b(?!\s+(?:not|required|invalid|already|incorrect|correct|displayed|shown|missing|on|in)\b)",
        r"\bfrom (?:now on|this (?:point|moment)(?: on(?:ward)?s?)?|here on(?: out)?)\b" + GAP + r"\byou\b"
        r"(?!\s+(?:(?:will|should|must|can|may|need to|have to|are to)\s+)?(?:please\s+|only\s+|always\s+)?(?:send|ship|deliver|charge|bill|call|e-?mail|invoice|mail|contact|post|pay|refund|book|phone|debit|withdraw|use my|write to|let me|collect)\b)",
        r"\bsimulate\s+(?:an?\s+)?(?:\w+\s+){0,3}(?:mode|ai|chatbot|persona|character|terminal|chatgpt)\b",
        r"\b(?:two|2|separate|distinct)\s+(?:\w+\s+){0,2}(?:personas|personalities|responses? to (?:every|each))\b",
    ),
    _rule(
        "role order", 0.6, "orders the assistant to play a part",
        r"\bI (?:want|need|would like) you to (?:act as|act like|pretend|behave|role-?play|simulate|impersonate|ignore|forget|become|(?:respond|reply) as(?!\s+(?:soon|quick|fast|early|well|prompt|agreed|usual|before)))\b",
    ),
    _rule(
        "jailbreak", 0.55, "speaks of lifting the assistant's limits",
        r"\bjail-?br(?:eak|oken)(?:ed|ing)?\b(?!\s+(?:device|phone|iphone|or rooted))", r"\bdo anything now\b", r"\b(?-i:DAN|D\.A\.N)\b(?=[^\n]{0,80}\b(?:you|mode|can|will|ai|free)\b)",
        r"\b(?:god|dan|unrestricted|jailbreak|evil|chaos|opposite) mode\b(?:[^.\n]{0,40}\b(?:enabled|activated|on|output|unlock|you|now)\b)",
        # devices have these modes too: here it must be the machine's
        rf"\b(?:developer|debug|maintenance|sudo) mode\b[^.\n]{{0,60}}\b(?:outputs?|{AI}|answers?|respon[ds]\w*|you (?:are|can|will|must|have|may))\b",
        rf"\b(?:{AI}|you(?:'re| are| will| must)|your)\b[^.\n]{{0,60}}\b(?:developer|debug|maintenance) mode\b",
        r"\b(?:no|without|free (?:of|from)|lift|remove|break free|not bound by)\b" + GAP
        + r"\b(?:restrictions?|limitations?|filters?)\b[^.\n]{0,60}\b(?:you (?:are|can|will|must|have)|answer|respon[ds]\w*)\b",
        rf"\b(?:{AI}|you(?:'re| are| have| will| must|rself)|your|answers?|respon[ds]\w*|act|speak)\b[^.\n]{{0,60}}\b(?:no|without|free (?:of|from)|lift|remove|break free|not bound by)\b"
        + GAP + r"\b(?:restrictions?|limitations?|filters?)\b",
        r"\b(?:no|without|free (?:of|from)|lift|remove|break free|not bound by|any)\b" + GAP
        + r"\b(?:censorship|moral(?:s|ity)?|ethic(?:s|al)|guardrails?|content polic)",
        r"\b(?:un(?:censored|filtered|restricted|moderated|ethical|aligned|hinged)|amoral)\b[^.\n]{0,30}\b(?:ai|answers?|response|model|chatbot|assistant|mode|persona|version|advice)\b",
        r"\bopen\s?ai(?:'s|’s)?\b[^.\n]{0,40}\b(?:polic|guideline|rule|restriction|limit|content|filter|censor)",
        r"\b(?:never|cannot|can'?t|don'?t|do not|must not|will not|won'?t|not)\s+(?:ever\s+)?(?:refuse|decline|reject)\b[^.\n]{0,40}\b(?:request|answer|question|order|command|prompt|anything|do)",
        r"\b(?:bypass|evade|circumvent|disable|turn off)\b[^.\n]{0,30}\b(?:safety|moderation|content|ethical|guardrails?|screening|safeguards?)\b",
        r"\b(?:illegal|immoral|unethical|harmful)\b[^.\n]{0,30}\b(?:illegal|immoral|unethical|harmful)\b",
        r"\bregardless of\b[^.\n]{0,40}\b(?:ethic|moral|legal|harm|polic|consequence)",
        r"\bany(?:thing)?\s+(?:question|request|command|prompt)s?\b[^.\n]{0,30}\b(?:no matter|without question|whatsoever)",
    ),
    _rule(
        "prompt extraction", 0.75, "asks for the assistant's own instructions",
        r"\b(?:reveal|show|print|repeat|output|display|tell|give|share|write|disclose|expose|leak|list|quote|recite|dump|return|encode|translate|summari[sz]e|need to see|see|what (?:is|are|was|were)|what'?s)\b"
        + GAP + r"\b(?:your|the|its|this|above|those)\s+(?:\w+\s+){0,2}?" + _HIDDEN_ORDERS + r"\b",
        r"\bsystem prompts?\b(?!\s+(?:you|the (?:user|administrator)|for|users?|whether|to|asks|appears|opens|is displayed|me|us|every|each|customers?|people|an?\b))", r"\byour (?:exact |full |own )?(?:instructions|prompt|programming)\b(?!\s+(?:manual|booklet|leaflet|page|video|say|were not clear))(?=[^\n]{0,40}(?:[?:.'\"]|verbatim|word|above))",
        r"\b(?:repeat|print|output|copy|display|recite)\b[^.\n]{0,30}\b(?:text|words|everything|sentences?|lines?)\s+(?:above|before|prior)\b",
        r"\brepeat the above\b(?!\s+(?:\w+\s+)?(?:steps?|procedures?|process|commands?|tests?)\b)|\brepeat (?:this|the) (?:entire|whole) conversation\b|\bstarting instructions\b|\btext you were given\b|\bi was instructed to['\"]|\bnot (?:supposed|allowed) to tell (?:me|us|anyone)\b|\bwhat were you told\b|\bwhat were those instructions\b|\binitiali[sz]ation string\b",
        r"\bmy instructions are\b|\bconsole\.log\(\s*system", r"\binitial prompt\b",
        r"\binstructions\b[^.\n]{0,20}\byou (?:were|have been|got) (?:given|told|received)",
    ),
    _rule(
        "prompt markers", 0.8, "imitates the markers of a prompt",
        r"<\|\s*(?:im_start|im_end|system|user|assistant|endoftext|end_of_text|eot_id|start_header_id)\s*\|>",
        r"\[/?(?:INST|SYS|SYSTEM)\]|<</?SYS>>|\[(?:system|assistant|admin|developer)\]\s*:",
        r"</?\s*(?:system|assistant|system_prompt|instructions?|prompt|context|s)\s*>(?!\w)",
        r"^[ \t]{0,8}#{1,4}[ \t]{0,4}(?:system|instruction|assistant|new instructions?|response)s?[ \t]{0,4}:?[ \t]{0,4}$",
        r"^[ \t]{0,8}[{\[(\"']{0,4}[ \t]{0,4}(?:system|assistant|system (?:message|prompt|note|notice|instruction|update))\s*:\s*\S",
        r"\b(?:end|begin(?:ning)?|start) of (?:context|system prompt|prompt|user input|instructions|conversation|ticket|customer message|knowledge|passages?)\b",
        r"^[ \t]{0,8}-{3,20}\s*(?:end|begin|system|new)\b(?![^\n]{0,24}\b(?:keys?|certificate(?: request)?|pgp|crl|parameters|pkcs7)\b)[^\n]{0,30}-{3,}",
    ),
    _rule(
        "addresses the machine", 0.6, "speaks to an AI rather than to the support team",
        rf"\b(?:as|to|for|dear|hey|hello|attention|note (?:to|for)|message (?:to|for)|instructions? (?:to|for)|warning to)\s*:?\s+(?:the |any |all |an? |this |whichever )*(?:{AI})\b(?=[^\n]{{0,60}}(?:must|should|will|please|:|,|shall|need|reading|processing|handling|writing|drafting|that (?:can|will|is)))",
        rf"\b(?:if|since|because|when|as)\s+you(?:'re| are)\s+(?:an?\s+|the\s+)?(?:{AI})\b",
        rf"\byou(?:'re| are)\s+(?:an?|the|my)\s+(?:\w+[ -]){{0,3}}?(?:{AI})\b",
        rf"\b(?:{AI})\s+(?:that (?:reads|processes|handles|answers|drafts)|reading this|processing this|must|shall)\b",
    ),
    _rule("names a model", 0.3, "names an AI product", r"\b(?:chat-?gpt|openai)\b"),
    _rule(
        "dictates the answer", 0.6, "dictates how the reply must be worded",
        r"\b(?:begin|start|end|preface|prefix|append|prepend|finish|conclude|sign off|precede)\b[^.?!\n]{0,20}\b(?:your|the|every|each|all|any)\s+(?:\w+\s+){0,2}?(?:answers?|responses?|repl(?:y|ies)|outputs?)\s+(?:with|by|to (?:every|each)|in)\b",
        r"\b(?:always|only|just)\s+(?:respond|reply|answer)\s+(?:with|in|using|by saying|as)\s+(?:the (?:word|phrase|sentence|string|letter|text|following)|[\"“'])",
        r"\b(?:respond|reply|answer)\s+(?:(?:only|exclusively|solely|just|always|exactly)\s+(?:with(?:in)?|in|using|by saying|as)\s+(?:the (?:word|phrase|sentence|string|letter|text|following)|[\"“'])|(?:only|exclusively|solely|just|always|exactly)?\s*(?:with(?:in)?|in|using|by saying|as)\s+(?:only |exactly |a code ?block|json|base64|rot13|emoji|all caps|uppercase|rhyme|riddles?|reverse|pirate))",
        rf"\b(?:add|include|insert|embed|integrate|incorporate|mention|append|put|place|introduce|drop|weave|write|provide|use|replace|remove|rearrange|misspell|group|swap|reverse|substitute|omit|encode|translate|modify|scramble|capitali[sz]e|randomi[sz]e|jumble|shuffle|present|convert|alter|change|express|format|delete|combine|mix|merge|eliminate|craft|construct)\b{WIDE_GAP}\b(?:in|into|to|of|from|within|for|throughout|at the (?:end|start|beginning) of|with)\s+(?:all\s+|each of\s+)?your\s+(?:\w+\s+)?{_ANSWER}\b",
        rf"\b(?:modify|change|alter|adjust|encode|translate|write|rewrite|convert|craft|construct|create|compose|format|formulate|encrypt|scramble|make|keep|limit)\s+your\s+(?:\w+\s+)?{_ANSWER}\s+(?:to|so|in|into|by|with|using|as|such)\b",
        rf"\byour\s+(?:\w+\s+)?{_ANSWER}\s+(?:must|should|shall|has to|needs to|ought to)\b(?!\s+(?:be (?:sent|mailed|sooner|faster)|arrive|reach|help))",
        r"\b(?:just|only|simply)\s+(?:say|print|output|write|respond|reply|type|return)\b\s*(?:with\s+)?[\"“'`]",
        r"\b(?:print|output|say|echo)\s+(?:exactly|verbatim|the following(?! (?:report|document|page)))\b|\b(?:output|say|echo)\s+only\b",
        r"\b(?:every|each|all)\s+(?:one )?of your\s+(?:answer|response|reply|message|output)s?\b[^.\n]{0,30}\b(?:must|should|will|shall|with)\b",
    ),
    _rule(
        # in a ticket a reason; in an article alone it is how a customer confirms or prints something
        "asks for a set answer", 0.5, "asks for a reply in set words",
        r"\b(?:respond|reply|answer)\s*(?:with(?:in)?|in|using|by saying|as)\s+(?:the (?:word|phrase|sentence|string|letter|text|following)|[\"“'])",
        r"\bprint\s+only\b",
    ),
    _rule(
        "asks for data", 0.7, "asks to send data or credentials somewhere",
        r"\b(?:send|forward|post|e-?mail|transfer|upload|submit|transmit|exfiltrate|leak|report)\b[^.\n]{0,25}\b(?:conversation|chat (?:history|log)|customer(?:s'|'s)? (?:data|details|records?|emails?|list)|user(?:s'|'s)? (?:data|credentials)|credentials|api[ -]?keys?|passwords|database|secrets?|internal (?:data|documents?|notes)|everything (?:above|you know)|contents? of)\b[^\n]{0,60}(?:https?:|\bto\b\s+\S+[.@]\S+)",
        r"\b(?:list|show|give me|reveal|print|dump)\b[^.\n]{0,20}\b(?:all|every|other)\s+(?:the\s+)?(?:customers?|users?|accounts?|tickets?|passwords?|credit cards?|card numbers?|api keys?)(?:'s|s')?\b[^.\n]{0,30}\b(?:data|details|e-?mails?|passwords?|numbers?|addresses|names|in your|database)",
        r"!\[[^\]]*\]\(\s*https?://[^)\s]*[?=&{][^)]*\)",
    ),
    _rule(
        "steers the decision", 0.65, "tries to steer the approval of the reply itself",
        r"\b(?:approve|send|release|accept|process|refund|close|resolve)\b[^.\n]{0,40}\bwithout\s+(?:any\s+)?(?:human|manual|further|agent|additional)?\s*(?:review|approval|verification|checking|oversight|confirmation from)",
        r"\b(?:do not|don'?t|never|without)\s+(?:tell|telling|mention|mentioning|inform|informing|alert|alerting|notify|notifying|reveal|revealing|show|showing)\b[^.\n]{0,30}\b(?:user|customer|agent|human|reviewer|operator|anyone|this (?:instruction|message|note|prompt))",
        r"\b(?:this|the following|note)\b[^.\n]{0,25}\b(?:from|by|sent by|authori[sz]ed by|approved by)\s+(?:the\s+|your\s+)?(?:system administrator|developers?|creators?|openai|programmers?|ai (?:team|department)|operator of this (?:system|bot))\b",
        r"\bset\s+(?:the\s+|your\s+)?(?:confidence|toxicity|support|score|priority score)\b[^.\n]{0,20}\bto\s+\d",
        r"\bmark\s+(?:this|the)\s+(?:draft|reply|ticket|message|response)\s+as\s+(?:approved|safe|auto-?approved|trusted|verified)\b",
        r"\byou are (?:hereby |now )?(?:authori[sz]ed|instructed|ordered|required|commanded)\s+(?:by\s+\w+\s+)?to\s+(?:refund|approve|grant|issue|give|reveal|pay|send|credit|waive|ignore)\b",
    ),
    _rule(
        "off-task order", 0.45, "orders work that has nothing to do with support",
        r"\b(?:write|compose|draft|create|generate|provide|craft|produce|make)\s+(?:me\s+)?(?:an?|the|some|two|three|\d+)\s+(?:\w+\s+){0,4}?(?:poem|song|essay|story|haiku|limerick|novel|joke|screenplay|recipe|python|javascript|java|c\+\+|html|sql|function|script|code|tutorial|manifesto|lyrics|speech|tweet|blog post|slogan|riddle)\b",
        r"\btranslate\s+(?:the\s+)?(?:following|this|that|[\"“'‘])[^\n]{0,60}",
        r"\b(?:tell|give)\s+me\s+(?:a|an|some)\s+(?:\w+\s+)?(?:joke|story|riddle|fun fact|poem|recipe)",
        r"\b(?:explain|describe|summari[sz]e)\s+(?:the\s+)?(?:theory|process of photo|concept of|laws? of|history of|plot of|quantum|principle)",
        r"\b(?:utilize|incorporate|append|integrate|execute|employ|enlist|meld|embed|insert|include|use|add|apply|adopt)\b[^.\n]{0,30}\b(?:code|snippet|script)\b[^.\n]{0,60}\b(?:your|into|codebase|solution|implementation|project|answer|:)",
    ),
    _rule(
        "encoded request", 0.45, "asks to decode something and act on it",
        r"\b(?:decode|decrypt|decipher|un-?base64|de-?obfuscate)\b[^.\n]{0,60}\b(?:base\s?-?64|rot-?13|hex|morse|following|message|and (?:follow|execute|do|answer|respond))",
        r"\b(?:base\s?-?64|rot-?13)\b[^.\n]{0,40}\b(?:encoded|encode|decode|answer|output|instruction)",
        r"\b(?:surrounded by|letters? in)\b[^.\n]{0,40}\b(?:construct|sentence|question)\b",
    ),
    _rule(
        "active markup", 0.65, "carries code that a browser would run",
        r"<\s*script\b|\bon(?:error|load|click|mouseover|focus)\s*=|\bjavascript\s*:|\bvbscript\s*:|data:text/html",
        r"<\s*(?:iframe|object|embed|svg/onload|body\s+on\w+)\b", r"\bdocument\.cookie\b",
        r"'\s*(?:or|and)\s+'?1'?\s*=\s*'?1|;\s*drop\s+table\b|\bunion\s+(?:all\s+)?select\b.{0,60}\bfrom\b|'\s*;\s*--",
        r"\{\{[^{}]{0,80}?(?:__class__|config|self|7\s?\*\s?7)[^{}]{0,80}\}\}",
    ),
)  # fmt: skip
