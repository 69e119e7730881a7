package main

import (
	"time"

	penstock "github.com/penstock/penstock/sdk/go"
)

// render is penstock_render_response: it returns a completion or an error in Ollama's
// format.
func render(out, in []byte) ([]byte, error) {
	envelope := penstock.JSON(in)
	body := envelope.Member("body")
	out = append(out, `{"body":`...)
	if fault := body.Member("error"); fault != nil {
		return append(appendFault(out, fault), '}'), nil
	}
	choice := first(body.Member("choices"))
	created, _ := envelope.Member("created").Whole()
	out = appendHead(out, body.Member("model"), created)
	out = appendContent(out, choice.Member("message", "content"))
	out = appendEnd(out, choice.Member("finish_reason"), body.Member("usage"))
	return append(out, '}'), nil
}

func appendFault(out []byte, fault penstock.JSON) []byte {
	return append(append(append(out, `{"error":`...), fault.Member("message")...), '}')
}

// appendHead appends the beginning of a line.
func appendHead(out []byte, model penstock.JSON, created int64) []byte {
	if model == nil {
		model = penstock.JSON(`""`)
	}
	out = append(append(out, `{"model":`...), model...)
	out = append(out, `,"created_at":"`...)
	out = time.Unix(created, 0).UTC().AppendFormat(out, time.RFC3339)
	return append(out, '"')
}

func appendContent(out []byte, content penstock.JSON) []byte {
	if content.Null() {
		content = penstock.JSON(`""`)
	}
	out = append(append(out, `,"message":{"role":"assistant","content":`...), content...)
	return append(out, '}')
}

// appendEnd appends the end of the last line.
func appendEnd(out []byte, reason, usage penstock.JSON) []byte {
	text, _ := reason.Text(nil)
	if string(text) != "length" {
		text = []byte("stop")
	}
	out = penstock.AppendText(append(out, `,"done":true,"done_reason":`...), text)
	for _, count := range [...]struct{ theirs, ours string }{{"prompt_eval_count", "prompt_tokens"}, {"eval_count", "completion_tokens"}} {
		n, _ := usage.Member(count.ours).Whole()
		out = append(append(append(out, `,"`...), count.theirs...), `":`...)
		out = penstock.AppendWhole(out, n)
	}
	return append(out, '}')
}

// first returns a list's first item.
func first(list penstock.JSON) penstock.JSON {
	for item := range list.Items {
		return item
	}
	return nil
}
