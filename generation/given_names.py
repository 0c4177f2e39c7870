"""Words that names are made of, as far as it takes to greet somebody. In lower case. Pure.

`COMMON` holds frequent given names of many countries that are seldom family names. It is no list of
all names: one that is missing costs a first name in a greeting where the order is in doubt, no more.
"""

from __future__ import annotations

COMMON = frozenset(
    """
    aaron abdul abdullah abebe abena abigail adaeze adam adaora adele adesua aditi aditya adrian adriana
    agata agnes agnieszka agustin ahmad ahmed ahmet aigerim aino aisha aisulu ajay akash akiko akira akua
    alan alba albert alberto alejandra alejandro aleksandar aleksander aleksandr aleksandra alena
    alessandra alessandro alessia alexander alexandra alexandre alexandru alexey alexis alfred alfredo
    ali alice alicia alina aline alison aliya allison alma alvaro amanda amandine amber amelia amelie
    amina aminata amir amira amit amy ana ananya anastasia anders andile andrea andreas andreea andrei
    andrej andres andrew andrey aneta angela angelika angelina angelique angelo anh anil anita anja
    anjali anke ankita ann anna annabel anne annegret annette annika anouk anthony antoine anton
    antonella antonia antonio antti anya aoife april araceli arianna arjun arnav arne aroha arthur artur
    arturas arturo arvid asha aslan astrid asuka atsushi audrey aurelie axel ayesha aylin ayodele ayse
    ayumi azra babajide balazs baraka barbara barry bart bartosz beata beatrice beatriz ben bence
    benjamin bernadette bernard bernd bert bettina bianca bilal birgit birgitta björk björn bogdan bohdan
    bola boonsri boris boubacar brandon branislav brenda brett brian bridget brigitte britta bronagh
    bruna bruno cagla camila camilla camille caoimhe carina carl carla carlo carlos carmela carmen carol
    carolina caroline cassandra caterina catherine cathy cecile cecilia cedric celine cem chantal
    charlotte chayton chiamaka chiara chidi chika chinedu chinonso chioma chloe chloé chris christa
    christian christiane christina christine christoph christophe christopher chukwuemeka ciara cindy
    claire clara claudia claudio clemence clement colette connor conor constance cordula corinna cormac
    cornelia cosmin cristian cristina dace dagmar dalia damian damir daniel daniela daniele danielle
    danuta daphne daria dario darius david dawid dawit debbie deborah deepak delphine denise deniz derya
    desislava diana diane didier diego dieter dilara dimitri dina dirk divya dmitri dmitry dominik
    dominika dominique donna dora doris dorota dorothea dorothy dragan dragana dylan ebru edith eduardo
    edward edwin eero efua ege eilidh eimear einar eino ekaterina elaine elena eleni eleonora elif elin
    elisa elisabeth elise eliza elizabeth ella ellen elodie elsa elsie elvira elzbieta emeka emil emilia
    emilie emily emma emmanuel emre enrico enrique enzo ercan eric erica erik erika erin ernesto erzsebet
    esperanza esra esther eszter eugenia eva evelina evelyn evgeny ewa fabian fabien fabio fabrice fadi
    faisal farah farid fatemeh fatima fatma fatou fatoumata federica federico felicitas felipe felix femi
    ferdinand ferenc fernand fernanda fernando filip filippo finn fiona flora florence florian florin
    folake folasade francesca francesco francisca francisco franck francois franz franziska françois
    françoise fred frederic frederik frieda friedrich fritz fumiko gabor gabriel gabriela gabriele
    gabriella gareth gary gaurav gemma genevieve geoffrey georg george georgi georgia georgios gerard
    gerd gerhard gertrud gianluca gina gintaras giorgi giorgia giorgos giovanna giovanni gisela giulia
    giulio giuseppe gloria goran gregor gretchen grzegorz guadalupe guido guillaume guillermo gulnara
    gunnar gustavo günter haakon habib haile halima hamid hamza hana hanna hannah hanne hannelore hans
    harald haruki haruto hasan hassan hatice hayato heather hector hedda hedwig heidi heike heiko heinz
    helen helena helene helga helmut hendrik henrik henrike henry hideo hilda hilde hiroko hiroshi holger
    horst hugo hussein ian ibrahim ibrahima ida ifeoma ignacio ikram ilona ilse imani imran indira indre
    ines inga inge ingeborg ingmar ingo ingrid inken ioana ioannis ion ionut irena irene irina iris irma
    isaac isabel isabella isabelle ismail ivan ivana iwona jacek jack jacob jacqueline jadwiga jaime
    jakob jakub jamal jamila jan jana jane janet janina janos janusz jaroslav jasmin jasmine jason
    jaspreet javier jean jeanette jeanne jeff jeffrey jelena jelle jenna jennifer jenny jens jeremy
    jerome jesper jessica jessie jill jim jiri joan joana joanna joao joaquin jochen joe joel johan
    johann johanna johannes john jolanta jon jonas jonathan jorge jose josef josefine joseph josh joshua
    josip josé joyce jozsef juan juana judith judy juhani jukka julia julian juliana julie julien
    juliette julio juraj jutta jürgen kaan kaito kalinda kamala kamil kamran karel karen karim karin
    karina karl karolina kasia katalin katarina katarzyna kate katerina kateryna katharina katherine
    kathleen kathrin kathryn katie katja katrin kavita kavya kayla kazuo keiko keith kelly kemal ken
    kenji kenneth kenta kerem kerstin kevin khadija khadijah khalid kiran kirsten klara klaus kofi kojo
    konrad konstantin krishna kristaps kristen kristian kristin kristina kristine krystyna krzysztof
    kwabena kwame kwasi kwesi laila lajos lakshmi lamia lars lasse laszlo latifa laura lauren laurence
    laurent layla lea leah leila leilani lena leo leon leona leonard leonardo leonie leonor lerato leszek
    leyla liam lidia lien lies lieselotte lila lilian liliana lilly lily lina linda line linh linnea lisa
    lisbeth lise liv ljubica lorenzo loretta lotte louisa louise lubos lucas lucia luciana lucie lucja
    lucy ludmila ludovic luigi luis luisa luise luka lukas lukasz lwazi lydia lynn maartje maciej
    madeleine magda magdalena magnus mahmoud maja makoto malaika malgorzata malik malin mamadou manfred
    manish manoj manon manuel manuela mara marc marcel marcello marcin marco marcos marek margaret
    margarita margit margot maria mariam mariana marianne marie marieke marija marijke marina mario
    marisa marit marjorie mark marko markus marlene marta martha martina martine marwa marwan mary maryam
    masha massimo matej mateja mateo mateusz mathias mathieu mathilde matilda matteo matthew matthias
    maureen maurice maurizio max maxime maximilian maya mayumi meera megan mehdi mehmet meiling melanie
    melina melissa mercedes merve meryem mesut mia michael michaela michal michel michela michele
    michelle miguel mihaela mihai miho mika mikael mike mikhail mikkel mila milan milena milos minh
    miriam mirjam mirko miroslav miyuki mohamed mohammad mohammed mohan moira molly mona monica monika
    monique morten muhammad murat mustafa mustapha nabil nadezhda nadia nadine nadja naoko naomi naoto
    narendra nasrin natalia natalie natascha natasha nathalie nathan natsuki neema neeraj neha neil nele
    nelly ngozi nicholas nicola nicolas nicole niels nigel nikhil nikita nikola nikolai nikolaos nikolas
    nikos nils nimal nina nino nisha nkechi noah nokuthula noor nora norbert norma nour nozomi nuala nuno
    obinna oddvar oksana ola olaf ole oleg olena olga oliver olivia olivier oluwaseun omar omari ondrej
    oona orla orsolya oscar oskar osman otto pablo paola paolo pascal patricia patrick patrik patrizia
    paul paula pauline paulo pavel pawel pedro peggy pekka penelope peter petr petra petros philip
    philipp philippe phoebe pia pierre pieter pietro piia pilar piotr pooja pradeep prakash pranav preeti
    priscilla priya przemyslaw rachel radek radka radoslav rafael rafaela raffaele rahel rahul raimund
    rainer raj rajendra rajesh ralf ramesh ramon ranjit raquel rashid rasmus raul ravi raymond rebecca
    regina reinhard renata renate renee ricardo riccardo richard rita ritva riya rob robert roberta
    roberto robin rocio rodrigo roger rohan rohit roland roman romy ronald ronja rosa rosalie rosanna
    rosie roxana ruben rudolf rupert ruta ruth ryo sabina sabine sabrina sadia saeed saira saki sakura
    salim sally salma salvatore sam samantha samir samira samuel sandeep sandra sandrine sandy sanjay
    sanjeev sanna sara sarah sascha saskia satoshi savvas seamus sean sebastian selin selma serena sergei
    sergej sergey sergio shabnam shalini shanthi sharon sheila shirley shota shreya sibusiso sibylle
    siegfried sigrid sigurd silke silvia silvio simona simone sinead siobhan siobhán siti slavica sneha
    sofia sofie somchai somsak sonia sonja sophia sophie soren stacy stanislav stanislaw stefan stefania
    stefanie stefano steffen stelian stella stephan stephanie stephen steve steven stina stuart sudha sue
    sunil sunita suresh susan susana susanne suzanne svein sven svenja svetlana svitlana swati swen
    sylvia sylvie szymon takashi takumi tamar tamara tamas tania tanja tariq taro tatiana tatjana tatsuya
    ted temitope teresa tessa thabo thandi thandiwe thea themba theodor theresa thibault thilo thomas
    thorsten tiago tiffany tihomir tiina till tim timo timothy tina tobias toivo tom tomas tomasz tommaso
    tomoko toni tonje tony torsten toshiro tove tracy trevor tristan tuan tunde tuomas tuula uchenna udo
    ulf ulrich ulrike umar ursula uschi usha ute uwe vaclav valentin valentina valeria valerie vanessa
    vanja vasile vasyl venkat venkataraman vera veronica veronika veronique vicky victoria vijay vikram
    viktor viktoria vilma vincent vincenzo vinod viola violeta virginia vishal viswanathan vivian vlad
    vladimir volker wafa waleed wanjiru wendy werner wiebke wiktor wilhelm willem wioletta wolfgang
    wouter xavier xenia yael yannick yara yasmin yaw yetunde yiannis yogesh yoko yolanda yoshiko yousef
    yuki yuko yumi yusra yusuf yves yvette yvonne zahra zainab zanele zbigniew zdenek zeynep zineb zoe
    zofia zoran zoé zoë zsofia zsolt zuri zuzana özlem
    """.split()
)

# Family names of countries that write them first, and English words of firms, so that neither is
# taken for a given name.
FAMILY_FIRST = frozenset(
    """
    bai cai cao chan chang chao chen cheng cheung choi chou chow chu cui dai deng ding dong du duan fan fang
    feng fu gao gong gu guo han hao he ho hou hsu hu huang jeong jia jiang jin jung kang kim ko kong kwon
    lai lam lau law le lee lei leung li liang liao lim lin ling liu long lu luo ma mao meng mo ng nguyen
    nguyễn oh ong ou pan park peng pham phạm phan qian qin qiu seo shao shen shi shin song su sun tan
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
    ag gbr ohg eg kgaa bv nv srl sarl pty pvt et och og u versand kita laden diner kitchen bäckerei metzgerei
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
    herrn fru hr king queen prince princess pope
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
    "ibn ben abu umm y e i af av zur op 't ap mac o".split()
)
