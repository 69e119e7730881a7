package dialect

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/tidwall/sjson"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// edit replaces a span of the body. An empty span inserts.
type edit struct {
	at   llm.Span
	with []byte
}

// patched returns the request's body with the fields changed that must differ
// upstream: the model's name, the maximum of output tokens, the wish for usage, and
// the gateway's own members taken out. Every other byte stays as it came.
func patched(req *llm.Request, t *llm.Target, maxOutput int64) ([]byte, error) {
	f := &req.Facts
	edits := make([]edit, 0, 5)
	if f.Model != t.Model {
		edits = append(edits, edit{f.ModelAt, strconv.AppendQuote(nil, t.Model)})
	}
	if !f.CacheAt.IsZero() {
		edits = append(edits, edit{at: f.CacheAt})
	}
	if maxOutput > 0 {
		edits = append(edits, capOutput(f, t, maxOutput))
	}
	if f.Stream && !f.IncludeUsage {
		ask, err := askUsage(req)
		if err != nil {
			return nil, err
		}
		edits = append(edits, ask)
	}
	return apply(req.Body, edits), nil
}

// capOutput sets the maximum of output tokens: in the member that the client used,
// else in the one that the target understands.
func capOutput(f *llm.Facts, t *llm.Target, n int64) edit {
	number := strconv.AppendInt(nil, n, 10)
	if !f.MaxTokensAt.IsZero() {
		return edit{f.MaxTokensAt, number}
	}
	name := "max_tokens"
	if t.Provider == "openai" || t.Provider == "azure" { // their reasoning models refuse max_tokens
		name = "max_completion_tokens"
	}
	return insert(f, fmt.Appendf(nil, `,"%s":%s`, name, number))
}

// askUsage asks for the usage chunk that only comes when asked for.
func askUsage(req *llm.Request) (edit, error) {
	f := &req.Facts
	if f.StreamOptionsAt.IsZero() {
		return insert(f, []byte(`,"stream_options":{"include_usage":true}`)), nil
	}
	old := req.Body[f.StreamOptionsAt.Start:f.StreamOptionsAt.End]
	if string(old) == "null" {
		old = []byte("{}")
	}
	set, err := sjson.SetRawBytes(old, "include_usage", []byte("true"))
	if err != nil {
		return edit{}, fmt.Errorf("ask for usage: %w", err)
	}
	return edit{f.StreamOptionsAt, set}, nil
}

// insert adds members, each with its leading comma, at the end of the body.
func insert(f *llm.Facts, members []byte) edit {
	return edit{llm.Span{Start: f.End, End: f.End}, members}
}

// apply makes the edits in one copy of the body. Without edits it is the body
// itself, which nobody writes to.
func apply(body []byte, edits []edit) []byte {
	if len(edits) == 0 {
		return body
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return a.at.Start - b.at.Start })
	size := len(body)
	for _, e := range edits {
		size += len(e.with) - (e.at.End - e.at.Start)
	}
	out := make([]byte, 0, size)
	from := 0
	for _, e := range edits {
		out = append(out, body[from:e.at.Start]...)
		out = append(out, e.with...)
		from = e.at.End
	}
	return append(out, body[from:]...)
}
