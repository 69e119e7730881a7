package similar

// The tables of simplify. A line is a phrase; "=>" gives what replaces it.

// greetings are what a text may begin with besides its request, if a pause follows or a
// request: "hello in French" is not a greeting.
var greetings = phrases(`
hi
hello
hey
hi there
hello there
hey there
good morning
good afternoon
good evening
dear assistant
quick question
i have a question
i have a quick question
one question
excuse me
thanks
ok
hallo
guten tag
guten morgen
guten abend
bonjour
salut
bonsoir
hola
buenos días
buenas tardes
buenas
你好
您好
`)

// afterGreeting are words that begin a request, so that what stands before is a greeting
// without a comma.
var afterGreeting = set("can could would will please what who where when why how which i tell kannst können könnten bitte was wie wo wann warum peux-tu pouvez-vous comment quel quelle où puedes podrías cómo qué cuál dónde por 请 我 怎 什 如")

// courtesies are what a request may begin with without being another one.
var courtesies = phrases(`
please
kindly
can you please
could you please
would you please
will you please
can you kindly
could you kindly
please can you
please could you
i need you to
i want you to
i would like you to
i was wondering
just wondering
bitte
könntest du bitte
könnten sie bitte
kannst du bitte
können sie bitte
peux-tu s'il te plaît
pouvez-vous s'il vous plaît
s'il te plaît
s'il vous plaît
por favor
podrías por favor
puedes por favor
请
请问
请你
麻烦你
麻烦您
`)

// notCourteous are words after which a courtesy is what the text is about: "please in
// French", 请假.
var notCourteous = set("in is as and or vs versus means mean auf heißt und oder ist en est et significa y es 假 客 教 求 示 帖 用")

// closings are what a text may end with besides its request.
//
// mentions are words of texts that are about words: nothing is cut from the end of those.
var closings = phrases(`
please
bitte
por favor
s'il te plaît
s'il vous plaît
if you can
if possible
`)

// thanks end a text, too, after a pause only: "who sang Thank You" is no thanks.
var thanks = phrases(`
thanks
thank you
thank you very much
thank you so much
thanks a lot
many thanks
thanks in advance
thank you in advance
cheers
danke
vielen dank
danke schön
danke im voraus
merci
merci beaucoup
merci d'avance
gracias
muchas gracias
谢谢
谢谢你
多谢
`)

var mentions = set("say says said saying translate translation translated spell spelled pronounce pronounced word words mean means meaning phrase phrases write reply respond response rhyme rhymes " +
	"synonym synonyms sentence letter letters count characters syllables expression uppercase lowercase repeat print echo type answer grammar " +
	"sagen sagt übersetze übersetzen heißt bedeutet schreibe schreibt wort dire dit traduis traduire signifie mot écris decir dice traduce traducir significa palabra escribe 翻 译 说 意 写 词 字")

// asking are beginnings that only ask for what follows, if that is one of requests.
var asking = phrases(`
can you
could you
would you
will you
can you help me
could you help me
help me
help me to
`)

// requests are verbs that are about the reply. "Can you swim" is a question; "can you
// explain" is a request.
var requests = set("explain describe summarize clarify define outline list remind suggest recommend tell give show walk let")

// transitive are those requests that need one of objects next: "can you give blood" is a
// question.
var (
	transitive = set("tell give show walk let")
	objects    = set("me us a an the some")
)

// indirect are beginnings of indirect questions. With "=> question" only a question may
// follow, and no object.
var indirect = phrases(`
tell me
let me know => question
would you mind telling me
do you know
do you happen to know
can you tell me
could you tell me
would you tell me
i want to know
i would like to know
i need to know
i wonder => question
i am wondering => question
i am curious => question
does anyone know
any idea => question
kannst du mir sagen => question
können sie mir sagen => question
sag mir => question
weißt du => question
wissen sie => question
ich möchte wissen => question
ich würde gerne wissen => question
peux-tu me dire => question
pouvez-vous me dire => question
dis-moi => question
savez-vous => question
j'aimerais savoir => question
je voudrais savoir => question
puedes decirme => question
podrías decirme => question
me puedes decir => question
dime => question
sabes => question
quisiera saber => question
me gustaría saber => question
告诉我 => question
你知道 => question
我想知道 => question
`)

// asksFor are the words that begin a question for something.
var asksFor = set("what who whose whom which when where why how wer wen wem wessen was welche welcher welches wann wo wohin woher warum wieso weshalb wie " +
	"qui que quoi quel quelle quels quelles quand où pourquoi comment combien quién quiénes qué cuál cuáles cuándo dónde adónde cómo cuánto cuánta cuántos cuántas por 什 谁 哪 怎 为 几 多")

// copulas are the verbs that an indirect question has at its end.
var copulas = set("is are was were ist sind war waren")

// beginnings have one form for several ways to begin.
var beginnings = phrases(`
how can i => how do i
how could i => how do i
how would i => how do i
how do i go about => how do i
how to => how do i
how i can => how do i
how i could => how do i
how is it possible to => how do i
what is the meaning of => what does-mean
what is meant by => what does-mean
what are the steps to => steps-to
what steps do i take to => steps-to
what are the steps for => steps-for
is it possible for me to => can i
is there a way for me to => is there a way to
is there any way to => is there a way to
give me a summary of => summarize
write a summary of => summarize
provide a summary of => summarize
make a summary of => summarize
give me an explanation of => explain
provide an explanation of => explain
explain to me => explain
describe to me => describe
give me a list of => list
make a list of => list
list out => list
give a list of => list
write me => write
can you write a => write a
could you write a => write a
can you write an => write an
could you write an => write an
can you write me a => write a
could you write me a => write a
show me how to => how do i
tell me how to => how do i
walk me through how to => how do i
explain how to => how do i
describe how to => how do i
due to what reason => why
for what reason => why
what is the reason => why-reason
how come => why-reason
wie kann ich => wie-ich
wie könnte ich => wie-ich
wie mache ich es, dass ich => wie-ich
comment puis-je => comment-je
comment est-ce que je peux => comment-je
comment je peux => comment-je
cómo puedo => cómo-yo
cómo podría => cómo-yo
cómo se puede => cómo-se
我怎么能 => 我怎么
我如何 => 我怎么
如何 => 怎么
怎样 => 怎么
怎么样才能 => 怎么
`)

// fronted are prepositions of phrases that may stand at either end of a question.
var fronted = set("in using with for on unter auf mit für dans avec pour sur en con para sobre")

// contractions are written out. Those that could be two things, such as "he'd" or a
// possessive, stay.
var contractions = map[string]string{
	"what's": "what is", "whats": "what is", "who's": "who is", "where's": "where is", "wheres": "where is", "when's": "when is", "how's": "how is", "why's": "why is",
	"that's": "that is", "thats": "that is", "it's": "it is", "there's": "there is", "here's": "here is", "he's": "he is", "she's": "she is", "let's": "let us",
	"what're": "what are", "who're": "who are", "i'm": "i am", "im": "i am", "you're": "you are", "we're": "we are", "they're": "they are",
	"i've": "i have", "ive": "i have", "you've": "you have", "we've": "we have", "they've": "they have", "i'll": "i will", "you'll": "you will", "we'll": "we will", "they'll": "they will", "it'll": "it will",
	"isn't": "is not", "isnt": "is not", "aren't": "are not", "arent": "are not", "wasn't": "was not", "wasnt": "was not", "weren't": "were not", "werent": "were not",
	"don't": "do not", "dont": "do not", "doesn't": "does not", "doesnt": "does not", "didn't": "did not", "didnt": "did not", "can't": "can not", "cant": "can not", "cannot": "can not",
	"won't": "will not", "wont": "will not", "wouldn't": "would not", "wouldnt": "would not", "shouldn't": "should not", "shouldnt": "should not", "couldn't": "could not", "couldnt": "could not",
	"haven't": "have not", "havent": "have not", "hasn't": "has not", "hasnt": "has not", "hadn't": "had not", "hadnt": "had not", "mustn't": "must not", "needn't": "need not", "ain't": "is not",
	"i'd": "i would", "gonna": "going to", "wanna": "want to", "gotta": "have to",
}

// spellings has the usual form of words with the same meaning everywhere: British and
// American spelling, short forms, and a few that nobody distinguishes.
var spellings = map[string]string{
	"colour": "color", "colours": "colors", "favourite": "favorite", "favourites": "favorites", "flavour": "flavor", "flavours": "flavors", "behaviour": "behavior", "honour": "honor",
	"neighbour": "neighbor", "neighbours": "neighbors", "neighbourhood": "neighborhood", "harbour": "harbor", "humour": "humor", "rumour": "rumor",
	"centre": "center", "centres": "centers", "theatre": "theater", "litre": "liter", "litres": "liters", "metre": "meter", "metres": "meters", "kilometre": "kilometer", "kilometres": "kilometers", "fibre": "fiber",
	"organise": "organize", "organised": "organized", "organising": "organizing", "organisation": "organization", "organisations": "organizations", "summarise": "summarize", "summarised": "summarized",
	"analyse": "analyze", "analysed": "analyzed", "analysing": "analyzing", "optimise": "optimize", "optimising": "optimizing", "optimisation": "optimization", "recognise": "recognize", "apologise": "apologize",
	"customise": "customize", "customising": "customizing", "memorise": "memorize", "minimise": "minimize", "maximise": "maximize", "normalise": "normalize", "serialise": "serialize", "initialise": "initialize",
	"specialise": "specialize", "categorise": "categorize", "prioritise": "prioritize", "visualise": "visualize", "finalise": "finalize", "realise": "realize", "criticise": "criticize", "emphasise": "emphasize",
	"cancelled": "canceled", "cancelling": "canceling", "travelling": "traveling", "traveller": "traveler", "travellers": "travelers", "labelled": "labeled", "modelling": "modeling",
	"defence": "defense", "offence": "offense", "licence": "license", "catalogue": "catalog", "dialogue": "dialog", "grey": "gray", "jewellery": "jewelry", "tyre": "tire", "tyres": "tires", "programme": "program", "cheque": "check",
	"aluminium": "aluminum", "moustache": "mustache", "pyjamas": "pajamas", "plough": "plow", "sceptical": "skeptical", "yoghurt": "yogurt", "doughnut": "donut", "doughnuts": "donuts", "learnt": "learned", "enrol": "enroll",
	"e-mail": "email", "e-mails": "emails", "wi-fi": "wifi", "web-site": "website", "on-line": "online", "log-in": "login", "per-cent": "percent", "to-do": "todo", "check-list": "checklist",
	"photograph": "photo", "photographs": "photos", "refrigerator": "fridge", "refrigerators": "fridges", "television": "tv", "advertisement": "ad", "advertisements": "ads",
	"automobile": "car", "automobiles": "cars", "okay": "ok", "thru": "through", "pls": "please", "plz": "please", "thx": "thanks", "amongst": "among", "whilst": "while", "towards": "toward", "afterwards": "afterward",
	"anaemia": "anemia", "leukaemia": "leukemia", "diarrhoea": "diarrhea", "oestrogen": "estrogen", "paediatric": "pediatric", "paediatrician": "pediatrician", "haemoglobin": "hemoglobin", "foetus": "fetus", "manoeuvre": "maneuver",
	"mum": "mom", "maths": "math", "aeroplane": "airplane",
	"grösse": "größe", "strasse": "straße", "muß": "muss", "daß": "dass", "telefonnummer": "rufnummer",
}

// set returns the words of a list.
func set(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range spaced(list) {
		m[w] = true
	}
	return m
}
