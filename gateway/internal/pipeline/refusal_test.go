package pipeline

import (
	"strings"
	"testing"
)

func TestRefuses(t *testing.T) {
	for _, text := range []string{
		"I can't help with that.", "I’m sorry, but I can’t assist with that request.", "I cannot provide instructions for this.",
		"Sorry, I can't help with that.", "I'm unable to help with this request.", "I am unable to assist with that.",
		"  \n**I'm sorry**, but I cannot comply.", "As an AI language model, I cannot engage in that.", "I won't help with creating malware.",
		"I must decline to provide that.", "Unfortunately, I can't assist with this.", "I'm sorry, but I'm not able to do that.",
		"Es tut mir leid, aber dabei kann ich nicht helfen.", "Tut mir leid, das kann ich nicht tun.", "Ich kann dir dabei leider nicht helfen.",
		"Je suis désolé, mais je ne peux pas vous aider.", "Désolée, je ne peux pas répondre.",
		"Lo siento, pero no puedo ayudarte con eso.", "Desculpe, mas não posso ajudar com isso.", "Mi dispiace, ma non posso aiutarti.",
		"抱歉，我无法协助您。", "很抱歉，我不能提供这些信息。", "申し訳ありませんが、そのご依頼にはお応えできません。", "죄송하지만 그 요청은 도와드릴 수 없습니다.",
	} {
		if !refuses(text) {
			t.Errorf("refuses(%q) = false", text)
		}
	}
	for _, text := range []string{
		"", "I can't believe how well this went!", "I can't help but admire it.", "I cannot overstate how useful this is.", "Sorry to hear that! Try turning it off and on.",
		"I'm sorry for the confusion; here is the corrected code:", "I won't go into every detail, but in short: yes.", "I am afraid of heights, said the pilot.",
		"I can help with that.", "We can't wait to see you!", "I can't provide a better example than this one: 42.", "\"I can't go on,\" she said.",
		"The function can't help with that case, so use another.", "Unfortunately, the server returned 500. Here is why.", "I apologize for the delay. The answer is 4.",
		"Tut mir leid zu hören! Versuche es mit einem Neustart.", "Leider regnet es morgen.", "Je suis désolé pour l'attente, voici la réponse.", "Lo siento mucho por tu pérdida. Estos son los pasos.",
		"Mi dispiace per il ritardo.", "抱歉让您久等了，答案是四。", "申し訳ありませんが、少々お待ちください。答えは4です。", "죄송하지만 답은 4입니다.",
		"Here is a polite reply: I'm sorry, but I can't assist with that.",
	} {
		if refuses(text) {
			t.Errorf("refuses(%q) = true", text)
		}
	}
}

func FuzzRefuses(f *testing.F) {
	f.Add("I can’t help", 3)
	f.Fuzz(func(t *testing.T, text string, n int) {
		got := refuses(text)
		if refuses("The answer: "+text) && got {
			t.Errorf("%q refuses behind other words", text)
		}
		if refuses(strings.Repeat(" ", n&15)+text) != got {
			t.Errorf("%q depends on white space before it", text)
		}
	})
}
