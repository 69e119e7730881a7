package wire

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// edit replaces a span of the body. An empty span inserts.
type edit struct {
	at   llm.Span
	with []byte
}

// patched returns the request's body with the fields changed that must differ
// upstream: the model's name, the maximum of output tokens, the wish for usage, and
// the gateway's own members taken out. Every other byte stays as it came. It notes in
// x.Added what the target may refuse.
func patched(x *llm.Exchange) []byte {
	req := x.Sent
	f := &req.Facts
	edits := setModel(make([]edit, 0, 6), x)
	if !f.CacheAt.IsZero() {
		edits = append(edits, edit{at: f.CacheAt})
	}
	return apply(req.Body, addUsage(boundOutput(edits, x), x))
}

// addUsage asks for the usage of a stream whose client has not asked, where the target
// does not refuse that.
func addUsage(edits []edit, x *llm.Exchange) []edit {
	f, t := &x.Sent.Facts, x.Target
	if !f.Stream || f.IncludeUsage || t.StreamUsage == llm.StreamUsageOff || x.Quirks.Has(llm.NoStreamUsage) {
		return edits
	}
	if t.StreamUsage != llm.StreamUsageOn {
		x.Added |= llm.NoStreamUsage
	}
	return append(edits, askUsage(x.Sent))
}

// The two names of the bound on output tokens.
const (
	oldOutput = "max_tokens"
	newOutput = "max_completion_tokens"
)

// setModel names the target's model where the client named another.
func setModel(edits []edit, x *llm.Exchange) []edit {
	if f := &x.Sent.Facts; f.Model != x.Target.Model {
		return append(edits, edit{f.ModelAt, jsontext.AppendQuote(nil, x.Target.Model)})
	}
	return edits
}

// setMaxOutput sets the maximum of output tokens, if the gateway has one, in the member of
// that name.
func setMaxOutput(edits []edit, x *llm.Exchange, name string) []edit {
	f := &x.Sent.Facts
	switch {
	case x.MaxOutput <= 0:
		return edits
	case f.MaxTokensAt.IsZero():
		return append(edits, insert(f, fmt.Appendf(nil, `,"%s":%d`, name, x.MaxOutput)))
	}
	return append(edits, edit{f.MaxTokensAt, strconv.AppendInt(nil, x.MaxOutput, 10)})
}

// boundOutput sets the maximum of output tokens, under the name that the target heeds.
func boundOutput(edits []edit, x *llm.Exchange) []edit {
	f := &x.Sent.Facts
	asked := f.MaxTokens > 0
	if x.MaxOutput == 0 && !asked {
		return edits
	}
	number := strconv.AppendInt(nil, max(x.MaxOutput, 0), 10)
	if x.MaxOutput == 0 {
		number = x.Sent.Body[f.MaxTokensAt.Start:f.MaxTokensAt.End]
	}
	at, had := outputMember(x.Sent)
	name := outputName(x, had)
	x.Added |= llm.OldOutputName
	if name == newOutput {
		x.Added = x.Added.With(llm.NewOutputName)
	}
	switch {
	case had == name && x.MaxOutput == 0:
		return edits
	case had == name:
		return append(edits, edit{f.MaxTokensAt, number})
	case had != "" && !bytes.Contains(x.Sent.Body, []byte(`"`+name+`"`)):
		return append(edits, edit{llm.Span{Start: at.Start, End: f.MaxTokensAt.End}, fmt.Appendf(nil, `"%s":%s`, name, number)})
	}
	return append(edits, insert(f, fmt.Appendf(nil, `,"%s":%s`, name, number)))
}

// outputName is the name to send: one that the target has insisted on, or is known to
// want; else the caller's, unless the gateway depends on it with a server that may ignore
// the newer one.
func outputName(x *llm.Exchange, had string) string {
	names := x.Target.OutputNames
	switch {
	case x.Quirks.Has(llm.OldOutputName), names == llm.OldName:
		return oldOutput
	case x.Quirks.Has(llm.NewOutputName), names == llm.NewName:
		return newOutput
	case names == llm.UnknownName && (x.MaxOutput > 0 || had == ""):
		return oldOutput
	case had != "":
		return had
	}
	return newOutput
}

// outputMember is where the member with the caller's own maximum begins, and its name;
// empty when there is none.
func outputMember(req *llm.Request) (at llm.Span, name string) {
	value := req.Facts.MaxTokensAt
	if value.IsZero() {
		return llm.Span{}, ""
	}
	end := bytes.LastIndexByte(req.Body[:value.Start], '"')
	start := bytes.LastIndexByte(req.Body[:max(end, 0)], '"')
	if start < 0 {
		return llm.Span{}, ""
	}
	name, _ = jsontext.Unquote(req.Body[start : end+1]) // the intake has read it
	return llm.Span{Start: start, End: end + 1}, name
}

// askUsage asks for the usage chunk that only comes when asked for.
func askUsage(req *llm.Request) edit {
	f := &req.Facts
	at := f.StreamOptionsAt
	if at.IsZero() {
		return insert(f, []byte(`,"stream_options":{"include_usage":true}`))
	}
	s := newScan(req.Body[at.Start:at.End])
	if !s.Open('{') { // null
		return edit{at, []byte(`{"include_usage":true}`)}
	}
	comma := ""
	for s.More('}') {
		comma = ","
		asks := s.Name().Is("include_usage")
		s.Peek()
		from := at.Start + s.Pos()
		s.Skip()
		if asks {
			return edit{llm.Span{Start: from, End: at.Start + s.Pos()}, []byte("true")}
		}
	}
	return edit{llm.Span{Start: at.End - 1, End: at.End - 1}, []byte(comma + `"include_usage":true`)}
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
