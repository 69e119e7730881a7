package similar

import "slices"

// marked returns the classes of the words that a table has, in the order of the text.
func marked(t *text, table map[string]string) []string {
	var found []string
	for _, w := range t.words {
		if class := table[w.text]; class != "" {
			found = append(found, class)
		}
	}
	return found
}

// anyOrder sorts classes and leaves out the second of two, for what may stand anywhere in a
// text.
func anyOrder(found []string) []string {
	slices.Sort(found)
	return slices.Compact(found)
}

// classes turns "class: words" into a table from word to class.
func classes(table map[string]string) map[string]string {
	m := map[string]string{}
	for class, list := range table {
		for w := range set(list) {
			m[w] = class
		}
	}
	return m
}

// persons are whom a text is about, in their order. The subject of "how do I" is left out: it is anybody.
func persons(t *text) []string {
	rest := *t
	if hasPrefix(t.words, []string{"how", "do", "i"}) {
		rest.words = t.words[3:]
	}
	return marked(&rest, personWords)
}

var personWords = classes(map[string]string{
	"first": "i me my mine myself ich mich mir mein meine meinen meinem meiner je mon ma mes moi yo mi mis mí 我", "we": "we us our ours wir uns unser unsere nous notre nos nosotros nuestro nuestra 们",
	"second": "you your yours du dich dir dein deine deinen ihr euch tu ton ta tes vous votre vos tú usted ustedes 你 您",
	"he":     "he him his er ihm ihn il lui él 他", "she": "she her hers elle ella 她", "they": "they them their theirs sie ihnen ils elles leur leurs ellos ellas 它",
})

// quantities are the words of a text for how much and how often, and for what has to be.
func quantities(t *text) []string { return anyOrder(marked(t, quantityWords)) }

var quantityWords = classes(map[string]string{
	"all": "all every each everyone everything everybody always alle jeder jede jedes immer tous toutes tout chaque toujours todos todas todo cada siempre 都 每 所 全", "some": "some several sometimes any einige manche manchmal quelques certains parfois algunos algunas 些",
	"only": "only just merely solely exclusively nur ausschließlich seulement uniquement solo sólo solamente 只 仅", "most": "most mostly usually often meist meistens oft souvent normalmente", "few": "few little rarely seldom wenige selten peu rarement pocos raramente",
	"both": "both", "either": "either", "except": "except besides other else another", "also": "also too additionally auch aussi también 也", "still": "still yet already anymore noch schon encore déjà todavía ya 还 已",
	"must": "must should need needs have-to ought muss müssen soll sollte dois doit devrais debe debo 必 应 须", "may": "may might could darf dürfen könnte pourrait podría 可 能",
	"exactly": "exactly precisely genau exactement exactamente", "about": "approximately roughly around ungefähr environ aproximadamente 约", "minimum": "least minimum mindestens", "maximum": "maximum höchstens",
	"too": "very too extremely sehr zu très trop muy demasiado 很 太",
})

// tasks are what a text asks to be done, and the form that it asks for.
func tasks(t *text) []string { return anyOrder(marked(t, taskWords)) }

var taskWords = classes(map[string]string{
	"translate": "translate translation übersetze übersetzen traduis traduire traduce traducir 翻 译", "summarize": "summarize summary summaries tl;dr shorten zusammenfassen zusammenfassung résume résumer résumé resume resumir resumen 总 结",
	"explain": "explain explanation erkläre erklären explique expliquer explica explicar 解 释", "list": "list lists bullet bullets enumerate", "compare": "compare comparison versus vs difference differences differ unterschied différence diferencia 区",
	"write": "write draft compose schreibe schreib écris écrire escribe escribir 写", "rewrite": "rewrite rephrase paraphrase edit proofread correct improve korrigiere corrige", "define": "define definition",
	"example": "example examples beispiel beispiele exemple ejemplo", "table": "table", "json": "json yaml xml csv markdown html", "steps": "step steps schritt", "code": "code function script program implement",
	"short": "brief briefly short concise kurz bref breve", "long": "detailed detail details thorough essay ausführlich", "poem": "poem haiku song story joke limerick", "email": "email letter", "sentence": "sentence sentences paragraph paragraphs word words",
	"simple": "simple simply beginner kid child layman", "pros": "pros cons", "opinion": "think opinion recommend prefer",
})

// dates are the words of a text for points in time.
func dates(t *text) []string { return anyOrder(marked(t, dateWords)) }

var dateWords = classes(map[string]string{
	"1": "january jan januar janvier enero", "2": "february feb februar février febrero", "3": "march mar märz mars marzo", "4": "april apr avril abril", "5": "may mai mayo", "6": "june jun juni juin junio",
	"7": "july jul juli juillet julio", "8": "august aug août agosto", "9": "september sep sept septembre septiembre", "10": "october oct oktober octobre octubre", "11": "november nov novembre noviembre", "12": "december dec dezember décembre diciembre",
	"mon": "monday mon montag lundi lunes", "tue": "tuesday tue dienstag mardi martes", "wed": "wednesday wed mittwoch mercredi miércoles", "thu": "thursday thu donnerstag jeudi jueves", "fri": "friday fri freitag vendredi viernes",
	"sat": "saturday sat samstag samedi sábado", "sun": "sunday sun sonntag dimanche domingo", "weekend": "weekend weekends wochenende", "weekday": "weekday weekdays workday",
	"today": "today tonight heute aujourd'hui hoy 今", "tomorrow": "tomorrow morgen demain mañana 明", "yesterday": "yesterday gestern hier ayer 昨", "now": "now currently current jetzt aktuell maintenant ahora 现",
	"next": "next upcoming nächste nächsten nächster prochain prochaine próximo próxima 下", "last": "last previous past letzte letzten letzter dernier dernière pasado pasada 上", "this": "this",
	"ago": "ago", "spring": "spring frühling printemps primavera 春", "summer": "summer sommer été verano 夏", "autumn": "autumn herbst automne otoño 秋", "winter": "winter hiver invierno 冬",
	"hour": "hour hours hourly", "day": "day days daily", "week": "week weeks weekly", "month": "month months monthly", "year": "year years yearly annual annually", "noon": "noon", "midnight": "midnight",
	"am": "am", "pm": "pm", "morning": "morning", "evening": "evening", "afternoon": "afternoon", "night": "night", "was": "was were did had war waren hatte était avait fue era 了", "will": "will shall going wird werden sera será 将",
})
