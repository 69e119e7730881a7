package similar

import (
	"slices"
	"strings"
)

// directions are the words of a text that have an opposite, each as its pair and its side,
// sorted. "larger" and "bigger" are the same; "larger" and "smaller" are not.
func directions(t *text) []string {
	var found []string
	for _, w := range t.words {
		if side, ok := sides[w.text]; ok {
			found = append(found, side)
		}
	}
	slices.Sort(found)
	return found
}

// sides has the pair and the side of every word in opposites.
var sides = sidesOf(opposites)

func sidesOf(table string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(table) {
		left, right, ok := strings.Cut(line, " / ")
		if !ok {
			continue
		}
		pair := strings.Fields(left)[0]
		for _, w := range spaced(left) {
			m[w] = pair + "+"
		}
		for _, w := range spaced(right) {
			m[w] = pair + "-"
		}
	}
	return m
}

// opposites are pairs of words with opposite meanings, and pairs that exclude each other. A
// word that stands in several lines has the side of the last.
const opposites = `
more most greater larger bigger largest biggest greatest / less fewer least fewest smaller smallest
high higher highest tall taller tallest / low lower lowest short shorter shortest
long longer longest / brief briefer briefly
best better good great / worst worse bad poor
increase increases increasing raise raises raising grow gain rise rises up / decrease decreases decreasing reduce reduces reducing shrink lose loss drop fall falls down
maximum max maximize upper ceil / minimum min minimize floor
before prior earlier earliest previous preceding / after later latest following subsequent next
early first oldest older old start starts begin begins beginning opening / late last newest newer new young younger youngest end ends finish finishing ending
open opens opened / close closes closed shut
enable enables enabled activate on allow allows allowed permit permits / disable disables disabled deactivate off block blocks forbid forbids forbidden prohibit ban banned
buy buys buying bought / sell sells selling sold
import imports importing upload uploads uploading / export exports exporting download downloads downloading
encrypt encode compress zip / decrypt decode decompress unzip
add adds adding insert install attach join include includes including / remove removes removing delete deletes uninstall detach leave exclude excludes excluding
from / into onto
above over / below under beneath
left / right
north northern / south southern
east eastern / west western
inside indoor indoors in internal inner / outside outdoor outdoors out external outer
push pushes send sends sending sent give gives / pull pulls receive receives receiving received get
lend lends / borrow borrows
win wins winning won pass passes passed succeed success / lose loses losing lost fail fails failed failure
accept accepts approve approves confirm agree / reject rejects decline declines refuse cancel disagree
hot hotter hottest warm heat / cold colder coldest cool freeze
fast faster fastest quick quickly quicker / slow slower slowest slowly
cheap cheaper cheapest inexpensive / expensive pricey costly dearest
easy easier easiest simple / hard harder hardest difficult complicated
safe safely legal healthy / unsafe dangerous illegal unhealthy
advantage advantages pros benefit benefits strengths / disadvantage disadvantages cons drawback drawbacks risk risks weaknesses
ascending / descending
male man men boy boys husband father son brother uncle king he him his / female woman women girl girls wife mother daughter sister aunt queen she her hers
parent parents teacher employer landlord doctor seller sender lender host / child children student employee tenant patient buyer recipient borrower guest
day morning am sunrise / night evening pm sunset
summer spring / winter autumn fall
true yes correct / false no incorrect
full / empty
public / private
front / back
arrive arrival arrivals come enter entrance / depart departure departures go exit
import / export
create make build / destroy break
lock mute hide hides / unlock unmute show shows
input incoming inbound / output outgoing outbound
vertical vertically row rows / horizontal horizontally column columns
positive plus profit gained / negative minus
heavy heavier / light lighter
wide wider / narrow narrower
deep deeper / shallow
wet / dry
always every all everyone everything both / sometimes some few someone something either
love like likes / hate dislike dislikes
with including / without
raw uncooked / cooked
debit / credit
major / minor
adult adults / kids baby babies
domestic / international foreign
required mandatory must / optional
credit / loan
inhale / exhale
sink / float
multiply / divide
plural / singular
predator / prey
freeze / thaw
ally allies / enemy enemies
mehr größer größte höher / weniger kleiner kleinste niedriger
vor früher / nach später danach
öffnen auf / schließen zu
kaufen / verkaufen
beste besser gut / schlechteste schlechter schlecht
einschalten aktivieren an / ausschalten deaktivieren aus
hinzufügen / entfernen löschen
plus grand augmenter / moins petit diminuer réduire
avant / après
ouvrir / fermer
acheter / vendre
meilleur meilleure / pire
activer / désactiver
ajouter / supprimer enlever
más mayor aumentar / menos menor reducir disminuir
antes / después
abrir / cerrar
comprar / vender
mejor / peor
activar / desactivar
añadir agregar / eliminar quitar
大 多 高 / 小 少 低
前 / 后 後
开 / 关
买 / 卖
左 / 右
上 / 下
增 / 减
最早 / 最晚
`
