package similar

// questions are the kind of a text: what it asks for in its order, or how it begins.
func questions(t *text) []string {
	var found []string
	for i, w := range t.words {
		class := questionWords[w.text]
		if class == "how" && i+1 < len(t.words) && measures[t.words[i+1].text] {
			class += " " + t.words[i+1].text
		}
		if class != "" {
			found = append(found, class)
		}
	}
	if len(found) > 0 || len(t.words) == 0 {
		return found
	}
	switch first := t.words[0].text; {
	case auxiliaries[first]:
		return []string{"yes or no"}
	case t.asks:
		return []string{"question"}
	}
	return []string{"no question"}
}

var questionWords = classes(map[string]string{
	"who": "who whom wer wen wem qui quién quiénes 谁", "whose": "whose wessen", "what": "what was que quoi qu'est-ce qué 什", "which": "which welche welcher welches quel quelle quels quelles cuál cuáles 哪",
	"when": "when wann quand cuándo", "where": "where wo wohin woher où dónde adónde", "why": "why why-reason warum wieso weshalb pourquoi 为", "how": "how wie comment cómo 怎 如", "how many": "combien cuánto cuánta cuántos cuántas wieviel wieviele 几 多",
	"can": "can",
})

// measures are the words after "how" that ask for a quantity.
var measures = set("many much long often far old tall big large high deep fast heavy wide soon late viele viel lange oft weit alt groß hoch schnell tief")

// auxiliaries begin questions that are answered by yes or no.
var auxiliaries = set("is are was were am do does did can could will would shall should may might must has have had ist sind war hat haben kann soll darf est-ce es son está puedo puede")
