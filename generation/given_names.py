"""Words that names are made of, as far as it takes to greet somebody. In lower case. Pure.

`COMMON` holds frequent given names of many countries that are seldom family names. It is no list of
all names: one that is missing costs a first name in a greeting where the order is in doubt, no more.
"""

from __future__ import annotations

COMMON = frozenset(
    """
    aaron abdul abdullah abigail adam adele adrian adriana agata agnes agnieszka ahmad ahmed aisha akira
    alan alba albert alberto alejandra alejandro aleksander aleksandra alessandra alessandro alessia
    alexander alexandra alexandre alexandru alexey alexis alfred alfredo ali alice alicia alina aline
    alison allison alma alvaro amanda amandine amber amelia amelie amina amir amit amy ana anastasia
    anders andrea andreas andreea andrei andrej andres andrew andrey angela angelika angelina angelo anil
    anita anja anjali anke ann anna annabel anne annegret annette annika anouk anton antonella antonia
    antonio antti anya april arianna arjun arne arthur artur arturo asha astrid audrey aurelie axel ayesha
    ayse barbara barry bart bartosz beata beatrice beatriz ben benjamin bernadette bernard bernd bert
    bettina bianca birgit björn bogdan bohdan boris brandon brenda brett brian bridget brigitte bruno
    camila camilla camille carina carl carla carlo carlos carmen carol carolina caroline cassandra
    caterina catherine cathy cecile cecilia cedric celine chantal charlotte chiara chloe chloé chris
    christa christian christiane christina christine christoph christophe christopher cindy claire clara
    claudia claudio clemence colette connor conor constance cordula corinna cornelia cristian cristina
    dagmar daniel daniela daniele danielle daphne dario david dawid debbie deborah deepak delphine denise
    derya diana diane didier diego dieter dimitri dina dirk dmitri dmitry dominik dominika dominique
    donna dora doris dorota dorothea dorothy dragana dylan edith eduardo edward edwin ege ekaterina
    elaine elena eleni eleonora elif elin elisa elisabeth elise eliza elizabeth ella ellen elodie elsa
    elsie elvira emeka emil emilia emilie emily emma emmanuel emre enrico enrique eric erica erik erika
    erin ernesto esra esther eugenia eva evelina evelyn evgeny ewa fabian fabien fabio fabrice farah
    fatemeh fatima fatma federica federico felicitas felipe felix ferdinand fernanda fernando filip
    filippo finn fiona flora florence florian francesca francesco francisca francisco franck francois
    françois françoise franz franziska fred frederic frederik frieda friedrich fritz gabriel gabriela
    gabriele gabriella gareth gary gemma geoffrey georg georgia gerard gerd gerhard gertrud gianluca gina
    giorgia giorgos giovanna giovanni gisela giulia giulio giuseppe gloria gregor gretchen grzegorz
    guadalupe guido guillaume guillermo gunnar gustavo günter hana hannah hanna hanne hannelore hans harald
    hasan hassan hatice heather hector hedwig heidi heike heiko heinz helen helena helene helga helmut
    hendrik henrik henrike henry hilda hilde hiroshi holger horst hugo hussein ian ibrahim ida ignacio
    ines inga inge ingeborg ingo ingrid inken ioana irena irene irina iris irma isaac isabel isabella
    isabelle ismail ivan ivana iwona jack jacek jacob jacqueline jaime jakob jakub jan jana jane janet
    janina jasmin jasmine jason javier jean jeanette jeanne jeff jeffrey jelena jenna jennifer jenny jens
    jeremy jerome jesper jessica jessie jill jim joan joana joanna joaquin jochen joe joel johan johann
    johanna johannes john jon jonas jonathan jorge jose josé josef josefine joseph josh joshua josip joyce
    juan juana judith judy julia julian juliana julie julien juliette julio juraj jürgen jutta kaan karel
    karen karin karina karl karolina kasia katarina katarzyna kate katerina katharina katherine kathleen
    kathrin kathryn katie katja katrin kavita kayla keith kelly kemal ken kenji kenneth kerstin kevin khadija
    kirsten klara klaus konrad konstantin kristen kristian kristin kristina kristine krystyna krzysztof
    lars laszlo laura lauren laurence laurent lea leah leila lena leo leon leona leonard leonardo leonie
    leonor leyla lidia lies lieselotte liam lila lilian liliana lilly lily lina linda line linnea lisa
    lisbeth lise liv lorenzo loretta lotte louisa louise lucas lucia luciana lucie lucy ludmila ludovic
    luigi luis luisa luise lukas lukasz lydia lynn maartje maciej madeleine magda magdalena magnus maja
    malgorzata malik malin manfred manon manuel manuela mara marc marcel marcello marcin marco marcos
    marek margaret margarita margit margot maria mariam mariana marianne marie marieke marija marijke
    marina mario marisa marit marjorie mark marko markus marlene marta martha martina martine marwa mary
    masha massimo mateo mateusz mathias mathieu mathilde matilda matteo matthew matthias maureen maurice
    maurizio max maxime maximilian maya megan mehmet melanie melina melissa mercedes meryem mia michael
    michaela michal michel michela michele michelle miguel mihai mika mike mikhail mikkel mila milan milena
    miriam mirjam mirko mohamed mohammad mohammed moira molly mona monica monika monique morten muhammad
    murat mustafa nadia nadine nadja naomi natalia natalie natascha natasha nathalie nathan neha neil
    nele nelly nicola nicolas nicole niels nigel nikita nikola nikolai nikolaos nikolas nils nina nino nisha
    noah noor nora norbert norma nuno oksana ola olaf ole oleg olena olga oliver olivia olivier omar orla
    oscar oskar otto özlem pablo paola paolo pascal patricia patrick patrik patrizia paul paula pauline paulo
    pavel pawel pedro peggy penelope peter petr petra philip philipp philippe phoebe pia pierre pietro
    pilar piotr pooja priya przemyslaw rachel radka rafael raffaele rahel rahul raimund rainer raj rajesh
    ralf ramon raquel rasmus raul rebecca regina reinhard renata renate renee ricardo riccardo richard rita
    rob robert roberta roberto robin rocio rodrigo roger roland roman romy ronja rosa rosalie rosanna rosie
    roxana ruben rudolf rupert ruth sabina sabine sabrina sally salma salvatore sam samantha samir samira
    samuel sandra sandrine sandy sanjay sanna sara sarah sascha saskia sean sebastian selin selma serena
    sergei sergey sergio sharon sheila shirley sibylle siegfried sigrid silke silvia silvio simona simone
    siobhan siobhán sofia sofie sonia sonja sophia sophie stacy stanislav stefan stefania stefanie stefano
    steffen stella stephan stephanie stephen steve steven stina stuart sue sunil susan susana susanne suzanne
    svein sven svenja svetlana swen sylvia sylvie szymon tamara tania tanja tariq tatiana tatjana ted
    teresa tessa thea theodor theresa thibault thilo thomas thorsten tiffany tiina till tim timo timothy
    tina tobias tom tomas tomasz tommaso toni tony torsten tracy trevor tristan udo ulf ulrich ulrike ursula
    uschi ute uwe valentin valentina valeria valerie vanessa vera veronica veronika veronique vicky victoria
    viktor viktoria vincent vincenzo viola violeta virginia vivian vladimir volker wendy werner wiebke
    wilhelm willem wolfgang wouter xavier xenia yasmin yolanda yousef yuki yusuf yves yvette yvonne zainab
    zofia zoe zoé zuzana zoë
    """.split()
)

# Family names of countries that write them first, and English words of firms, so that neither is
# taken for a given name.
FAMILY_FIRST = frozenset(
    """
    bai cai cao chan chang chao chen cheng cheung choi chou chow chu cui dai deng ding dong du duan fan fang
    feng fu gao gong gu guo han hao he ho hou hsu hu huang jeong jia jiang jin jung kang kim ko kong kwon
    lai lam lau law le lee lei leung li liang liao lim lin ling liu long lu luo ma mao meng mo ng nguyen
    nguyễn oh ong ou pan park peng pham phạm phan qian qin qiu ren seo shao shen shi shin song su sun tan
    tang tao tian tran trần tsai tseng tu vo võ vu vũ wan wang wei wen wong woo wu xia xiang xiao xie xiong
    xu xue yan yang yao ye yi yin yoo yoon you yu yuan zeng zhang zhao zheng zhong zhou zhu zou
    abe fujita goto hasegawa hayashi ikeda inoue ishikawa ito kato kimura kobayashi kondo matsumoto mori
    nakajima nakamura ogawa okada saito sakamoto sasaki sato shimizu suzuki takahashi tanaka watanabe
    yamada yamaguchi yamamoto yamashita yoshida
    balogh farkas horváth horvath kiss kovacs kovács lakatos molnar molnár nagy nemeth németh papp szabo
    szabó szűcs takacs takács toth tóth varga
    """.split()
)
NO_PERSON = frozenset(
    """
    abteilung account accounts accounting admin administration administrator advisor agency agentur air alert
    amt and anonymous anonymus anonym apartment api apotheke app apps architects associates association
    asociacion auto automatic automated bakery bank bar benutzer betrieb billing board books bot boutique
    brothers bureau business buyer büro cafe café care cars center centre centrum chat church city client
    clients clinic clinica club co college com commerce communications community company compliance
    computer computers construction consult consulting contact contractors coop corp corporation council
    courier credit customer customers daemon data deli delivery dental department dept design desk
    development digital direct director distribution do donotreply drive edition electric electrical
    electronic electronics elektro else email employee energy engineering enquiries enterprise enterprises
    entreprise equipe equipment estate event events express factory familie familia family famiglia famille
    farm fashion figlio finance financial firma first firstname fitness fleet food foods for foundation
    freight from fund furniture gallery games garage garden gast global gmbh good government gov green
    group gruppe gruppo guest handel haus health hello help helpdesk hi hilfe holding holdings home homes
    hospital hostel hotel house inc industrial industries info information inquiry install installation
    institut institute insurance international internet invalid invoice invoicing it kanzlei kg kids kontakt
    kunde kunden kundendienst kundenservice lab labs last lastname law leasing legal library limited
    llc llp lodge logistics ltd machine mail mailer management manager market marketing markt me media
    medical meister motors museum music my n/a na name nan network networks news newsletter nil no nobody
    nomail none noreply not null nursery office official online optik order orders our outlet owner parcel
    parking parts partner partners payment payments person pharmacy photo phone pizza plastics plc
    plumbing post postmaster praxis press print product products productions project properties property
    pub purchasing realty reception recruiting recruitment rental repair reply reservations residence
    restaurant retail robot root sale sales salon school schule secretary security seller server service
    services shipping shop shopping sir software solar sold solutions son sons spa sport sports spouse
    staff stadt stiftung store street studio studios suite supplier supply support surgery system systems
    taxi team teams tech technical technik technologies technology tenant test tester testing textiles the
    theater theatre tools tours trade trading transport transportation travel trust tv uk und undefined
    union university universität universidad universita unknown unbekannt us user username utilities value
    vendor ventures verein verlag verwaltung video visitor void vorname nachname warehouse watch water we web
    webmaster website wholesale wine wines works workshop world xxx you your zentrale zentrum
    """.split()
)
TITLES = frozenset(
    """
    mr mrs ms miss mx mister missus dr prof professor doctor sir madam ma'am dame lord lady herr frau fr
    hr fräulein m mme mlle monsieur madame mademoiselle sig signor signora signorina dott dottor dottoressa
    sr sra srta señor señora señorita senhor senhora don doña dona dhr mevr mevrouw meneer pan pani ing dipl
    dipl-ing rev reverend fr pastor father rabbi capt captain sgt lt col major gen maj hon judge magister mag
    shri smt bay bayan uncle aunt
    """.split()
)
SUFFIXES = frozenset(
    "jr sr ii iii iv phd md mba msc bsc ma ba ba esq dds cpa pe rn jd llm dba mbe obe cbe".split()
)
PARTICLES = frozenset(
    "von van vom zu zum de da das do dos di del della der den ten ter te la le las los du des el al bin "
    "ibn ben abu y e i af av zur op 't ap mac o".split()
)
