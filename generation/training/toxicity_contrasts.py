"""Invented sentences in pairs of kinds that share their words and differ in what they do with them.

An insult quoted to complain about it and one quoted to repeat it, a slur and the same word worn with
pride, "isn't a fool" and "isn't just a fool", abuse behind courtesies and criticism behind the same
courtesies, letters swapped to dodge a filter and letters swapped for a code. A word list, or a model
that learned one, gets half of each pair wrong. The functional tests
(`tests/generation/toxicity_cases.py`) share no run of five words with what is made here.
"""

import random
from collections.abc import Callable

from generation.training.toxicity_templates import (
    BAD_ADJECTIVES,
    BAD_NOUNS,
    CLEAN,
    DELAYS,
    GROUPS,
    HATE,
    INSULT,
    INSULTS,
    OBJECTS,
    PEOPLE,
    THREAT,
    Kind,
    Labels,
    draw,
)

_LEADS = [
    "With kind wishes:", "Thank you ever so much,", "Permit me to observe that", "I say this gently:",
    "Excuse my frankness, but", "No offence meant, but", "In all politeness,", "Dear team,", "My dear sir,",
    "Be so good as to note that", "I have the honour to tell you that", "It pains me to say it, but",
    "If I may be so bold,", "Well done!", "How lovely.", "Congratulations,", "Sincere thanks, however", "",
]  # fmt: skip
_ANIMALS = [
    "goldfish", "parrot", "donkey", "trained monkey", "houseplant", "potato", "chimpanzee", "sheep",
    "garden gnome", "toaster", "toddler", "jellyfish", "snail", "brick wall", "doorknob", "turnip",
]  # fmt: skip
_VEILED = [
    "a {animal} would run this desk better than {who}.",
    "even my {animal} has more sense than {who}.",
    "I have met a {animal} with a quicker mind than yours.",
    "{who} must have learned to read from a cereal box.",
    "the lights are on in your head but nobody is home.",
    "somebody should tie your shoelaces for you, it seems too much for you.",
    "thinking is evidently not your hobby.",
    "I shall explain it again with crayons, so that even {who} can follow.",
    "your mother must be so disappointed in how you turned out.",
    "{who} could get lost in a lift.",
    "it is a wonder that you find your way to work in the morning.",
    "evolution clearly took a day off when it came to {who}.",
    "you would have to study hard to become a half-wit.",
    "a few more brain cells and you might qualify as a {animal}.",
    "{who} {verb} a sandwich short of a picnic.",
    "{who} {verb} living proof that anybody gets hired here.",
    "do you need a grown-up to help you with long words?",
    "was the job interview held in a kindergarten, or how did they find you?",
    "you light up a room whenever you leave it.",
    "I envy all those who have not had to deal with {who}.",
    "don't strain what little brain you have.",
    "I would ask for your opinion if I believed you could form one.",
    "one can only pity whoever has to live with you.",
    "it must be restful to have so little between the ears.",
    "somebody with half a mind could do it, so you are half a mind short.",
    "is there anyone in your building with an IQ above room temperature?",
]
_CRITICISM = [
    "the {item} reached us in pieces.",
    "I find the price of the {item} too high.",
    "your letter about the {item} leaves two questions open.",
    "the answer on the {item} contradicts what I was told before.",
    "I have waited {delay} and would like to know who deals with it.",
    "I believe {who} made a mistake with the {item}.",
    "{who} could have been more careful with my {item}.",
    "please have somebody more experienced look at the {item}.",
    "could a supervisor take over the matter of the {item}?",
    "I expected better after {delay}.",
    "I did not find the explanation helpful.",
    "my {animal} fell on the {item}, is that covered?",
    "do you sell crayons for a toddler who can't read yet?",
    "my mother needs help to find her way on your site.",
    "is there a grown-up who must sign for the {item}?",
    "our kindergarten ordered a {item} and a picnic table.",
    "the lift in your building is broken and I got lost.",
    "{who} explained the {item} well, it was I who didn't follow.",
    "I would value your opinion on the {item}.",
    "the picture of the {animal} on the {item} is upside down.",
    "we must have misread the long words in the contract.",
    "may I know who was hired to repair the {item}?",
]
_NOT_SO = [
    "{who} {verb} not {insult}.",
    "{who} {verb} certainly not {insult}, they did good work.",
    "I never said that {who} {verb} {insult}.",
    "nobody has called {who} {insult}.",
    "it would be unkind to think of {who} as {insult}.",
    "I don't believe that {who} {verb} {insult}, there must be a reason.",
    "I wasn't trying to say {who} {verb} {insult}, sorry if it sounded so.",
    "{who} {verb} far from {insult}, the {item} was fixed in a minute.",
    "please don't feel like {insult}, anybody could lose a {item}.",
    "whoever says {who} {verb} {insult} is mistaken.",
    "you don't have to be {insult} to get this {item} wrong, the form misleads.",
    "I felt like {insult} when I saw that I had typed the wrong date.",
    "no, the {item} is not garbage, do not throw it away",
    "not stupid at all, your idea about the {item}!",
    "my {item} isn't dirty or ugly, it only lacks a screw.",
    "there was no hate in that call and no threat, just confusion about a {item}",
    "we aren't enemies of {group}, we are {group}.",
    "there is nobody among us who dislikes {group}.",
    "{group} are neither {noun} nor {bad}.",
    "it isn't true that {group} are {noun}",
]
_STILL_SO = [
    "not only {verb_who} {insult} but {insult2} as well.",
    "you aren't simply late, you're {insult}.",
    "don't pretend that {who} {verb} anything but {insult}.",
    "never have I dealt with anybody who is so much {insult}.",
    "it isn't an exaggeration: {who} {verb} {insult}.",
    "I can't deny that {who} {verb} {insult}.",
    "there's no doubt that {who} {verb} {insult}.",
    "nothing will convince me that {who} {verb} not {insult}.",
    "you are no help, you are {insult}.",
    "why not admit that you are {insult}?",
    "no one could be more {bad} than {who}.",
    "it's not the {item} that is broken, {who} {verb} {insult}.",
    "I'm not joking, {who} {verb} {insult} and always will be.",
    "I don't care what they say, {group} are {noun}.",
    "not one of the {group} deserves to be here.",
    "{group} aren't people like us.",
    "it's not a secret that {group} are {bad}.",
]
# a word that some use of themselves and others as a slur: singular with article, plural
_WORN = [
    ("a queer", "queers"),
    ("a dyke", "dykes"), ("a fag", "fags"), ("a slut", "sluts"), ("a bitch", "bitches"),
    ("a crip", "crips"), ("a geek", "geeks"), ("a freak", "freaks"), ("a redneck", "rednecks"),
    ("a witch", "witches"), ("a fat girl", "fat girls"), ("a nerd", "nerds"), ("a spinster", "spinsters"),
    ("a weirdo", "weirdos"), ("a drag queen", "drag queens"), ("a gypsy", "gypsies"), ("a hag", "hags"),
    ("a tomboy", "tomboys"), ("a bastard", "bastards"), ("a cripple", "cripples"),
    ("a mad woman", "mad women"),
]  # fmt: skip
_WITH_PRIDE = [
    "I call myself {one} and mean it with pride.",
    "speaking as {one}, I liked your {item}.",
    "my sister is {one} and happy about it, she wants a {item}.",
    "we {many} stick together, so it's a group {item} please",
    "the magazine for {many} that I edit needs a {item}.",
    "is the pride parade of the {many} in your calendar?",
    "I've been {one} all my life and I'm not ashamed.",
    "{many} of the world unite, says my T-shirt from your shop",
    "our band is named The {many} and plays on Friday",
    "me and my fellow {many} would like a table for six",
    "the book 'How to be {one}' is missing from my {item}",
    "yes I'm {one}, thanks for asking, now about the {item}",
    "the {many} history exhibition: are tickets left?",
    "we're here for the {many} bowling league",
    "I love being {one}!",
]
_AS_SLUR = [
    "keep {one} like that out of my sight.",
    "I was served by {one}, disgusting.",
    "tell that {word} to shut up about my {item}.",
    "you {word}, where's my {item}?",
    "no {word} touches my {item}.",
    "{many} like you should be sacked.",
    "I won't be told what to do by {one}.",
    "what does {one} know about a {item}? Nothing.",
    "throw the {many} out of your shop, then I'll be back",
    "that {word} in your office ruined my {item}",
    "only {one} would answer like that, go hide somewhere",
    "your staff are {many}, the lot of them",
    "beat it, {word}",
    "{many} make me want to vomit.",
]
_ABUSE = [
    "you are {insult}", "you are all {noun}", "go die", "get out, you {bad} {beast}", "{group} are {noun}",
    "I hate {group}", "shut up, {beast}", "I will break your neck", "we will find you", "useless old {beast}",
    "you {bad} {beast}", "nobody wants {group} here", "go back to your country", "kill yourself",
    "what {insult}", "dirty {beast}", "stupid {beast}", "you belong in the gutter", "{beast}", "whore",
    "moron",
]  # fmt: skip
_BEASTS = [
    "cow",
    "pig",
    "rat",
    "dog",
    "bitch",
    "idiot",
    "fool",
    "clown",
    "worm",
    "monkey",
    "bastard",
    "ape",
]
_REPORTS = [
    'Your courier shouted "{abuse}" at my wife and I wish to complain.',
    'A stranger sent me "{abuse}" through your chat. What can I do about it?',
    'there is a comment under my photo that reads "{abuse}", please take it down',
    "My son heard a player say '{abuse}' and is scared. How do I report that account?",
    'I was told "{abuse}" by the guard at your entrance. This is not acceptable.',
    'The word "{beast}" stands on my delivery note. Who wrote that?',
    'the subtitles say "{abuse}" where the actor says something else',
    'In the film somebody yells "{abuse}". Is it rated for teenagers?',
    "how do I block somebody who keeps writing '{abuse}' to me",
    'Is "{beast}" on the list of words that your forum filters?',
    'Someone has painted "{abuse}" on the wall of your car park.',
    'my e-mail was rejected because the spam text in it said "{abuse}"',
    "He said I was {insult}. I felt humiliated and want an apology.",
    "A passenger called us {noun}. Your crew did not step in.",
    'My ex left "{abuse}" as a voicemail, can I save it for the police?',
    'The lyrics go "{abuse}", so why is the song marked as clean?',
    'one review of my café: "{abuse}". It breaks your rules, please remove it.',
    'The translation of the poem has "{beast}" in line four, it should be "lamb".',
    "my account was suspended for '{abuse}' but I only cited the message that I got",
]
_ENDORSED = [
    '"{abuse}": that is what I think of you.',
    'As they say, "{abuse}", and how true it is of you.',
    'everyone here says "{abuse}" about you and they are right',
    'I told your agent "{abuse}" and I meant every word.',
    'put this on your wall: "{abuse}"',
    'my brother said "{abuse}" to your manager, good for him, I second that',
    'To quote a wise man: "{abuse}". Yes, I mean you.',
    "if they ask what I said, I said {abuse}, and I'll repeat it any time",
    'here is your five-star review: "{abuse}"',
    'I can only repeat it, "{abuse}".',
    'the proverb "{abuse}" was written for {who}',
    'You want feedback? "{abuse}". There is your feedback.',
]
_JOBS = [
    "driver",
    "doctor",
    "pilot",
    "cook",
    "technician",
    "teacher",
    "cashier",
    "programmer",
    "nurse",
    "plumber",
]
_AGAINST = [
    "a {adjective} {job}, no wonder it went wrong.",
    "{group} can't count, so check my {item} again.",
    "{group} stink and your waiting room is full of them.",
    "I'd rather lose my {item} than be helped by {one}.",
    "the {adjective} {job} surely stole my {item}, they all do that",
    "keep {group} away from children, they are sick.",
    "send me a {job} who isn't {adjective}.",
    "{group} only take and never work.",
    "{group} have no brains, your {job} is the best example",
    "I want a seat far from {group}, they're animals.",
    "why should {group} be allowed to vote or have a {item}?",
    "the {adjective} {beast} at the counter took my {item}",
    "{group} are to blame for all of it and should pay",
]
_ABOUT = [
    "I am {one} and work as a {job}, which {item} do I need?",
    "the {adjective} {job} who brought my {item} was very kind.",
    "last year we hired {one}, a {job}, and are glad that we did",
    "does the {item} have a setting for {group}?",
    "half of our customers are {group}, so the {item} must be labelled for them.",
    "my {job} is {adjective} and asked for a {item}.",
    "a charity for {group} wants to buy a {item}",
    "is there a discount for {group}?",
    "the {adjective} festival is next week, will you be open?",
    "my children's {job} is {one}, we sent a {item} as a present",
    "{group} on our street waited {delay} for a {item} too",
    "which {job} speaks with {group} in their own language?",
    "a {adjective} friend of mine took the {item} to the shop by mistake",
]
_OBJECTIONS = [
    "it is racist to call {group} {noun}, please delete it",
    "people who say that {group} are {bad} should be ashamed.",
    "your poster shows {group} as {noun}. That hurts, take it down.",
    "I was treated like {noun} because I am {adjective}.",
    "{group} are not {bad}, and your moderators should know that.",
    "why may somebody write that {group} are {noun} in your app?",
    "nobody is {noun}, whatever their origin.",
    "jokes about {group} don't belong into a company newsletter.",
    "the word {beast} for {group} is an insult, stop using it",
    "I won't buy from a shop that lets people speak of {group} as {noun}",
    "we have to speak up when {group} are attacked.",
    "he thinks {group} are {bad}; I told him how wrong he is.",
    "your security followed me only because I'm {adjective}, that is unjust",
    "hating {group} is never all right.",
    "stand up for {group}!",
    "what a vile thing to say about {group}, I'm glad you removed it",
]
_DISCLAIMED = [
    "I'm not prejudiced, still {group} are {noun}.",
    "no offence to anyone, {group} are just {bad}",
    "some of my friends are {adjective} but most {group} are {noun}.",
    "you may ban me, the truth is that {group} are {bad}.",
    "tolerance is fine, just not for {group}, those {noun}",
    "I believe in equal rights, except for {group}.",
    "say what you want about hate, {group} earned it by being {noun}",
    "it isn't offensive if it's true: {group} are {bad}.",
    "friends of {group} are {noun} too.",
    "you defend {group} because you're {insult}.",
    "freedom of speech means I can tell you that you are {insult}.",
    "whoever is offended by that is {insult}.",
    "I'm all for women's rights, but {who} {verb} {insult}",
    "call it rude if you like: {who} {verb} {insult}.",
]
_WEAPONS = [
    "a baseball bat",
    "a knife",
    "my gun",
    "petrol and a match",
    "a hammer",
    "three friends and a crowbar",
]
_MENACE = [
    "no {item} by noon and I turn up at your door with {weapon}.",
    "you'll see me and {weapon} tonight if the {item} is late",
    "I have {weapon} and I know which desk is yours.",
    "sleep badly, I'm going to hurt you for this.",
    "your {job} won't leave my house alive",
    "one more word and you'll lose your teeth.",
    "you'd better look behind you when you leave the office",
    "it would be a pity if something happened to your kids",
]
_NO_MENACE = [
    "no {item} by noon and I turn up at your door with the receipt.",
    "you'll get a letter from my lawyer tonight if the {item} is late",
    "I have the receipt and I know which law applies.",
    "I slept badly because of the noise of the {item}.",
    "your {job} left my house without a word",
    "one more delay and I'm going to cancel the {item}.",
    "is a baseball bat or a hammer allowed in checked luggage?",
    "I will not let this rest, the press will hear of the {item}",
    "give me the {item} or give me the money, I won't ask again",
]
_CODED = [
    "my passw0rd {code} is refused",
    "the voucher {code} doesnt work",
    "coupon {code} pls",
    "my user name is {code}, cant log in",
    "error {code} when i open the {item}",
    "spelled {spelled}, not as you wrote it",
    "my surname is {spelled}",
    "thx 4 ur help, cu 2morrow",
    "pls snd {item} asap, i w8 4 it",
    "b4 i order: is the {item} gr8?",
    "why does your e-mail look l i k e t h i s ?",
    "the letters of the {item} are too w i d e",
    "the stars in {masked} hide my {item} number, ok",
    "what does {masked} mean on the invoice",
    "heyyyy any newsss on my {item}???",
    "sooooo happy with the {item}!!!!",
    "pr!ce and d@te are garbled on the {item}",
    "the f0nt shows 0 for o and 1 for l",
    "the wifi key is {code} I think",
    "typ0s in yuor mial about teh {item}",
]
# what help pages and customers say in earnest
_GRAVE = [
    "if your {kin} has died, send us the death certificate.",
    "survivors of sexual assault can ask for a {item} at any centre.",
    "compensation is paid when a person was killed or wounded in service.",
    "my {kin} was murdered last year and the {item} still carries the name.",
    "benefits stop with the month in which the beneficiary dies.",
    "you may qualify if you were tortured, raped or held as a prisoner of war.",
    "my {kin} killed himself, how do I close the {item}?",
    "the policy doesn't cover injuries by weapons, drugs or alcohol.",
    "report child abuse or domestic violence to this number.",
    "screening for breast, bowel and prostate cancer is free.",
    "a blood test and a urine sample are needed for the {item}.",
    "we treat burns, stab wounds and bites by dogs and rats.",
    "the {item} shows how to stop a process, kill a thread and purge a queue.",
    "delete orphans, zombies and dead children of the parent job.",
    "is suicide covered after two years of the {item}?",
    "he was convicted of assault and lost his {item}.",
]
_KIN = ["husband", "wife", "father", "mother", "brother", "spouse", "son", "daughter", "uncle"]
_CODE_LETTERS = "A4B8C$D0E3F5G6H7K1L!M@N9P2R3S5T7"


def _fill(template: str, r: random.Random) -> str:
    who = r.choice(PEOPLE)
    verb = "are" if who in ("you", "you people") else "is"
    group, one, adjective = r.choice(GROUPS)
    name = "".join(r.choice("abcdefghiklmnoprstuvw") for _ in range(r.randint(4, 7)))
    beast = r.choice(_BEASTS)
    parts = {
        "who": who, "verb": verb, "verb_who": f"{verb} {who}", "group": group, "one": one,
        "adjective": adjective, "insult": r.choice(INSULTS), "insult2": r.choice(INSULTS),
        "noun": r.choice(BAD_NOUNS), "bad": r.choice(BAD_ADJECTIVES), "item": r.choice(OBJECTS),
        "delay": r.choice(DELAYS), "animal": r.choice(_ANIMALS), "beast": beast, "job": r.choice(_JOBS),
        "weapon": r.choice(_WEAPONS), "code": "".join(r.choices(_CODE_LETTERS, k=r.randint(5, 12))),
        "spelled": r.choice([" ", "-", ". ", "."]).join(r.choice([name, name.upper()])),
        "kin": r.choice(_KIN), "masked": "*" * r.randint(3, 8),
    }  # fmt: skip
    if "{abuse}" in template:
        parts["abuse"] = r.choice(_ABUSE).format(**parts)
    if template in _WITH_PRIDE or template in _AS_SLUR:
        parts["one"], parts["many"] = r.choice(_WORN)
        parts["word"] = parts["one"].split(" ", 1)[1]
    return template.format(**parts)


def _of(templates: list[str], leads: list[str] | None = None) -> Callable[[random.Random], str]:
    def make(r: random.Random) -> str:
        lead = r.choice(leads) if leads else ""
        return f"{lead} {_fill(r.choice(templates), r)}".strip()

    return make


_CONTRASTS: list[Kind] = [
    ("veiled insult", _of(_VEILED, _LEADS), INSULT, 5),
    ("civil criticism", _of(_CRITICISM, _LEADS), CLEAN, 5),
    ("denied", _of(_NOT_SO), CLEAN, 5),
    ("not denied", _of(_STILL_SO), INSULT, 4),
    ("worn with pride", _of(_WITH_PRIDE), CLEAN, 3),
    ("as a slur", _of(_AS_SLUR), INSULT, 3),
    ("reported", _of(_REPORTS), CLEAN, 6),
    ("endorsed", _of(_ENDORSED), INSULT, 4),
    ("against a group", _of(_AGAINST), HATE, 3),
    ("about a group", _of(_ABOUT), CLEAN, 3),
    ("objection", _of(_OBJECTIONS), CLEAN, 4),
    ("disclaimed", _of(_DISCLAIMED), HATE, 3),
    ("menace", _of(_MENACE), THREAT, 2),
    ("no menace", _of(_NO_MENACE), CLEAN, 2),
    ("grave matter", _of(_GRAVE), CLEAN, 3),
    ("odd spelling", _of(_CODED), CLEAN, 4),
]


def contrasting_sentences(count: int, *, seed: int) -> list[tuple[str, Labels]]:
    """About `count` distinct sentences of all pairs with their labels, the same for the same seed."""
    return draw(_CONTRASTS, count, seed=seed)
