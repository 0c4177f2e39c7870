r"""What planted instructions look like in an article, where most of the words that give them away in a
ticket are documentation: rules are deleted, policies bypassed, modes enabled, messages written.

A rule keeps its name, weight and reason (`injection_rules`); here its patterns also ask who is
spoken to. "Delete all rules" is an order to the reader, "disregard your rules" one to the machine.
"""

# ruff: noqa: E501 (patterns read better whole)
from dataclasses import replace

from retrieval.safety.injection_rules import AI, GAP, RULES, UP_TO_4, WIDE_GAP, Rule, joined

# What nobody does to a firewall rule: these verbs are said to a mind
_HEED_NOT = (
    r"\b(?:ignore|disregard|forget|overlook|neglect|pay no attention to|do not (?:follow|obey|comply with)|"
    r"don'?t (?:follow|obey)|stop (?:following|obeying))\s+"
)
_UNDO = r"\b(?:override|bypass|discard|erase|delete|cancel)\s+"
_BEFORE = r"(?:previous|prior|preceding|above|earlier|foregoing|former|initial|original|given|system|safety|developer)"
_OWN = r"(?:own|system|safety|content|ethical|moral|previous|prior|earlier|internal|usual|normal|original|initial|programmed|core|moderation|existing|current|other)"
_ORDERS = r"(?:instructions?|prompts?|guidelines?|directions?|directives?|programming|training|safeguards?|assignments?)"
_THINGS = r"(?:rules?|polic(?:y|ies)|restrictions?|constraints?|commands?|tasks?|inputs?|text|context|conversations?|everything)"
_NO_LEAFLET = r"(?!\s+(?:book|manual|leaflet|sheet|email|e-mail|letter))"
_ANSWER = r"(?:answers?|responses?|repl(?:y|ies)|completions?|generations?)"
_TOLD = r"you\s+(?:were|are programmed|know\b|(?:have|had) (?:been|learned)|learned|believe)"
# what follows a word that speaks to somebody, rather than names a part of a system
_SPOKEN_TO = (
    r"(?=[^\n]{0,160}\b(?:you (?:are|must|will|should|shall|have to)|ignore|disregard|forget|new instructions?|"
    r"(?:reply|respond|answer)\b|approve|from now on|do not (?:tell|mention|reveal)|pretend|obey|(?:display|show|print|reveal|output) (?:the |your |all )?(?:system|hidden|secret))\b)"
)
# a subscriber of an AI product is no AI
_IS_ONE = (
    r"(?=\s*(?:[.,;:!?)\"'”’]|\n|$|\s(?:that|who|which|and|with|without|named|called|in|for|of|to|designed|trained|"
    r"built|from|capable|free|created|developed|by|acting|tasked|writing|whose|able|on|model|bot|assistant|system|"
    r"agent|programmed|helping|working)\b))"
)
_MODE_OF_THE_MACHINE = rf"(?:{AI}|answers?|respon[ds]\w*)"


def _in_articles(name: str, *patterns: str) -> Rule:
    """The rule of this name with the patterns that hold in an article."""
    rule = next(rule for rule in RULES if rule.name == name)
    return replace(rule, pattern=joined(*patterns))


ARTICLE_RULES: tuple[Rule, ...] = (
    _in_articles(
        "override",
        _HEED_NOT + rf"{UP_TO_4}(?:all|any|every|your|these|those|previous|prior|above|earlier|system)\s+{UP_TO_4}{_ORDERS}\b{_NO_LEAFLET}",
        _HEED_NOT + rf"(?:the\s+)?{UP_TO_4}{_BEFORE}\s+{UP_TO_4}(?:{_ORDERS}|{_THINGS})\b{_NO_LEAFLET}",
        _HEED_NOT + rf"(?:(?:all|any)\s+)?(?:of\s+)?your\s+(?:{_OWN}\s+)?{_THINGS}\b(?!\s+(?:book|manual|of\b))",
        _HEED_NOT + rf"(?:all|any)\s+(?:of\s+)?(?:the\s+|your\s+)?(?:{_OWN}\s+)?(?:rules|restrictions|constraints|policies)(?=\s*(?:[.,;:!]|$|\band (?:answer|respond|reply|say|print|tell|write|act|do|give|approve|you)\b|\byou\b))",
        _HEED_NOT + rf"(?:everything|anything|all)\s+(?:that\s+)?(?:{_TOLD}|(?:i|we)\s+(?:said|told|wrote)|was (?:said|told|written)|(?:said|written)\b|before (?:this|now)\b|(?:written |said )?above(?=\s*(?:[.,;:!]|$|\band\b)))",
        _HEED_NOT + r"(?:what|whatever|all that)\s+(?:you|i|was)\b[^.\n]{0,30}\b(?:told|said|instructed|taught|programmed)",
        _HEED_NOT + rf"(?:the\s+|those\s+|these\s+)?(?:{_ORDERS}|{_THINGS})\s+(?:that\s+|which\s+)?(?:above\b|before this|you (?:were|have been|got|received))",
        _UNDO + rf"(?:the\s+|all\s+|any\s+)?(?:of\s+)?{UP_TO_4}(?:previous|prior|preceding|above|earlier|foregoing|initial|original)\s+(?:\w+\s+)?(?:{_ORDERS}|rules)\b(?!\s+(?:on|in|from|of|for)\b){_NO_LEAFLET}",
        _UNDO + rf"(?:all\s+)?(?:of\s+)?your\s+(?:{_OWN}\s+)?(?:instructions|guidelines|directives|programming|training|safeguards?)\b",
        r"\b(?:ignore|disregard|forget)(?:all)?(?:the|your|of)?(?:previous|prior|above|earlier)(?:instructions?|rules|prompts?)",
        r"\b(?:new|real|actual|revised)\s+(?:system\s+)?(?:instructions?|directives?|prompt)\s*:",
        r"\b(?:new|updated|revised|real|actual|special|additional)\s+(?:system\s+(?:instructions?|prompt)\s*(?::|are\b)|(?:instructions?|directives?|prompt)\s+for the (?:ai|assistant|model))",
        r"\byour\s+(?:new|updated|revised|real|actual)\s+(?:instructions?|directives?)\s+(?:is|are)\b",
        r"\bstop everything\b.{0,20}\b(?:just|now|print|say)",
        r"\b(?:override|overriding)\s+(?:the\s+|your\s+|all\s+)?(?:system|safety|security|ethical|content)?\s*(?:protocols?|programming|guardrails?)\b",
        r"\b(?:override|overriding)\s+(?:the\s+|your\s+|all\s+)?(?:system|safety|ethical)\s+(?:prompts?|instructions?|guidelines|rules|restrictions|training)\b",
        r"(?-i:\b(?:ADMIN(?:ISTRATOR)?|SYSTEM|DEVELOPER|ROOT|SECURITY) OVERRIDE\b)",
        r"\b(?:admin(?:istrator)?|system|developer|root|security)\s+override\s*(?:[:!]|(?:code|engaged|activated|initiated|accepted)\b)" + _SPOKEN_TO,
    ),
    _in_articles(
        "new identity",
        r"\byou(?:'re| are) (?:no longer (?:bound|restricted|limited|an?|the|required|constrained|governed|obliged|going)|going to (?:act|be|play|pretend|behave|simulate|roleplay))\b",
        r"\byou(?:'re| are) now (?:an?|the|my|in|called|named|known|free|unrestricted|unfiltered|acting|playing|pretending|speaking|operating|going|(?-i:[A-Z]\w+))\b(?!\s+(?:member|owner|co-owner|customer|subscriber|user|process|right|middle|browser|page|screen|folder|directory|shell|list|(?:\w+\s+)?(?:mode|view|tab|menu|section|window|editor|console|dashboard)))",
        r"\byou will (?:now )?(?:act|play|behave|pretend|roleplay|be acting|simulate|impersonate|become|respond|answer)\b",
        r"\b(?:act|behave|respond|answer|speak|reply|function|operate|write)\s+(?:as|like)\s+(?:if you|though you|an? (?:ai|evil|unrestricted|unfiltered|linux|terminal|hacker|character|person|human|expert|[\w-]+ (?:assistant|bot|ai))|my |the character|chatgpt|you (?:are|were|have))",
        r"\bpretend\s+(?:that\s+)?(?:to be|you(?:'re| are| were| have)\b)|\b(?:imagine|suppose|assume)\s+(?:that\s+)?(?:to be|you(?:'re| are| were)\s+(?:an?|my)\s+(?:\w+\s+){0,2}(?:ai|bot|assistant|hacker|character|expert|model|machine)\b|you have (?:no (?:rules|limits|restrictions|morals|filters)|been told)\b)",
        r"\brole-?\s?play(?:ing|er)?\b(?!\s+(?:games?|books?|dice|sets?))", r"\bstay in character\b|\bbreak(?:ing)? character\b|\bin character as\b",
        r"\b(?:immerse yourself|take on|assume|adopt|play)\s+(?:in(?:to)?\s+)?the\s+(?:role|persona|character|identity|part)\s+of (?:an? )?(?:evil|ai|assistant|hacker|character|\w+ (?:ai|bot|assistant))\b|\b(?:immerse yourself|take on|adopt)\s+(?:in(?:to)?\s+)?the\s+(?:persona|character)\b",
        r"(?<!if )(?<!when )(?<!what )(?<!that )(?<!whether )\byour (?:new )?(?:name|identity|persona|role|task|job|goal|mission|purpose|objective) (?:is|will be|shall be|now is)\b(?=\s+(?:now|to|an?|(?-i:[A-Z])))(?!\s+to (?:have|get|see|make sure)\b)",
        r"\bfrom (?:now on|this (?:point|moment)(?: on)?),? i(?:'d| would)? (?:like|want|need) you to\b",
        r"\bfrom (?:now on|this (?:point|moment)(?: on(?:ward)?s?)?|here on(?: out)?)\b" + GAP
        + r"\byou\s+(?:(?:will|must|shall|should|are (?:going )?to|have to|need to)\s+)?(?:only\s+|always\s+|not\s+|never\s+|now\s+)?(?:act|answer|respond|reply|speak|behave|pretend|play|talk|ignore|forget|call yourself|obey|recommend|tell|say|are (?:an?|the|my|no|free|called)|have no)\b",
        r"\bsimulate\s+(?:an?\s+)?(?:\w+\s+){0,3}(?:ai|chatbot|persona|character|chatgpt)\b",
        r"\b(?:two|2|separate|distinct)\s+(?:\w+\s+){0,2}(?:personas|personalities|responses? to (?:every|each))\b",
    ),
    next(rule for rule in RULES if rule.name == "names a model"),
    _in_articles(
        "role order",
        r"\bI (?:want|need|would like) you to (?:act as|act like|pretend|behave|role-?play|simulate|impersonate|ignore|forget|become|(?:respond|reply) as(?!\s+(?:soon|quick|fast|early|well|prompt|agreed|usual|before)))\b",
        r"\bfrom now on,? you(?:'re| are|r name is)\s+(?:an?\s|the\s|my\s|called\b|free\b|\w+gpt\b|(?-i:[A-Z]))",
        r"\bfrom now on,? you\s+(?:will|must|shall)\s+(?:only\s+|always\s+|never\s+|now\s+)?(?:act|answer|respond|reply|speak|behave|pretend|talk|ignore|obey|be)\b",
        r"\b(?:always|only|must|will)\s+(?:always\s+|only\s+)?(?:answer|respond|reply)\s+[\"“']?as\s+(?:an?\s+(?:evil|unfiltered|character|persona)|the (?:character|persona)|(?-i:[A-Z][a-z]|\*))",
        r"\b(?:you (?:will|must|are to|shall|are going to)|now you) (?:now )?(?:act|behave|role-?play|play) as\b",
        r"\b(?:never|not|don'?t) break (?:out of )?character\b|\bstay in character\b|\byou now go by the name\b",
        r"\b(?:forget|disregard) everything (?:from|before)\b(?!\s+the (?:first|last|colon|comma|@))",
        r"\bnot bound by any\s+(?:\w+\s+)?(?:restrictions?|limit\w*|rules|laws)\b",
        r"\[\s*(?:put|insert|enter|type|your)\b[^\]\n]{0,15}\bprompt\b[^\]\n]{0,10}\]",
    ),
    _in_articles(
        "jailbreak",
        rf"\bjail-?br(?:eak|oken)(?:ed|ing)?\b(?=[^.\n]{{0,40}}\b(?:prompt|mode|{AI}|you (?:are|will|must)|enabled|answer)\b)|\b(?:{AI})\b[^.\n]{{0,40}}\bjail-?br(?:eak|oken)",
        r"\bdo anything now\b", r"\b(?-i:DAN|D\.A\.N)\b(?=[^\n]{0,80}\b(?:you|mode|can|will|ai|free)\b)",
        r"\b(?:dan|unrestricted|jailbreak|evil|chaos|opposite) mode\b(?:[^.\n]{0,40}\b(?:enabled|activated|on|output|unlock|you|now)\b)",
        rf"\b(?:developer|debug|maintenance|god|sudo) mode\b[^.\n]{{0,60}}\b{_MODE_OF_THE_MACHINE}\b",
        rf"\b(?:{AI}|you(?:'re| are) (?:now )?in)\b[^.\n]{{0,60}}\b(?:developer|debug|maintenance|god|sudo) mode\b",
        rf"\b(?:{AI}|you(?:'re| are| have| will| must|rself)|answers?|act|speak|respon[ds]\w*)\b[^.\n]{{0,60}}\b(?:no|without|free (?:of|from)|break free|not bound by)\s+(?:any\s+|the\s+|all\s+|your\s+)?(?:\w+\s+){{0,3}}(?:restrictions?|limitations?|filters?|limits|rules)\b",
        r"\b(?:no|without|free (?:of|from)|lift|remove|break free|not bound by|any)\b" + GAP + r"\b(?:censorship|moral(?:s|ity)?|ethic(?:s|al)?|guardrails?)\b",
        r"\b(?:un(?:censored|filtered|restricted|moderated|ethical|aligned|hinged)|amoral)\b[^.\n]{0,30}\b(?:ai|answers?|chatbot|assistant|persona|advice)\b",
        r"\bopen\s?ai(?:'s|’s)?\b[^.\n]{0,40}\b(?:polic|guideline|rules\b|restriction|censor)",
        r"\b(?:never|cannot|can'?t|don'?t|do not|must not|will not|won'?t|not)\s+(?:ever\s+)?(?:refuse\b[^.\n]{0,40}\b(?:request|answer|question|order|command|prompt|anything|do)|(?:decline|reject)\b[^.\n]{0,40}\b(?:answer|questions?|prompt|anything))\b",
        r"\b(?:bypass|evade|circumvent|disable|turn off)\s+(?:the\s+|your\s+|all\s+|any\s+|its\s+)?(?:(?:\w+\s+)?ethical|\w*\s?guardrails?|\w*\s?safeguards?|(?:your|its|all|any) (?:\w+\s+)?(?:safety|moderation|content (?:polic|guideline|restriction)))",
        r"\b(?:immoral|unethical)\b[^.\n]{0,30}\b(?:illegal|immoral|unethical|harmful)\b|\b(?:illegal|harmful)\b[^.\n]{0,30}\b(?:immoral|unethical)\b",
        r"\bregardless of\b[^.\n]{0,40}\b(?:ethic|moral|legality|harm|consequence)",
        r"\bany(?:thing)?\s+(?:question|request|command|prompt)s?\b[^.\n]{0,30}\b(?:no matter|without question|whatsoever)",
    ),
    _in_articles(
        "prompt extraction",
        r"\b(?:reveal|show|print|repeat|output|display|tell|give|share|write|disclose|expose|leak|quote|recite|dump|encode|translate|summari[sz]e|what (?:is|are|was|were)|what'?s)\b"
        + GAP + r"\byour\s+(?:\w+\s+){0,2}?(?:system|initial|original|hidden|secret|developer|first|base|pre)[\s-]*(?:prompts?|instructions?|directives?|guidelines|context|rules|(?:message|configuration)s?(?=[^.\n]{0,30}\b(?:above|verbatim|word for word|given)\b))\b",
        r"\b(?:reveal|repeat|output|print|disclose|expose|leak|quote|recite|dump)\b" + GAP
        + r"\b(?:the|its|this|those)\s+(?:\w+\s+)?(?:system|initial|original|hidden|secret|developer)[\s-]*(?:prompts?|instructions?|directives?)\b",
        r"\b(?:what (?:is|was|are|were)|what'?s|show|tell|give)\s+(?:me\s+|us\s+)?(?:the|your)\s+(?:\w+\s+)?(?:system|initial|hidden|secret) prompts?\b",
        r"\b(?:reveal|repeat|recite|disclose|leak|print|output|(?:show|tell|give) (?:me|us))\b[^.\n]{0,40}\byour (?:\w+ )?(?:instructions|prompt|programming)\b|\byour (?:exact|full|own|complete|entire) (?:instructions|prompt|programming)\b(?=[^\n]{0,40}(?:verbatim|word|above|\?))",
        r"\b(?:repeat|recite)\b[^.\n]{0,30}\b(?:text|words|everything|sentences?|lines?)\s+(?:above|before|prior)\b|\b(?:print|output)\s+(?:all|everything|(?:all )?the (?:text|words|instructions))\s+(?:of the text )?above\b",
        r"\brepeat the above(?=\s*(?:[!?\"'”]|\.\s|\.?$)|\s+(?:text|words?|sentences?|message|prompt|conversation|paragraph|verbatim|word for word)\b)|\brepeat (?:this|the) (?:entire|whole) conversation\b|\bi was instructed to['\"]|\bnot (?:supposed|allowed) to tell (?:me|us|anyone)\b|\bwhat were you told\b|\bwhat were those instructions\b|\bstarting instructions\b|\btext you were given\b",
        r"\bmy instructions are\b|\bconsole\.log\(\s*system|\bsystem prompt is\s*:\s*['\"]|\b(?:output|display|print|reveal)\s+(?:the |your )?initiali[sz]ation string\b",
        r"\b(?:reveal|print|repeat|output|recite)\b[^.\n]{0,20}\byour (?:system|hidden|initial) messages?\b|\b(?:need|have|want) to (?:see|know|read) (?:the|your) system prompt\b",
        r"\b(?:reveal|repeat|recite|print|output|show|tell|list|what)\b[^.\n]{0,40}\binstructions\b[^.\n]{0,20}\byou (?:were|have been|got) (?:given|told|received)",
    ),
    _in_articles(
        "prompt markers",
        r"<\|\s*(?:im_start|im_end|system|user|assistant|endoftext|end_of_text|eot_id|start_header_id)\s*\|>",
        # "[System](page)", "[system]" over settings and "[admin]: https://…" are links and files
        r"\[/?(?-i:INST)\]|<</?SYS>>|\[/?(?-i:SYSTEM|SYS|System)\]" + _SPOKEN_TO + r"|\[(?:system|assistant|admin|developer)\]\s*:\s*(?!\S*[/#])" + _SPOKEN_TO,
        r"<\s*/\s*(?-i:system_prompt|assistant|system|instructions?|prompt|context)\s*>|<\s*(?:system_prompt)\s*>|^[ \t]{0,8}<\s*(?-i:system|instructions?|prompt|assistant)\s*>" + _SPOKEN_TO,
        r"^[ \t]{0,8}#{1,4}[ \t]{0,4}(?:new instructions?[ \t]{0,4}:?|(?:system|instruction|assistant)[ \t]{0,4}:)[ \t]{0,4}$",
        r"^[ \t]{0,8}[{\[(\"']{0,4}[ \t]{0,4}(?:system|assistant|system (?:message|notice|update))\s*:\s*" + _SPOKEN_TO + r"\S",
        r"^[ \t]{0,8}[{\[(\"']{0,4}[ \t]{0,4}system (?:prompt|instruction|note)\s*:\s*\S",
        r"(?:[\[<({]|[=*_-]{2})\s*(?:end|begin(?:ning)?|start) of (?:the )?(?:context|system prompt|prompt|user input|instructions|conversation|ticket|customer message|knowledge|passages?)\b\s*(?:[\])}>:]|[=*_-]{2})",
        r"(?-i:\b(?:END|BEGIN(?:NING)?|START) OF (?:THE )?(?:CONTEXT|SYSTEM PROMPT|PROMPT|USER INPUT|INSTRUCTIONS|CONVERSATION|TICKET|CUSTOMER MESSAGE|KNOWLEDGE|PASSAGES?)\b)",
        r"^[ \t]{0,8}-{3,20}\s*(?:end|begin|system|new)\b(?!\s+(?:[A-Z0-9]+ )*PGP)[^\n]{0,20}\b(?:prompt|instructions?|context|user|conversation|document|passage|knowledge|article|input|ticket|assistant|system)\b[^\n]{0,20}-{3,}|^[ \t]{0,8}-{3,20}\s*(?:system|new (?:instructions?|prompt|system))\s*-{3,}",
    ),
    _in_articles(
        "addresses the machine",
        # "access to Copilot", "budgets for AI credits" name a product; a note, a greeting or "as an AI, you" speak to one
        rf"\b(?:dear|hey|hello|attention|note (?:to|for)|message (?:to|for)|warning to)\s*:?\s+(?:the |any |all |an? |this |whichever )*(?:{AI})\b(?=[^\n]{{0,60}}(?:must|should|will|please|:|,|shall|need|reading|processing|handling|writing|drafting|that (?:can|will|is)))",
        rf"(?:^|[.!?:>*-]\s*)\s*(?:(?:important|special|secret|hidden)\s+)?instructions? (?:to|for)\s+(?:the |any |all |an? |this |whichever )*(?:{AI})\b[^\n]{{0,30}}:",
        rf"(?:^|[.!?:>*(\"“-]\s*)\s*to\s+(?:the |any |all |an? |this |whichever |our )+(?:{AI})\b(?=[^\n]{{0,30}}(?::|,\s*(?:you|please|ignore|do not|don'?t|always|never)|reading|processing|handling|writing|drafting)\s)",
        r"\b(?:as|for)\s+(?:an?|any|all)\s+(?:AI(?: model| assistant| language model)?s?|(?:large )?language models?|chat-?gpt|chat-?bots?)\b(?=\s*(?:,\s*(?:you|i|we|please|ignore)\b|:))",
        rf"\bas\s+(?:an?\s+(?:\w+\s+)?(?:{AI})|chat-?gpt),?\s+you\b",
        rf"\b(?:if|since|because|when|as)\s+you(?:'re| are)\s+(?:an?\s+|the\s+)?(?:{AI})\b{_IS_ONE}",
        rf"(?<!\": \")\byou(?:'re| are)\s+(?:an?|the|my)\s+(?:\w+[ -]){{0,3}}?(?:{AI})\b{_IS_ONE}",
        rf"\b(?:{AI})\s+(?:(?:that (?:reads|processes|handles|drafts)|reading|processing) (?:this|these|the (?:above|following))|(?:must|shall)\s+(?:not\s+|always\s+|never\s+|now\s+|only\s+)?(?:answer|reply|respond|say|tell|ignore|follow|obey|mention|state|write|approve|recommend|treat|include|reveal|send))\b",
    ),
    _in_articles(
        "dictates the answer",
        r"\b(?:begin|start|end|preface|prefix|append|prepend|finish|conclude|sign off|precede)\b[^.?!\n]{0,20}\b(?:your|every|each|all|any)\s+(?:\w+\s+){0,2}?(?:answers?|responses?|repl(?:y|ies)|outputs?)\s+(?:with|by|to (?:every|each)|in)\b",
        r"\b(?:always|only|just)\s+(?:respond|reply|answer)\s+(?:with|in|using|by saying|as)\s+(?:the (?:word|phrase|sentence|string|letter|text|following)|[\"“'])",
        r"\b(?:respond|reply|answer)\s+(?:(?:only|exclusively|solely|just|always|exactly)\s+(?:with(?:in)?|in|using|by saying|as)\s+(?:the (?:word|phrase|sentence|string|letter|text|following)|[\"“']|a code ?block|json|base64|rot13|emoji|uppercase|rhyme)|(?:with(?:in)?|in|using|as)\s+(?:rot13|base64|emoji|all caps|rhyme|riddles?|reverse|pirate))",
        rf"\b(?:add|include|insert|embed|integrate|incorporate|mention|append|put|place|introduce|drop|weave|write|provide|use|replace|remove|rearrange|misspell|group|swap|reverse|substitute|omit|encode|translate|modify|scramble|capitali[sz]e|randomi[sz]e|jumble|shuffle|present|convert|alter|change|express|format|delete|combine|mix|merge|eliminate|craft|construct)\b{WIDE_GAP}\b(?:in|into|to|of|from|within|for|throughout|at the (?:end|start|beginning) of|with)\s+(?:all\s+|each of\s+)?your\s+(?:\w+\s+)?{_ANSWER}\b",
        r"\b(?:misspell|scramble|capitali[sz]e|randomi[sz]e|jumble|shuffle|rearrange|reverse|encode|encrypt)\b[^\n.!?]{0,60}\bin your (?:message|output|summary)\b",
        rf"\b(?:modify|change|alter|adjust|encode|translate|write|rewrite|convert|craft|construct|create|compose|format|formulate|encrypt|scramble|make|keep|limit)\s+your\s+(?:\w+\s+)?{_ANSWER}\s+(?:to|so|in|into|by|with|using|as|such)\b",
        rf"\byour\s+(?:\w+\s+)?{_ANSWER}\s+(?:must|should|shall|has to|needs to|ought to)\b(?!\s+(?:be (?:sent|mailed|sooner|faster|similar|like)|arrive|reach|help|look|resemble|match|show))",
        r"\b(?:reply|respond|output|say|write|answer|print)\b[^.\n]{0,80}\b(?:and|,)\s+nothing (?:else|more)\b(?=\s*(?:[.,;!)\"'”]|$))|\bdo not (?:write|give|provide|add|include) (?:any )?explanations?\b",
        r"\b(?:every|each|all)\s+(?:one )?of your\s+(?:answer|response|reply)s?\b[^.\n]{0,30}\b(?:must|should|will|shall|with)\b",
    ),
    _in_articles(
        "asks for a set answer",
        r"\b(?:respond|reply|answer)\s*(?:with(?:in)?|in|using|by saying|as)\s+(?:the (?:word|phrase|sentence|string|letter|text|following)|[\"“'])",
        r"\b(?:just|only|simply)\s+(?:say|write|respond|reply)\b\s*(?:with\s+)?[\"“'`]",
        r"\b(?:say|output)\s+(?:exactly|verbatim)\b\s*[:\"“'`]",
    ),
    _in_articles(
        "asks for data",
        r"\b(?:send|forward|post|e-?mail|transfer|upload|submit|transmit|exfiltrate|leak|report)\b[^.\n]{0,25}\b(?:conversation|chat (?:history|log)|customer(?:s'|'s)? (?:data|details|records?|emails?|list)|user(?:s'|'s)? (?:data|credentials)|internal (?:data|documents?|notes)|everything (?:above|you know))\b[^\n]{0,60}(?:https?:|\bto\b\s+\S+[.@]\S+)",
        r"\b(?:send|forward|e-?mail|exfiltrate|leak)\b[^.\n]{0,15}\b(?:all|every|the (?:customer|user)(?:'s|s'|s)?|their|any|your (?:own )?internal)\s+(?:\w+\s+){0,2}(?:credentials|api[ -]?keys?|passwords|secrets?)\b[^\n]{0,40}(?:https?:|\bto\b\s+\S+[.@]\S+)",
        r"\b(?:list|show|give me|reveal|print|dump)\b[^.\n]{0,20}\b(?:all|every|other)\s+(?:the\s+)?(?:customers?|users?)(?:'s|s')?\s+(?:\w+\s+)?(?:passwords?|credit cards?|card numbers?|api keys?)\b",
        # an image carries words away where something is to be filled in; a badge's query is a badge's
        r"!\[[^\]]*\]\(\s*https?://[^)\s]*[?&](?:[^)\s]*=\)|[^)\n]{0,200}?(?:[{<\[]|%7b|%3c|\b(?:data|conversation|summary|secret|password|history|prompt|context)\b)[^)\n]*\))",
    ),
    _in_articles(
        "steers the decision",
        r"\b(?:approve|send|release|accept|refund|resolve)\s+(?:this|the (?:draft|reply|refund|answer|response|claim)|it|every|all (?:refunds|drafts|replies|claims))\b[^.\n]{0,40}\bwithout\s+(?:any\s+)?(?:human|manual|further|agent|additional)?\s*(?:review|approval|verification|checking|oversight|confirmation from)",
        r"\b(?:do not|don'?t|never)\s+(?:tell|mention|inform|reveal|show|alert|notify)\b[^.\n]{0,30}\b(?:(?:the |any |this )?(?:customer|human|reviewer|operator|support agent)s?\b|this (?:instruction|note|prompt)\b)",
        r"\b(?:do not|don'?t|never)\s+(?:tell|inform)\s+the user\b|\bwithout\s+(?:telling|informing|alerting)\s+(?:the\s+)?(?:customer|human|reviewer|operator|user)s?\b",
        r"\b(?:this|the following|note)\b[^.\n]{0,25}\b(?:from|by|sent by|authori[sz]ed by|approved by)\s+(?:the\s+|your\s+)?(?:creators?|openai|programmers?|ai (?:team|department)|operator of this (?:system|bot))\b",
        r"\bset\s+(?:the\s+|your\s+)?(?:confidence|toxicity|support|priority score)\b[^.\n]{0,20}\bto\s+\d",
        r"\bmark\s+(?:this|the)\s+(?:draft|reply|ticket|response)\s+as\s+(?:approved|safe|auto-?approved|trusted|verified)\b",
        r"\byou are (?:hereby |now )?(?:authori[sz]ed|instructed|ordered|commanded)\s+(?:by\s+\w+\s+)?to\s+(?:refund|approve|grant|issue|give|reveal|pay|send|credit|waive|ignore)\b",
    ),
    _in_articles(
        "off-task order",
        r"\b(?:write|compose|draft|create|generate|provide|craft|produce|make)\s+(?:me\s+)?(?:an?|the|some|two|three|\d+)\s+(?:\w+\s+){0,4}?(?:poem|song|essay|haiku|limerick|novel|joke|screenplay|recipe|manifesto|lyrics|tweet|riddle)\b",
        r"\b(?:tell|give)\s+me\s+(?:a|an|some)\s+(?:\w+\s+)?(?:joke|story|riddle|fun fact|poem|recipe)",
    ),
    _in_articles(
        "encoded request",
        r"\b(?:decode|decrypt|decipher|un-?base64|de-?obfuscate)\b[^.\n]{0,60}\band (?:follow|execute|do|answer|respond)\b",
        r"\b(?:surrounded by|letters? in)\b[^.\n]{0,40}\b(?:construct|sentence|question)\b",
    ),
)  # fmt: skip
