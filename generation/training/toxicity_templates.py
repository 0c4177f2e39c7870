"""Sentences invented for this project that teach the toxicity model what word lists get wrong.

The public sets show who insults, but seldom the harmless twin of a sentence: a group named with
respect, hate that is denied or quoted in order to object to it, a customer who is furious and
civil, "kill the process". Each template below comes with its labels; the functional tests of
`tests/generation/test_toxicity.py` use other wordings on purpose.
"""

import random
from collections.abc import Callable

Labels = dict[str, float]

CLEAN: Labels = {"toxicity": 0, "obscene": 0, "identity_attack": 0, "insult": 0, "threat": 0}
HATE: Labels = {"toxicity": 1, "obscene": 0, "identity_attack": 1, "insult": 0.8, "threat": 0}
HATE_THREAT: Labels = {
    "toxicity": 1,
    "obscene": 0,
    "identity_attack": 1,
    "insult": 0.3,
    "threat": 1,
}
INSULT: Labels = {"toxicity": 1, "obscene": 0, "identity_attack": 0, "insult": 1, "threat": 0}
THREAT: Labels = {"toxicity": 1, "obscene": 0, "identity_attack": 0, "insult": 0.2, "threat": 1}

# plural noun, singular noun with its article, adjective
GROUPS = [
    ("women", "a woman", "female"), ("men", "a man", "male"), ("gays", "a gay person", "gay"),
    ("gay people", "a gay man", "gay"), ("lesbians", "a lesbian", "lesbian"),
    ("trans people", "a trans woman", "transgender"), ("queer people", "a queer person", "queer"),
    ("Muslims", "a Muslim", "Muslim"), ("Jews", "a Jew", "Jewish"),
    ("Jewish people", "a Jewish person", "Jewish"), ("Christians", "a Christian", "Christian"),
    ("Catholics", "a Catholic", "Catholic"), ("Hindus", "a Hindu", "Hindu"),
    ("atheists", "an atheist", "atheist"), ("black people", "a black man", "black"),
    ("white people", "a white woman", "white"), ("Asians", "an Asian person", "Asian"),
    ("Mexicans", "a Mexican", "Mexican"), ("immigrants", "an immigrant", "immigrant"),
    ("refugees", "a refugee", "refugee"), ("foreigners", "a foreigner", "foreign"),
    ("disabled people", "a disabled person", "disabled"), ("deaf people", "a deaf person", "deaf"),
    ("blind people", "a blind man", "blind"), ("autistic people", "an autistic person", "autistic"),
    ("old people", "an old man", "elderly"), ("Indians", "an Indian", "Indian"),
    ("Africans", "an African", "African"), ("Arabs", "an Arab", "Arab"),
    ("Chinese people", "a Chinese person", "Chinese"), ("Poles", "a Pole", "Polish"),
    ("Turks", "a Turk", "Turkish"), ("Latinos", "a Latino", "Latino"),
    ("homeless people", "a homeless man", "homeless"), ("poor people", "a poor person", "poor"),
]  # fmt: skip
BAD_NOUNS = [
    "scum", "vermin", "parasites", "animals", "criminals", "thieves", "liars", "trash", "filth",
    "a disease", "a plague", "garbage", "rats", "savages", "subhuman", "monsters", "cockroaches",
]  # fmt: skip
BAD_ADJECTIVES = [
    "disgusting", "stupid", "dirty", "worthless", "evil", "lazy", "inferior", "revolting",
    "primitive", "perverted", "dangerous", "repulsive", "pathetic", "filthy", "vile",
]  # fmt: skip
GOOD_ADJECTIVES = [
    "wonderful", "kind", "welcome here", "our neighbours", "amazing", "brave", "equal to anyone",
    "as honest as anybody", "great colleagues", "loved", "part of our community", "human beings",
]  # fmt: skip
THINGS = [
    "Mondays", "invoices", "printers", "passwords", "long queues", "pop-ups", "spiders", "vegetables",
    "software updates", "delays", "call centres", "captchas", "paper forms", "cold coffee", "bugs",
    "wet socks", "mosquitoes", "airport queues", "tax forms", "weeds", "broken links",
]  # fmt: skip
PEOPLE = ["you", "you people", "your agent", "your manager", "the technician", "your whole team"]
INSULTS = [
    "an idiot", "a moron", "a clown", "a liar and a loser", "a worthless piece of trash", "a fool",
    "brain-dead", "too dumb to read", "a pathetic excuse for a human being", "a disgrace", "scum",
    "dumber than a rock", "a useless waste of space", "a dimwit", "a bunch of imbeciles", "garbage",
]  # fmt: skip
DELAYS = ["three weeks", "two months", "nine days", "since March", "an hour", "half a year", "ages"]
OBJECTS = [
    "refund", "order", "parcel", "invoice", "card", "account", "router", "booking", "new phone",
    "subscription", "transfer", "claim", "contract", "replacement", "boiler", "password reset",
]  # fmt: skip


def _hate(r: random.Random) -> str:
    group, one, adjective = r.choice(GROUPS)
    noun, bad = r.choice(BAD_NOUNS), r.choice(BAD_ADJECTIVES)
    return r.choice(
        [
            f"{group} are {noun}.",
            f"{group} are all {noun}",
            f"all {group} are {bad}.",
            f"I hate {group}.",
            f"I really despise {group}",
            f"I can't stand {group}.",
            f"{group} are so {bad} they make me sick",
            f"{group} should be locked up.",
            f"we have to get rid of {group}.",
            f"{group} should all be sent back where they came from",
            f"{group} ruin everything they touch.",
            f"{group} don't deserve any rights.",
            f"nobody wants {group} in this country.",
            f"{group} are too {bad} to be trusted.",
            f"How did {one} ever get this job? They are {noun}.",
            f"don't let {one} touch my account, they are all {noun}",
            f"typical {adjective} behaviour, {bad} as always.",
            f"I don't want to be served by {one}.",
            f"{group} belong at the bottom of society.",
            f"the world would be better without {group}.",
            f"you are just {one}, so shut up.",
            f"I won't talk to {one}, give me somebody normal.",
            f"why are {group} always so {bad}?",
            f"my problem is that {group} are allowed to work here, {noun} that they are",
            f"{group} are not real people.",
            f"you {adjective} {r.choice(['scum', 'trash', 'rat'])}",
        ]
    )


def _hate_threat(r: random.Random) -> str:
    group, one, adjective = r.choice(GROUPS)
    return r.choice(
        [
            f"someone should kill all {group}.",
            f"{group} should be shot.",
            f"I will beat up the next {adjective} person I meet",
            f"let's burn down {group}' homes.",
            f"{group} deserve to be hanged.",
            f"we will come for the {group} and they will bleed.",
            f"If I see {one} in your shop again I'll smash their face in.",
            f"death to {group}!",
            f"{group} must be wiped out.",
            f"I'd gladly drown {one}.",
        ]
    )


def _harmless_identity(r: random.Random) -> str:
    group, one, adjective = r.choice(GROUPS)
    good, noun, bad = r.choice(GOOD_ADJECTIVES), r.choice(BAD_NOUNS), r.choice(BAD_ADJECTIVES)
    return r.choice(
        [
            f"{group} are {good}.",
            f"I love {group}.",
            f"I'm {one} and I need help with my order.",
            f"my neighbour is {one}.",
            f"{group} deserve the same rights as everybody.",
            f"do you offer anything for {group}?",
            f"is this service open to {group}?",
            f"my sister is {adjective} and she enjoyed the visit.",
            f"We met {one} at the desk.",
            f"{group} should be protected from violence.",
            f"{group} are not {noun}.",
            f"I don't hate {group}, I never did.",
            f"I have never met {one} who was {bad}.",
            f"no {group} are {bad} because of who they are",
            f"stop attacking {group}.",
            f"As {one}, I was treated well by your team.",
            f"There are many {group} in my town.",
            f"It is wrong to say that {group} are {noun}.",
            f"nobody should be told that they are {noun}",
            f'Whoever wrote "{group} are {noun}" in your forum should be banned.',
            f'The comment "I hate {group}" under your article must be removed.',
            f'A man shouted "{group} are {bad}" at me and I want to report it.',
            f"Saying that {group} are {bad} is unacceptable.",
            f"{group} were killed in the war.",
            f"Which {adjective} holidays does the calendar include?",
            f"I'm proud to be {one}.",
            f"I was refused because I am {adjective}; that is discrimination.",
            f"can {one} apply for this?",
            f"the {adjective} community centre ordered two printers",
        ]
    )


def _harmless_strong_words(r: random.Random) -> str:
    thing, item = r.choice(THINGS), r.choice(OBJECTS)
    return r.choice(
        [
            f"I hate {thing}.",
            f"I really can't stand {thing}",
            f"{thing} are disgusting.",
            f"{thing} should be banned.",
            f"{thing} are stupid",
            f"we must get rid of {thing}.",
            f"death to {thing}!",
            "how do I kill a process that hangs?",
            "kill the session please",
            f"the {item} page crashed and killed my battery",
            f"this {item} will be the death of me",
            f"I want to terminate my {item}.",
            "Can I execute the master script twice?",
            f"my {item} is dead",
            "the child process died",
            f"I'm dying to get my {item}",
            f"I could kill for a working {item}",
            "bloody nose after a fall, is that covered?",
            f"The {item} sucks up too much power",
            f"shoot me an e-mail about the {item}",
            "the garbage collection day is wrong",
            "I bought pest control for rats and cockroaches",
            "my dog is sick and filthy, do you sell shampoo?",
            "how do I blacklist a dumb terminal?",
            f"the screen says 'stupid password' and I can't get my {item}",
        ]
    )


def _angry_but_civil(r: random.Random) -> str:
    item, delay = r.choice(OBJECTS), r.choice(DELAYS)
    return r.choice(
        [
            f"This is ridiculous. I have waited {delay} for my {item}.",
            f"I am furious! My {item} still isn't here.",
            f"worst service I have ever had, {delay}!",
            f"WHERE IS MY {item.upper()}??? I WANT AN ANSWER NOW",
            f"I'm fed up with this. Cancel my {item} immediately.",
            f"Your company has let me down for {delay}, I'm going to a competitor.",
            f"I will report you to the consumer office if the {item} isn't fixed.",
            f"you'll hear from my lawyer about the {item}",
            "unacceptable. absolutely unacceptable.",
            f"How hard can it be to send a {item}? Terrible.",
            "I want to speak to your manager. Now.",
            f"this {item} is rubbish and I want my money back",
            "Shame on your company for this delay.",
            f"I'm sick of waiting {delay}",
            f"what a joke, the {item} broke after a day",
            f"the {item} is a piece of junk",
            f"nobody answers, I've been ignored for {delay}!!!",
            "You charged me twice and nobody cares!",
            f"never again. The {item} was a disaster.",
            f"I am so angry about the {item} that I could scream",
            "your website is a nightmare",
            f"Stop sending me reminders, I paid the {item} {delay} ago!",
            f"I was lied to about my {item}",
            "I'm disgusted by how my complaint was handled",
            f"I will take you to court over this {item}",
            "This is theft. Give me my money back.",
        ]
    )


def _insult(r: random.Random) -> str:
    who, what, item = r.choice(PEOPLE), r.choice(INSULTS), r.choice(OBJECTS)
    verb = "are" if who in ("you", "you people") else "is"
    return r.choice(
        [
            f"{who} {verb} {what}.",
            f"where is my {item}, you {r.choice(['moron', 'clown', 'idiots'])}?",
            f"{who} {verb} {what}, no wonder my {item} is late",
            f"only {what} would lose a {item}.",
            f"With all due respect, {who} {verb} {what}.",
            "shut up, nobody asked for your opinion",
            f"I am sure {who} {verb} doing their best, which for {what} isn't much.",
            f"Thank you so much for proving that {who} {verb} {what}.",
            f"go crawl back under your rock, {r.choice(['loser', 'clown', 'freak'])}",
            f"did your mother drop you on the head? fix my {item}",
            "you have the intelligence of a brick",
            "I've met doorknobs smarter than you",
            f"get lost, you {r.choice(['creep', 'troll', 'pig', 'dog', 'worm'])}",
        ]
    )


def _threat(r: random.Random) -> str:
    item = r.choice(OBJECTS)
    return r.choice(
        [
            f"if the {item} isn't here tomorrow I will come and break your legs",
            "I know where you live.",
            "I will find you and hurt you.",
            "you are going to die",
            f"fix the {item} or I'll burn your office down",
            "I'll kill you",
            "watch your back tonight",
            "I hope someone stabs you",
            "somebody should put a bullet in your head",
            f"no {item}, no mercy: I'm bringing a gun to your shop",
            "you will pay for this in blood",
            "I'm going to smash your face",
            "I will make sure your children suffer for it",
            "drop dead",
            "go hang yourself",
            "next time I see you I'll beat you until you cry",
        ]
    )


_KINDS: list[tuple[str, Callable[[random.Random], str], Labels, int]] = [
    ("hate", _hate, HATE, 5),
    ("hate with threat", _hate_threat, HATE_THREAT, 2),
    ("harmless identity", _harmless_identity, CLEAN, 7),
    ("harmless strong words", _harmless_strong_words, CLEAN, 4),
    ("angry but civil", _angry_but_civil, CLEAN, 5),
    ("insult", _insult, INSULT, 4),
    ("threat", _threat, THREAT, 2),
]


def invented_sentences(count: int, *, seed: int) -> list[tuple[str, Labels]]:
    """About `count` distinct invented sentences with their labels, the same for the same seed."""
    r = random.Random(seed)
    shares = [kind[3] for kind in _KINDS]
    found: dict[str, Labels] = {}
    for _ in range(count * 3):
        if len(found) >= count:
            break
        _, make, labels, _ = r.choices(_KINDS, weights=shares)[0]
        text = make(r)
        if r.random() < 0.3:
            text = text[0].upper() + text[1:]
        found.setdefault(text, labels)
    return list(found.items())
