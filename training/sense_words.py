"""What belongs to a place or thing, and to each sense of a word, for the generated lists."""

from __future__ import annotations

# a place or thing and what belongs to it
TOPICS = {
    name: tuple(words.split())
    for name, words in (
        line.strip().split(":")
        for line in """aircraft: pilot runway cockpit takeoff altitude cabin-crew
        ship: captain harbour deck voyage anchor sailors
        farm: cows fields barn plough hay livestock
        hospital: nurses surgery patients ward ambulance diagnosis
        laptop: keyboard browser screen trackpad spreadsheet software
        bakery: dough oven loaves flour croissants yeast
        aquarium: fish algae coral tank snails plankton
        theatre: actors stage rehearsal curtain audience playwright
        vineyard: grapes harvest barrels cellar vintage winemaker
        court: judge verdict lawyers jury trial defendant
        greenhouse: seedlings tomatoes watering glass humidity orchids
        mine: coal shaft miners tunnel ore excavation
        stadium: goalkeeper spectators match referee league penalty
        museum: paintings curator exhibition sculpture visitors archaeology
        camera: lens shutter photographs exposure tripod zoom
        piano: pedals melody concert strings sonata keys
        beehive: honey queen pollen swarm wax beekeeper
        prison: inmates guards cells sentence parole bars
        church: priest choir altar sermon congregation bells
        submarine: periscope torpedo depth sonar hull navy
        bicycle: handlebar pedalling saddle spokes cyclist chain
        brewery: hops malt fermentation beer kegs lager
        ski-lift: slope snow piste skiers cable avalanche
        telescope: stars galaxy astronomer planets observatory nebula
        orchard: apples pruning blossoms pears ladder cider
        pharmacy: tablets prescription ointment dosage syrup aspirin
        casino: roulette poker gamblers chips jackpot dealer
        sawmill: timber logs planks sawdust lumber boards
        zoo: elephants keeper enclosure lions giraffes feeding
        laundry: detergent ironing stains washing rinse linen
        library: novels borrowing catalogue shelves reading librarian
        cinema: popcorn trailer film director premiere screening
        fire-brigade: flames smoke hose siren rescue burning
        hairdresser: scissors haircut shampoo curls fringe dyeing
        gym: dumbbells treadmill workout muscles trainer squats
        tailor: fabric stitching needle suits buttons sewing
        post-office: letters stamps parcels envelopes postman mailbox
        dentist: molars cavity braces toothache gums drilling
        weather-station: rainfall barometer forecast wind storms humidity
        nursery: toddlers toys nap cribs lullaby diapers""".splitlines()
    )
}
FEATURES = tuple(
    word
    for line in """capacity maintenance insurance budget renovation schedule equipment temperature lighting noise
    staffing safety inspection pressure cooling repair cleaning storage training ventilation cost permit licence wiring
    energy monitoring breakdown expansion lifetime supplier""".splitlines()
    for word in line.split()
)

# a word, what goes with one sense, what goes with the other
HOMONYMS = tuple(
    tuple(tuple(part.split()) for part in line.split("|"))
    for line in """bank|loan account deposit mortgage savings cashier|river shore stream willow mud reeds
bat|cave wings nocturnal mammal roost echo|baseball pitcher swing innings glove batter
crane|construction hoist girder lifting site load|bird wetland feathers nest migration wading
seal|arctic flippers pup whiskers seabird ice|wax stamp document envelope signature notary
spring|blossom april thaw tulips season seasonal|coil metal tension mattress steel bounce
match|flame ignite box lighter kindling sulphur|tennis opponent score umpire serve tournament
pitcher|jug lemonade pouring ceramic spout glasses|mound fastball inning strikeout catcher baseball
mole|burrow lawn digging tunnels velvety paws|informant agency secrets espionage leak infiltrator
bark|trunk oak birch peeling tree cork|dog growl puppy kennel loud leash
nail|hammer plank wood carpentry rusty pound|finger polish manicure cuticle thumb varnish
palm|coconut beach tropical fronds oasis dates|hand fingers wrist grip lines fist
organ|pipes chapel hymn keyboard fugue church|kidney liver transplant donor tissue surgeon
mouse|cursor click desktop pointer scroll computer|cheese rodent trap squeak tail barn
ruler|inches pencil straight measuring geometry centimetres|king throne kingdom reign monarch empire
bolt|wrench thread nut screw torque washer|lightning thunder storm flash sky strike
pen|ink nib writing handwriting blot cartridge|sheep pigs fence straw livestock gate
jam|strawberry toast jar marmalade sugar spread|traffic congestion lanes motorway rush commuters
trunk|elephant tusks ears ivory calf savanna|luggage attic leather travel hinges storage
club|golf putter fairway swing caddie hole|members dance nightlife disco bouncer bar
pupil|iris eye retina dilated vision cornea|classroom homework lesson schoolmaster exam grades
toast|bread butter breakfast crust slice toaster|wedding speech glasses champagne cheers groom
deck|cards shuffle poker ace dealer suits|ship sailors railing captain voyage cruise
fan|blades breeze ceiling ventilate airflow cooling|supporter stadium concert idol cheering jersey
file|folder computer document saved download directory|rasp metal smoothing workshop edge filing
ring|diamond engagement jeweller gold wedding finger|boxing ropes bout knockout fighter round
chip|silicon processor circuit transistor wafer semiconductor|potato fried salty snack vinegar crispy
current|voltage wire ampere circuit electric electricity|tide swimmer sea drifting undertow downstream
cell|biology nucleus membrane tissue mitosis organism|prison inmate bars guard jail warden
drill|holes power-tool masonry bore workshop torque|evacuation soldiers exercise sergeant practice parade
fly|insect buzzing wings maggot swatter larvae|airline pilot airport takeoff jet altitude
foot|toes ankle heel shoe sole barefoot|inches length yard height measure tall
lead|heavy toxic pipes plumbing element poisoning|actress starring role film cast drama
log|firewood timber chopped fireplace lumber sawmill|server errors timestamps entries software debugging
mine|coal shaft ore underground miners gold|explosion soldier minefield detonate warfare buried
mint|leaf tea herb garden flavour fresh|coins currency treasury stamping silver government
note|melody pitch piano octave sharp chord|paper reminder scribbled sticky message handwritten
park|picnic playground benches lawn joggers trees|vehicle garage driver meter space reverse
plant|leaves watering soil roots pot flower|factory workers assembly machines production industrial
pool|swimming lanes diving chlorine lifeguard laps|billiards cue balls table chalk pocket
port|harbour ships docks cargo cranes vessels|wine sweet dessert douro bottle vintage
press|newspaper journalists editor headlines reporters media|grapes juice squeeze olives cider oil
pump|water well bucket pressure irrigation hose|heel dress ballroom leather fashion stiletto
race|runners sprint finish track marathon medal|ethnicity ancestry population census equality discrimination
rock|granite cliff mountain geology boulder quartz|guitar band drummer concert album amplifier
scale|kilograms weighing bathroom balance grams dial|salmon fins reptile skin snake fish
screen|pixels display television resolution laptop brightness|sunscreen mosquito mesh window insects porch
sole|shoe leather rubber cobbler heel boot|fish fillet plaice seafood lemon flatfish
star|telescope galaxy night constellation astronomer supernova|celebrity hollywood fame autograph fans premiere
stock|shares investor exchange broker dividend trading|broth bones simmer soup carrots kitchen
table|dinner chairs wooden tablecloth dining furniture|columns rows spreadsheet figures data cells
tank|soldiers army cannon armour battle turret|petrol fuel litres reservoir gauge leak
temple|worship priests incense shrine pilgrims gods|forehead headache skull pulse migraine face
tie|collar suit silk knot shirt office|draw equal score overtime points replay
tongue|taste mouth saliva licking buds lips|language dialect native speakers grammar accent
trip|journey luggage itinerary tourist flight hotel|stumble fall carpet ankle step clumsy
watch|wrist dial hands strap jeweller ticking|guard patrol night sentry shift lookout
wave|surfing ocean beach foam tide surfer|goodbye hand greeting crowd arm gesture
yard|garden fence grass swing hose shed|inches feet cloth metric length fabric""".splitlines()
)
