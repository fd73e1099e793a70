"""The words and sentences of the suite of minimal pairs; training uses neither (a test checks it)."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _rows(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(cell.strip() for cell in line.split(",")) for line in text.strip().splitlines())


THINGS = _words(
    """car phone house restaurant hairbrush bridge horse cat bed apartment village island road hill bus pizza salad
    sandwich cake pond puppet kite truck crown sword forest canteen necklace bracelet hamster parrot cathedral"""
)
BESIDES = _words("delivery service payment cooking website entrance corridor packaging advert")
ADJECTIVES = _rows(
    """small,large
    fast,slow
    lucky,unlucky
    vivid,pale
    wide,narrow
    thick,thin
    acidic,mild
    creamy,gritty
    deep,shallow
    polite,rude
    calm,angry
    gentle,harsh
    famous,unknown
    friendly,hostile
    busy,idle
    proud,humble
    honest,dishonest
    pleasant,awful
    crisp,soggy
    spicy,bland
    fancy,modest
    clever,stupid
    exact,vague
    green,red
    blue,yellow
    white,black
    happy,sad"""
)
PEOPLE = _words(
    """mayor duke prince countess bellboy butler chancellor minister teacher student boss widow uncle aunt nephew
    emperor heiress intern bartender candidate goldsmith beggar hermit knight"""
)
FIRMS = _words(
    """Aqualis Brimfort Oakhurst Silverpeak Bluewater Dynacore Everlane Foxglove Granitex Hollowell Ivoryline Juniperra
    Kingsrow Lakemoor Mooncrest Northgate Opaline Pinehurst Quillon Redstone Starling Thistledown Umbria Westbrook"""
)
# base, past, participle, noun with its preposition
VERBS = _rows(
    """buy,bought,bought,purchase of
    love,loved,loved,love for
    hate,hated,hated,hatred for
    arrest,arrested,arrested,arrest of
    elect,elected,elected,election of
    evict,evicted,evicted,eviction of
    trust,trusted,trusted,trust in
    pardon,pardoned,pardoned,pardon of
    cure,cured,cured,cure of
    sack,sacked,sacked,sacking of
    tease,teased,teased,teasing of
    exile,exiled,exiled,exile of
    expel,expelled,expelled,expulsion of
    seduce,seduced,seduced,seduction of
    imprison,imprisoned,imprisoned,imprisonment of
    kidnap,kidnapped,kidnapped,kidnapping of
    murder,murdered,murdered,murder of
    rebuke,rebuked,rebuked,rebuke to
    recruit,recruited,recruited,recruitment of
    persuade,persuaded,persuaded,persuasion of
    humiliate,humiliated,humiliated,humiliation of
    harass,harassed,harassed,harassment of"""
)
# things, and what they may contain
CONTENTS = (
    (
        _words("pizza salad sandwich cake omelette burger pasta curry lasagne porridge"),
        _words("milk garlic pepper salt onions rice bacon raisins chilli ketchup cinnamon gluten parsley spinach"),
    ),
    (
        _words("apartment house restaurant bus truck chalet canteen cathedral"),
        _words("wifi heating stairs seatbelts plastering minibar mosaics ashtrays"),
    ),
)
# base, past
DEEDS = _rows(
    """eat the pancakes,ate the pancakes
    drink the cocoa,drank the cocoa
    wear the wig,wore the wig
    sing the anthem,sang the anthem
    hide the map,hid the map
    throw the dart,threw the dart
    cook the dumplings,cooked the dumplings
    pawn the pearl,pawned the pearl
    shave the poodle,shaved the poodle
    forge the cheque,forged the cheque
    bless the infant,blessed the infant
    catch the crab,caught the crab
    swallow the pill,swallowed the pill
    knit the mittens,knitted the mittens
    rob the smugglers,robbed the smugglers
    shred the pamphlet,shredded the pamphlet
    solve the riddle,solved the riddle
    ride the donkey,rode the donkey"""
)
# verb, unit, least, most
AMOUNTS = _rows(
    """stretches,miles,13,97
    needs,minutes,11,59
    earns,dollars,15,940
    covers,acres,12,400
    holds,gallons,11,92
    carries,ounces,13,82
    contains,calories,110,910
    houses,guests,12,310
    delivers,volts,12,230
    shelters,cattle,21,700"""
)
COMPARED = _rows(
    """richer,poorer
    bigger,smaller
    faster,slower
    wider,narrower
    brighter,dimmer
    thicker,thinner
    deeper,shallower
    luckier,unluckier
    nicer,nastier
    prouder,humbler"""
)
# the topic, who supports it
CONTEXTS = _rows(
    """car,motorist
    phone,caller
    school,headmistress
    restaurant,chef
    chess,grandmaster
    radio,newsreader
    election,councillor
    holiday,vacationer
    coffee,barista
    spaceflight,astronaut
    internet,blogger
    university,lecturer
    circus,acrobat
    opera,soprano
    jazz,saxophonist
    ballet,ballerina
    knitting,grandmother
    football,striker
    kindergarten,childminder"""
)
OWNED = _words(
    "battery password ticket manager accident apprentice injury diet salary bill queue mistake prize routine complaint"
)
# a word, three things of one sense, three of the other
SENSES = _rows(
    """bass,trout,cod,angler,saxophone,rhythm,jazz
    bow,arrow,quiver,target,cellist,rosin,overture
    jaguar,jungle,fur,predator,sedan,bonnet,dealership
    python,venom,slither,cobra,programmer,syntax,algorithm
    cricket,chirp,locust,grasshopper,wicket,bowler,batsman
    mercury,orbit,sun,crater,fever,amalgam,alchemy
    bulb,lampshade,chandelier,dimmer,daffodil,hyacinth,compost
    virus,influenza,cough,epidemic,malware,firewall,hacker
    cloud,drizzle,fog,mist,hosting,uploads,backup
    shell,clam,oyster,mussel,terminal,command,script
    bug,beetle,ant,cockroach,debugger,crash,programming
    branch,twig,bough,foliage,subsidiary,headquarters,regional
    litter,newborn,sow,piglets,rubbish,trash,recycling
    net,trawler,tuna,lobster,revenue,deduction,gross
    capital,parliament,city,embassy,bonds,equity,wealth
    chest,ribs,lungs,asthma,pirate,padlock,dowry
    draft,blizzard,chilly,gust,manuscript,author,rewrite
    cabinet,crockery,cutlery,plywood,ministers,coalition,parliament
    case,briefcase,bag,holdall,attorney,plaintiff,courtroom
    spell,wizard,witch,magic,punctuation,dictionary,vowels
    terminal,arrivals,departure,check-in,prompt,command,console"""
)
