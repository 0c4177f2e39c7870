"""The words that most English messages to a help desk are made of, and how many of a text's are. Pure.

Language models of letters are unsure of six words, and languages that they don't know look like any
other: most words of a short English message are among these, and few words of another language's.
How the list was made, and its figures: ``docs/screens.md``.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ENDINGS = (("s", ""), ("es", ""), ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e"), ("ly", ""))


def english_share(text: str) -> tuple[float, int]:
    """The share of a text's words that are in the list, with or without an ending, and how many
    words it has; (0, 0) without any."""
    words = [match.group().casefold() for match in _WORD.finditer(text)]
    known = sum(_is_known(re.split("['’]", word)[0]) for word in words)
    return (known / len(words) if words else 0.0), len(words)


def _is_known(word: str) -> bool:
    return word in WORDS or any(
        word.endswith(ending) and word.removesuffix(ending) + rest in WORDS
        for ending, rest in _ENDINGS
    )


WORDS = frozenset(
    (
        "a aa ab able about above absolutely accept acceptable accepted access accessing accommodation "
        "accomodation according account accounts accuracy accurate acquire acquiring across act action "
        "activate activation active activity actual actually ad adapter add added adding addition "
        "additional address addresses admin adress advice advise afford afraid after afternoon afterwards "
        "again against age agent ago agree ah ahead aid air al alert alerts alexander ali all allow "
        "allowance allowed allows almost alone along alot already alright also alternative although "
        "always am amazing american among amount an and anna another answer answered answers any anymore "
        "anyone anything anytime anyway anywhere ap apologize app appeal appear appears apple application "
        "applied apply applying appointment appreciate approval approved approximately apps ar are area "
        "around arrange arrival arrive arrived arrives art article articles as asap ashley ask asked "
        "asking assist assistance associated at attach attachment attempt august auto automatically "
        "available avenue average avoid aware away awesome awful az baby back bad bank banking bar based "
        "basic battery bay be because been beer beers before begin behind being believe bell belong below "
        "besides best bet better between bg big bill billing bills birmingham bit black blank blinking "
        "block blocks blue bluetooth board bob book booked booking both bottom bought box brand breakfast "
        "brew bridge bring british broken browser budget burger bus business busy but button buy buying "
        "by bye cable cables cafe call called calling cam came can canada cancel canceling cancellation "
        "cancelled cancelling cannot cant cappuccino car caramel card cards care carolina carry case cash "
        "category cause caused causeway center centre certain certainly chance change changed changes "
        "changing charge charged charger charges charlie chat chatting cheap check checked checking "
        "cherry chicken child children chocolate choice choices choose chose christmas church city claim "
        "clarify classical clear cleared clearly close closed closer closest closing co cod code codes "
        "coffee cold college come comes comfortable coming company compensation complete completed "
        "completely completing complex computer concern concerned condition confirm confirmation "
        "confirmed confused confusion connect connected connection consent consider contact contacted "
        "contacting continue contract convert cool copy correct corrected correctly cost costs could "
        "couldnt count counter countries country county couple courier course court cover covered covers "
        "cracked crashed crashes cream creamy create creating credit crescent criteria cross csv ct cup "
        "curious current currently customer customers cut cuts daily damaged dark data date daughter "
        "david day days deactivate deal debit december decide decided decision declined deducted "
        "definitely delay delayed delete delicious deliver delivered delivery delta demand depart "
        "department depends deposit desperately despite detail details determine device devices did didnt "
        "difference different digit digits direct directions directly dirty disabled disconnect discount "
        "discounts display dispute do document documents does doesnt doing dollar dollars don done dont "
        "double down download downtown dr draw drink drinks drive drizzle drop dry due during each "
        "earlier early earn earning east easy eat eater eats edit educational effect eight either "
        "eligible else elsewhere email emergency empty end ends english enjoy enough ensure enter entered "
        "entering entertainment entire er error estimated etc eu european even evening events ever every "
        "everyday everyone everything ex exactly example excellent exchange existing exists expect "
        "expected expensive experience experiencing expired explain export express extra facility facing "
        "fact factors failed fails fair fall falls false familiar family famous fan fantastic far fare "
        "fast faster faulty favorite feature fee feel fees few fi figure file files fill filter finally "
        "find finding fine finish finished firmware first fit five fix fl flat floor fo folder follow "
        "following food foods football for foreign forever forget forgot forgotten form former forms "
        "forward found four frame fraud free freeze freezes french fresh friday friend friends from front "
        "frozen fry full fully function further future game gandhi garden gas gave gbp german germany get "
        "gets getting give given gives giving glad glitch gluten go god goes going gone gonna good "
        "goodbye goods google got gotten grab grand grant great green grey grill group guarantee guess "
        "guest guests guide guys ha had half hall hand handle hangs happen happens happy hard has hate "
        "have having he head hear heard hearing heat heating hello help helpful helping helps her here "
        "hey hg hi hidden high higher highest hill hills him his history hmm hmmm ho hold holding holiday "
        "home honey hope hoping hot hotel hotels hour hours house how howdy however hub huh hungry hurry "
        "husband i ia ice iced id idea ideas identity if ik ill immediate immediately import important in "
        "include included including incorrect increase increased indeed india indian indoor industrial "
        "info inform information informing ingredients inside install installation instead interest "
        "interested interesting international internet into invite invoice invoices irish is islands isnt "
        "issue issued issues it italian item items its itself ive jack james jay jim job jobs joe john "
        "jones jr junction just keep keeps kept key keys kids kind kinda kindly kinds king km knew know "
        "known ko label lane large larger last late later latest law lay ld learn learning least leave "
        "leaving led left leicester lemon length less let lets letter level lg licence license life "
        "lifetime light lights like liking limit limitations limited limits line link linked list listed "
        "listing little live liverpool living local locate located locating location locations locked "
        "lodge lodging login long longer look looking looks lookup lose lost lot lots loud love lovely "
        "low lower lunch macchiato machine made mahal mail mailed mails main make makes making mall man "
        "manage manager manual many market married masala match matching matter max maximum may maybe me "
        "meal mean means meant medium meet member members mentioned menu merchant message messages method "
        "methods mexico middle might milk milkshakes mill miller mind mine mini minimum mint minute "
        "minutes missing mistake mix mixed mo mobile mocha mode model modify moment monday money month "
        "monthly months moon more morning mortgage most motel move moved movie moving mr ms much multiple "
        "music must my myself name names nd ne near nearby nearest nearly necessary nee need needed "
        "needing needs neither network never new news next nh nice night nj no noise noises non none nope "
        "nor normal normally north not nothing notice notification now number numbers oak obtain "
        "obtaining october of off offer offered offerings offers office often oh oil ok okay old older on "
        "once one ones online only onto oops open opened opening operate opinion option options or orange "
        "order ordered ordering orders original os other others our out outdoor outside over own pack "
        "package page pages paid pair pairing palace parcel park part parts pass passed password past pay "
        "paying payment payments pdf people pepsi per perfect perfectly perform perhaps period periods "
        "permission permissions permitted person personal ph phone pick picked picking picture pin pizza "
        "pl place placed places plan planning plans platinum play playing plaza pleas pleasant please "
        "pleasure plenty plese pls pm po point policy popular possible possibly post postal postcode "
        "pound pounds prefer preference preferred premium prepare preparing present press pretty previous "
        "previously price prices print printer prior private pro problem problems procedure proceed "
        "process processed product products profile proof properly protect protection prove provide "
        "provided provider providing public pull pulled pulling purchase purchased purchases purchasing "
        "purpose put putting pwd quality quantity query question questions quick quickly quiet quite "
        "raise ran range rate rates rather rating rd reach reached reaches read ready real realized "
        "really reason reasonable reasons reboot recall receipt receipts receive received receiver "
        "receiving recent recently recommend recommended record records recover recovery red refer "
        "reference refund refunded refunds refuse refused regard regarding register registered "
        "registration regular reimburse reimbursed reimbursement related reliable remainder remember "
        "remote remove removed renewal rent rental repair repeat replace replaced replacement reply "
        "report reporting request requested requesting requests require required requirement requirements "
        "research reserved reset reside resolve resolved rest restart restaurant result results retrieve "
        "return returned review rice right ring river riverside rj road rock room rooms rosa rose route "
        "router row royal rt rules run running runs rush russian safe safety said saint sam same "
        "satisfied saturday sauce saw say saying says sc scan schedule schedules school schools screen "
        "search searching seattle second seconds section secure security see seeing seem seems seen sees "
        "select selected selection sell seller send sending sends sense sensor sent sepa serve served "
        "server servers service services serving set setting settings setup seven several sha shake shall "
        "share she ship shipment shipping shop shopping short shorten shortly shot should show showing "
        "shown shows side sign signed signing signup silence simple simply since single sir sit site "
        "situation situations six size sizes slow small smart smith smoke so soft software solution solve "
        "some somebody someone something sometime somewhere son soon sorry sort sound sounds south space "
        "spanish spare speak special specific specifically specifics specified specify speed spend spent "
        "spice square ss ssn standard star start started starts state states station status stay stays "
        "step steps stick still stop store stores strange strawberry street strip strong stuck student "
        "stuff submit submitted subscribe subscription successful successfully such sugar suggest "
        "suggestion suitable suite sun super superb supply support suppose supposed sure suspicious sweet "
        "switch switzerland sync system systems table taj take taken takes taking talk talking tank "
        "target tasty tax tea team technology tell telling tells temperature ten terms terribly than "
        "thank thanks thankyou that thats the their them then there thermostat these they thing things "
        "think thinking this those though thought three through thru ti ticket tickets time times tired "
        "to today together tol told tonight too took top topped topping total totally touch towards town "
        "tp tq track tracking trained transfer transferred transferring transfers travel traveling "
        "travelling trial tried trip triple trouble true truly try trying turn turns twelve twice two tx "
        "type typed types typo uk um unable under understand understanding unfortunately unhappy "
        "uninstall union unit united university unknown unless unlimited unsubscribe unsuccessful unsure "
        "until unusual up update updated updates updating upgrade upload us usa usd use used user "
        "username users using usually ut vacation valid value vanilla variety various vat vegetarian "
        "verification verify version very via victoria video view village visa vision visit vj wa wait "
        "waiting walk wanna want wanted wanting wants warm warning warranty was watch water way ways wd "
        "we website week weekend weeks welcome well went were west what whatever whats when whenever "
        "where whether which while white who whole why wi wide wife wifi wild will willing window windows "
        "wine wish with withdraw withdrawal within without wondered wonderful wondering word work worked "
        "working works world worried worry worth would wow write writing wrong yard yea yeah year yearly "
        "years yellow yep yes yesterday yet ym yo york you your yours yourself yp yu yup zero zip zone "
    ).split()
)
