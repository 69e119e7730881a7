package cases

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

var refLocal = regexp.MustCompile(`[A-Za-z0-9._%+-]+@`)
var refDomain = regexp.MustCompile(`\.[A-Za-z]{2,}$`)
var refRun = regexp.MustCompile(`[A-Za-z0-9._%+@-]*$`)

const refRedacted = "[redacted]"

// refClean replaces the addresses of a text.
func refClean(text string) string {
	var out strings.Builder
	for {
		at := refLocal.FindStringIndex(text)
		if at == nil {
			out.WriteString(text)
			return out.String()
		}
		rest := text[at[1]:]
		domain := rest[:len(rest)-len(strings.TrimLeft(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-"))]
		domain = strings.TrimRight(domain, ".-")
		if refDomain.MatchString(domain) {
			out.WriteString(text[:at[0]] + refRedacted)
			text = rest[len(domain):]
			continue
		}
		out.WriteString(text[:at[1]])
		text = rest
	}
}

// refSplice is one replacement in a reply.
type refSplice struct {
	at, end int
	text    []byte
}

func refApply(body []byte, splices []refSplice) []byte {
	var out []byte
	last := 0
	for _, s := range splices {
		out = append(append(out, body[last:s.at]...), s.text...)
		last = s.end
	}
	return append(out, body[last:]...)
}

// refChoices calls see for every choice with its offset in the reply.
func refChoices(body []byte, see func(choice []byte, at int)) {
	s := jsontext.New(body, hook.MaxDepth, jsontext.UTF8)
	for key := range s.Members() {
		if string(key.Raw) != "choices" || s.Peek() != '[' {
			s.Raw()
			continue
		}
		for range s.Elements() {
			s.Peek()
			at := s.Pos()
			see(s.Raw(), at)
		}
	}
}

// refMember finds a member of an object; ok is false without it.
func refMember(object []byte, name string) (value []byte, at int, ok bool) {
	s := jsontext.New(object, hook.MaxDepth, jsontext.UTF8)
	if s.Peek() != '{' {
		return nil, 0, false
	}
	for key := range s.Members() {
		s.Peek()
		start := s.Pos()
		if v := s.Raw(); string(key.Raw) == name {
			value, at, ok = v, start, true
		}
	}
	return value, at, ok
}

func refRedact(_ json.RawMessage, h hook.Hook, in []byte) ([]byte, error) {
	switch h {
	case hook.NormalizeResponse:
		return refReply(in)
	case hook.NormalizeEvent:
		return refEvent(in)
	}
	return nil, nil
}

func refReply(in []byte) ([]byte, error) {
	var e struct{ Body json.RawMessage }
	if err := json.Unmarshal(in, &e); err != nil {
		return nil, reject(500, err.Error())
	}
	var splices []refSplice
	refChoices(e.Body, func(choice []byte, at int) {
		message, m, _ := refMember(choice, "message")
		content, c, _ := refMember(message, "content")
		text, ok := jsontext.Unquote(content)
		if clean := refClean(text); ok && clean != text {
			start := at + m + c
			splices = append(splices, refSplice{start, start + len(content), jsontext.AppendQuote(nil, clean)})
		}
	})
	if len(splices) == 0 {
		return nil, nil
	}
	return refApply(e.Body, splices), nil
}

func refEvent(in []byte) ([]byte, error) {
	state, payload, err := hook.SplitFrame(in)
	if err != nil {
		return nil, reject(500, err.Error())
	}
	waiting := map[int]string{}
	if len(state) > 0 {
		if err := json.Unmarshal(state, &waiting); err != nil {
			return nil, reject(500, err.Error())
		}
	}
	name, data, _ := strings.Cut(string(payload), "\n")
	switch name {
	case hook.EventEnd:
		return refEnd(waiting), nil
	case "chunk":
		return refChunk(waiting, []byte(data))
	}
	return nil, nil
}

func refEnd(waiting map[int]string) []byte {
	var lines []byte
	indices := make([]int, 0, len(waiting))
	for i := range waiting {
		indices = append(indices, i)
	}
	slices.Sort(indices)
	for _, i := range indices {
		lines = append(lines, `{"choices":[{"index":`+strconv.Itoa(i)+`,"delta":{"content":`...)
		lines = append(jsontext.AppendQuote(lines, refClean(waiting[i])), "},\"finish_reason\":null}]}\n"...)
	}
	return append(make([]byte, 4), lines...)
}

func refChunk(waiting map[int]string, data []byte) ([]byte, error) {
	var splices []refSplice
	refChoices(data, func(choice []byte, at int) {
		if s, ok := refText(waiting, choice); ok {
			splices = append(splices, refSplice{at + s.at, at + s.end, s.text})
		}
	})
	if len(splices) == 0 {
		return nil, nil
	}
	state, err := json.Marshal(waiting)
	out := hook.AppendFrame(nil, state, "", nil)
	return append(out[:len(out)-1], refApply(data, splices)...), err // appendFrame ends an event's name
}

// refText returns the replacement in one choice of a chunk; ok is false without one.
func refText(waiting map[int]string, choice []byte) (s refSplice, ok bool) {
	var c struct {
		Index  int
		Reason json.RawMessage `json:"finish_reason"`
	}
	if json.Unmarshal(choice, &c) != nil {
		return s, false
	}
	final := c.Reason != nil && string(c.Reason) != "null"
	delta, d, _ := refMember(choice, "delta")
	content, at, _ := refMember(delta, "content")
	text, isText := jsontext.Unquote(content)
	held := waiting[c.Index]
	if !isText && (!final || held == "") {
		return s, false
	}
	all, keep := held+text, ""
	if !final {
		keep = refRun.FindString(all)
		keep = keep[max(0, len(keep)-256):]
	}
	delete(waiting, c.Index)
	if keep != "" {
		waiting[c.Index] = keep
	}
	clean := refClean(all[:len(all)-len(keep)])
	switch {
	case !isText:
		member := jsontext.AppendQuote([]byte(`"content":`), clean)
		if strings.Trim(string(delta), " {}\n\t") != "" {
			member = append(member, ',')
		}
		return refSplice{d + 1, d + 1, member}, true
	case clean == text:
		return s, false
	}
	return refSplice{d + at, d + at + len(content), jsontext.AppendQuote(nil, clean)}, true
}
