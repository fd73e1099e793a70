"""The words of the generated lists; the last part of every kind is never trained on."""

from __future__ import annotations

from typing import TypeVar

_Item = TypeVar("_Item")
HELD_OUT_SHARE = 0.2


def part_of(items: tuple[_Item, ...], *, held_out: bool) -> tuple[_Item, ...]:
    """Return the items kept for evaluation, or the others."""
    kept = len(items) - max(1, round(len(items) * HELD_OUT_SHARE))
    return items[kept:] if held_out else items[:kept]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((first, second) for first, second in (each.split("/") for each in text.split()))


def _rows(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(cell.strip() for cell in line.split(",")) for line in text.strip().splitlines())


NOUNS = _words(
    """drone printer sofa camera boat tent lamp kettle tractor robot jacket heater monitor cabin scooter blender
    freezer guitar violin piano trumpet drum ladder shovel hammer drill saw lathe wagon carriage canoe kayak yacht
    ferry barge tanker submarine helicopter glider balloon rocket satellite telescope microscope projector speaker
    headset microphone keyboard router modem server tablet scanner calculator compass barometer thermometer scale
    clock alarm doorbell curtain carpet rug mattress pillow blanket towel bathtub shower sink faucet toilet mop
    broom bucket vacuum iron dryer dishwasher stove grill toaster grinder mixer juicer fridge cupboard wardrobe
    dresser bookshelf desk stool bench armchair crib cradle stroller helmet glove scarf coat sweater raincoat boot
    sandal slipper backpack suitcase handbag wallet umbrella tripod binocular lantern torch candle stapler notebook
    calendar envelope folder binder marker brush easel statue vase mirror fountain greenhouse shed barn stable fence
    gate hedge orchard vineyard meadow warehouse factory workshop studio gallery museum library theatre stadium gym
    pool sauna clinic pharmacy bakery brewery winery butcher market kiosk cafeteria tavern hostel motel villa
    cottage bungalow castle palace tower lighthouse harbour pier canal dam tunnel highway viaduct railway tram
    trolley elevator escalator crane excavator bulldozer forklift generator turbine compressor pump valve boiler
    furnace radiator chimney antenna cable adapter charger inverter transformer sensor detector thermostat sprinkler
    mower trimmer wheelbarrow hose plough harvester amplifier synthesizer accordion flute harp cello banjo"""
)

SCALES = _pairs(
    """cheap/expensive quiet/noisy light/heavy new/old safe/dangerous warm/cold simple/complicated strong/weak
    modern/outdated reliable/unreliable comfortable/uncomfortable popular/unpopular durable/fragile soft/hard wet/dry
    sharp/blunt flexible/rigid stable/wobbly portable/stationary elegant/ugly spacious/cramped efficient/wasteful
    accurate/imprecise fresh/stale transparent/opaque public/private legal/illegal permanent/temporary rare/common
    local/imported manual/automatic digital/analogue wooden/metallic round/square glossy/matte colourful/plain
    sturdy/flimsy waterproof/leaky compact/bulky insulated/draughty certified/uncertified insured/uninsured
    renovated/neglected furnished/unfurnished guarded/unguarded rented/owned occupied/vacant profitable/unprofitable
    crowded/deserted central/remote sunny/shady curved/straight symmetrical/lopsided polished/scratched
    adjustable/fixed rechargeable/disposable silent/deafening odourless/smelly edible/poisonous tame/wild
    luxurious/spartan valuable/worthless useful/useless visible/hidden locked/unlocked painted/unpainted
    tight/loose fertile/barren sterile/contaminated solid/hollow genuine/counterfeit handmade/industrial
    domestic/foreign upgraded/obsolete intact/broken harmless/toxic steady/erratic lively/dull cosy/bleak"""
)

PARTS = _words(
    """timer handle alarm mirror balcony filter lock cellar terrace fireplace skylight porch lid strap buckle zipper
    pocket hood lining cushion armrest drawer shelf hinge wheel brake pedal saddle horn headlight windscreen antenna
    speaker display keypad socket plug fuse switch dial gauge nozzle spout sieve blade spindle gearbox clutch hook
    magnet spring sensor camera microphone thermostat humidifier fan vent pump hatch ramp railing staircase basement
    attic courtyard carport driveway cloakroom sauna pantry dishwasher printer scanner webcam touchpad stylus
    trackball joystick receipt manual certificate warranty deposit logo label barcode watermark emblem canopy awning
    anchor rudder mast sail propeller winch ballast"""
)

ACTIONS = _rows(
    """sign the petition,signed the petition
    attend the ceremony,attended the ceremony
    join the union,joined the union
    pay the fine,paid the fine
    read the summary,read the summary
    accept the offer,accepted the offer
    visit the exhibition,visited the exhibition
    learn Portuguese,learned Portuguese
    sell the shares,sold the shares
    repair the roof,repaired the roof
    return the keys,returned the keys
    clean the attic,cleaned the attic
    write the memoir,wrote the memoir
    finish the marathon,finished the marathon
    call the lawyer,called the lawyer
    lose the passport,lost the passport
    support the strike,supported the strike
    leave the party,left the party
    renew the licence,renewed the licence
    lock the safe,locked the safe
    book the flight,booked the flight
    taste the soup,tasted the soup
    water the plants,watered the plants
    publish the diary,published the diary
    enter the contest,entered the contest
    win the lottery,won the lottery
    move to Lisbon,moved to Lisbon
    cross the border,crossed the border
    open the parcel,opened the parcel
    break the record,broke the record
    study chemistry,studied chemistry
    keep the receipt,kept the receipt
    register the patent,registered the patent
    receive the medal,received the medal
    speak at the congress,spoke at the congress
    see the eclipse,saw the eclipse
    test the vaccine,tested the vaccine
    vote for the reform,voted for the reform
    retire in spring,retired in spring
    adopt the kitten,adopted the kitten
    survive the shipwreck,survived the shipwreck
    miss the ferry,missed the ferry"""
)

_NAME_HEADS = _words(
    """Nor Al Bel Quan Hes Mor Pel Zen Or Cal Van Lu Tri Kes Dor Fen Gal Har Jas Kor Lam Mar Nes Pol Ros Sal Tor Ul Ver
    Wil"""
)
_NAME_TAILS = _words("vex tria mont dry tia row ican trix bex der tis men ston wick by field land ford sen berg")
NAMES = tuple(sorted((h + t for h in _NAME_HEADS for t in _NAME_TAILS), key=lambda name: name[::-1]))
PEOPLE = _words(
    """baker plumber senator florist surgeon violinist sculptor carpenter accountant architect banker barber biologist
    bishop blacksmith boxer broker captain cashier chemist choreographer clerk coach colonel comedian composer
    conductor consul curator dancer dentist designer detective diplomat economist editor electrician engineer farmer
    firefighter fisherman geologist governor grocer guide historian janitor jeweller jockey journalist juggler juror
    landlord librarian lifeguard locksmith magician mathematician mechanic merchant miner monk musician navigator
    novelist nun optician painter pharmacist photographer physicist pianist pilot playwright poet porter potter
    priest professor psychologist publisher ranger referee sailor secretary sergeant shepherd sheriff singer soldier
    spy stuntman tailor tenant therapist translator treasurer umpire veterinarian waiter weaver welder wrestler
    zoologist"""
)

# base, past, participle, noun with its preposition for whom it is done to
DEEDS = _rows(
    """sue,sued,sued,lawsuit against
    acquire,acquired,acquired,acquisition of
    defeat,defeated,defeated,victory over
    hire,hired,hired,hiring of
    replace,replaced,replaced,replacement of
    fund,funded,funded,funding of
    praise,praised,praised,praise for
    criticise,criticised,criticised,criticism of
    copy,copied,copied,copying of
    rescue,rescued,rescued,rescue of
    betray,betrayed,betrayed,betrayal of
    attack,attacked,attacked,attack on
    defend,defended,defended,defence of
    accuse,accused,accused,accusation of
    blackmail,blackmailed,blackmailed,blackmail of
    insult,insulted,insulted,insult to
    admire,admired,admired,admiration for
    envy,envied,envied,envy of
    mock,mocked,mocked,mockery of
    bribe,bribed,bribed,bribery of
    deceive,deceived,deceived,deception of
    threaten,threatened,threatened,threat to
    warn,warned,warned,warning to
    advise,advised,advised,advice to
    promote,promoted,promoted,promotion of
    dismiss,dismissed,dismissed,dismissal of
    nominate,nominated,nominated,nomination of
    supervise,supervised,supervised,supervision of
    inspect,inspected,inspected,inspection of
    audit,audited,audited,audit of
    investigate,investigated,investigated,investigation of
    imitate,imitated,imitated,imitation of
    challenge,challenged,challenged,challenge to
    overtake,overtook,overtaken,overtaking of
    invite,invited,invited,invitation to
    thank,thanked,thanked,thanks to
    apologise to,apologised to,apologised to,apology to
    lie to,lied to,lied to,lie to
    rely on,relied on,relied on,reliance on
    spy on,spied on,spied on,spying on
    comfort,comforted,comforted,comforting of
    punish,punished,punished,punishment of
    reward,rewarded,rewarded,reward for
    abandon,abandoned,abandoned,abandonment of
    endorse,endorsed,endorsed,endorsement of
    obstruct,obstructed,obstructed,obstruction of
    ridicule,ridiculed,ridiculed,ridicule of
    interrupt,interrupted,interrupted,interruption of
    contact,contacted,contacted,contact with
    ambush,ambushed,ambushed,ambush of
    chase,chased,chased,chase of
    impress,impressed,impressed,impression on
    portray,portrayed,portrayed,portrait of
    quote,quoted,quoted,quotation of
    sponsor,sponsored,sponsored,sponsorship of"""
)
# base, past, preposition for the third: X sold Y to Z
TRANSFERS = _rows(
    """sell,sold,to
    lend,lent,to
    transfer,transferred,to
    recommend,recommended,to
    introduce,introduced,to
    lease,leased,to
    surrender,surrendered,to
    report,reported,to
    entrust,entrusted,to
    reveal,revealed,to
    compare,compared,with
    confuse,confused,with
    separate,separated,from
    conceal,concealed,from
    protect,protected,from
    steal,stole,from
    borrow,borrowed,from"""
)

# verb phrase, noun phrase, unit, least, most, word for more, word for less
MEASURES = _rows(
    """weighs {},a weight of {},kg,2,90,heavier,lighter
    has a range of {},a range of {},km,3,95,longer-ranged,shorter-ranged
    costs {},a price of {},euros,4,900,dearer,cheaper
    is {} old,an age of {},years,3,90,older,younger
    is {} high,a height of {},cm,20,250,higher,lower
    draws {},a power draw of {},watts,5,950,hungrier,thriftier
    stores {},a storage of {},gigabytes,4,96,roomier,tighter
    scored {},a score of {},points,3,98,better,worse
    employs {},a staff of {},workers,5,900,better staffed,worse staffed
    lasts {},a lifetime of {},weeks,2,80,longer-lived,shorter-lived
    vibrates at {},a frequency of {},hertz,6,880,shriller,duller
    runs at {},a temperature of {},degrees,5,98,hotter,cooler
    withstands {},a pressure of {},bar,2,60,tougher,frailer
    emits {},emissions of {},grams,4,450,filthier,tidier
    produces {},an output of {},tonnes,3,300,more productive,less productive
    leaks {},a loss of {},millilitres,2,99,leakier,tighter-sealed
    reaches {},a top speed of {},knots,4,80,speedier,sluggisher
    seats {},a capacity of {},passengers,4,240,more roomy,less roomy
    cools {},a cooling power of {},kilowatts,2,70,more powerful,less powerful
    pays {},a yield of {},percent,2,60,more generous,stingier"""
)
