package wire

import (
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// Question returns a request of the gateway's own in the canonical form: instructions and a
// text, to be answered within so many tokens.
func (d *Dialects) Question(instructions, text string, tokens int64) (*llm.Request, error) {
	message := func(role, content string) object { return object{"role": role, "content": content} }
	body := encode(object{"model": "penstock", "max_completion_tokens": tokens,
		"messages": []any{message("system", instructions), message("user", text)}})
	facts, _, err := intake.Scan(body, intake.Options{})
	if err != nil {
		return nil, err
	}
	return &llm.Request{Body: body, Facts: facts}, nil
}
