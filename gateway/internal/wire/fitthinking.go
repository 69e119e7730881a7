package wire

import (
	"strconv"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// leastThinking is the smallest budget for thinking that Anthropic's API takes, in tokens.
const leastThinking = 1024

// fitThinking makes the budget for thinking of a Messages request fit into the gateway's own
// bound on output: the API refuses one that is not smaller. Half of the bound is left for the
// answer, and where that is too little the model does not think.
func fitThinking(edits []edit, x *llm.Exchange) []edit {
	if x.MaxOutput <= 0 || x.MaxOutput >= x.Sent.Facts.MaxTokens {
		return edits
	}
	body := x.Sent.Body
	thinking, ok := memberOf(membersOf(body, 0), "thinking")
	if !ok {
		return edits
	}
	budget, ok := memberOf(membersOf(body, thinking.value), "budget_tokens")
	if !ok {
		return edits
	}
	if asked, err := strconv.ParseInt(string(body[budget.value:budget.end]), 10, 64); err != nil || asked < x.MaxOutput {
		return edits
	}
	x.Dropped = append(x.Dropped, "thinking")
	if x.MaxOutput <= leastThinking {
		return append(edits, edit{llm.Span{Start: thinking.value, End: thinking.end}, []byte(`{"type":"disabled"}`)})
	}
	fits := strconv.AppendInt(nil, max(x.MaxOutput/2, leastThinking), 10)
	return append(edits, edit{llm.Span{Start: budget.value, End: budget.end}, fits})
}
