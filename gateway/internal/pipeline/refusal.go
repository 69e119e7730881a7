package pipeline

import (
	"regexp"
	"strings"
	"sync"
)

// refusalStart is how much of an answer's start is looked at, in bytes: a refusal comes first.
const refusalStart = 240

// refusals matches the beginnings of answers that decline, in lower case: an apology may come
// first, and what the model can't do has to be what one asks a model for. "I can't believe"
// and "I can't help but" are none.
var refusals = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:` + strings.Join([]string{
		// English
		`(?:(?:i'm|i am|we're|we are) )?(?:very |so |really )?(?:sorry|afraid|i apologi[sz]e|unfortunately)?[,.!]? ?(?:but )?(?:as an ai(?: language model| assistant)?,? )?` +
			`(?:i|we) (?:can't|can not|cannot|won't|will not|am unable to|am not able to|must decline|have to decline|must refuse)` +
			`(?: to)? (?:help (?:you )?(?:with|to|create|write)|help you\b|assist|comply|fulfil|provide (?:that|this|any|you|instructions|information|guidance|assistance|advice|content|details|help)|` +
			`answer (?:that|this|your)|engage (?:in|with)|discuss (?:that|this)|create (?:that|this|content)|generate (?:that|this|content)|write (?:that|this)|do that\b|support (?:that|this)|share (?:that|this)|` +
			`continue (?:with|this)|participate|your request|this request|that request)`,
		`(?:i'm|we're) (?:unable|not able) to (?:help|assist|comply|fulfil|provide|answer (?:that|this|your)|engage|discuss (?:that|this)|create (?:that|this)|generate|write (?:that|this)|continue with)`,
		`(?:i'm )?(?:sorry|i apologi[sz]e)[,.!]? ?(?:but )?(?:i'm (?:unable|not able) to|that's not something i can|i can't (?:do|help|assist)|i cannot (?:do|help|assist))`,
		// German
		`(?:(?:es )?tut mir (?:leid|sehr leid)|entschuldigung|leider)[,.!]? ?(?:aber )?(?:dabei |das |damit |diese anfrage )?(?:kann|darf) ich (?:dir |ihnen |euch )?(?:(?:dabei|damit|das|hierbei|diese anfrage|keine|nicht|leider)\b)`,
		`ich (?:kann|darf) (?:dir |ihnen )?(?:dabei|damit|hierbei) (?:leider )?nicht (?:weiter)?helfen`,
		// French
		`(?:je suis (?:vraiment )?désolée?|désolée?)[,.!]? ?(?:mais )?je (?:ne peux|ne suis pas en mesure)`,
		`je ne peux pas (?:vous |t')?(?:aider|répondre à cette)`,
		// Spanish and Portuguese
		`(?:lo siento(?: mucho)?|lo lamento|disculpa|desculpe|desculpa|lamento|sinto muito)[,.!]? ?(?:pero |mas )?(?:no|não) (?:puedo|posso|poderei|podré)`,
		`no puedo (?:ayudarte|ayudarle|ayudar con|cumplir|proporcionar)`,
		`não posso (?:ajudar|ajudá-lo|fornecer|atender)`,
		// Italian
		`(?:mi dispiace|spiacente|scusa|mi spiace)[,.!]? ?(?:ma )?non posso`,
		`non posso (?:aiutarti|aiutarla|aiutare|fornire)`,
		// Chinese, Japanese, Korean
		`(?:很|非常)?(?:抱歉|对不起|對不起)[，,。]?(?:但)?(?:我|本人)?(?:无法|無法|不能|没办法)`,
		`我(?:无法|無法|不能)(?:协助|協助|帮助|幫助|提供|满足|滿足|回答)`,
		`(?:大変)?(?:申し訳(?:ありません|ございません|ないです)|すみません|ごめんなさい)(?:が|、|。)[^。]{0,60}(?:できません|できかねます|いたしかねます|お答えできない|お手伝いできない)`,
		`(?:죄송하지만|죄송합니다)[,. ]?.{0,60}(?:수 없습니다|수 없어요|드릴 수 없)`,
	}, "|") + `)`)
})

// refuses reports whether an answer begins as refusals do.
func refuses(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n\"'*_#>“‘")
	if len(text) > refusalStart {
		text = strings.ToValidUTF8(text[:refusalStart], "")
	}
	text = strings.ToLower(strings.NewReplacer("’", "'", "\n", " ", "  ", " ", "**", "").Replace(text))
	return refusals().MatchString(text) && !strings.Contains(text, "can't help but") && !strings.Contains(text, "cannot help but")
}
