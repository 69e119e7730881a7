package gemini

import (
	"bytes"

	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// readResults finds the call of each result that a content holds.
func (a *accepted) readResults(content canonical.Value) error {
	a.part = 0
	for v := range elements(content.Member("parts")) {
		p, err := a.readClientPart(v)
		if err != nil {
			return err
		}
		if !p.result.Null() {
			if err := a.readResult(p.result); err != nil {
				return err
			}
		}
		a.part++
	}
	return nil
}

// clientResult is a functionResponse with its members; nil when absent.
type clientResult struct{ id, name, response, parts canonical.Value }

func readClientResult(v canonical.Value) (r clientResult) {
	for key, member := range v.Members {
		switch string(camel(key)) {
		case "id":
			r.id = member
		case "name":
			r.name = member
		case "response":
			r.response = member
		case "parts":
			r.parts = member
		}
	}
	return r
}

// readResult finds the call of a result: by its id or, of one without or of a call without,
// by the name of the function, in order.
func (a *accepted) readResult(v canonical.Value) error {
	r := readClientResult(v)
	id, name := canonical.Text(r.id), canonical.Text(r.name)
	switch {
	case !r.id.Null() && r.id.Kind() != '"':
		return canonical.Reject(a.partPath("functionResponse.id"), "must be a string")
	case len(name) == 0 && len(id) == 0:
		return canonical.Reject(a.partPath("functionResponse.name"), "must name the function that was called")
	case !r.response.Null() && r.response.Kind() != '{':
		return canonical.Reject(a.partPath("functionResponse.response"), "must be an object")
	}
	c := a.callOf(id, name)
	if c == nil {
		return canonical.Reject(a.partPath("functionResponse"), "is the result of no functionCall in the model's content before it")
	}
	c.result, c.at = v, a.partPath("functionResponse")
	return nil
}

func (a *accepted) callOf(id, name []byte) *clientCall {
	for i := range a.calls {
		if c := &a.calls[i]; len(id) > 0 && c.result == nil && c.given && bytes.Equal(canonical.Text(c.id), id) {
			return c
		}
	}
	for i := range a.calls {
		if c := &a.calls[i]; c.result == nil && (len(id) == 0 || !c.given) && bytes.Equal(c.name, name) {
			return c
		}
	}
	return nil
}

// wantResults wants every call to have its result.
func (a *accepted) wantResults() error {
	for i := range a.calls {
		if c := &a.calls[i]; c.result == nil {
			a.content, a.part = c.content, c.part
			return canonical.Reject(a.partPath("functionCall"), "has no functionResponse in the contents right behind it")
		}
	}
	return nil
}

// writeResults writes what the functions have returned, in the order of their calls.
func (a *accepted) writeResults() error {
	if err := a.wantResults(); err != nil {
		return err
	}
	for i := range a.calls {
		if err := a.writeClientResult(&a.calls[i]); err != nil {
			return err
		}
	}
	a.calls = a.calls[:0]
	return nil
}

func (a *accepted) writeClientResult(c *clientCall) error {
	r := readClientResult(c.result)
	text, failed := responseText(r.response)
	a.Open('{')
	a.MemberLiteral("role", `"tool"`)
	a.MemberValue("tool_call_id", c.id)
	a.Name("content")
	if !canonical.Filled(r.parts) {
		a.Quoted(text)
	} else {
		a.Open('[')
		if len(text) > 0 {
			a.writeTextOf(text)
		}
		k := 0
		for v := range elements(r.parts) {
			at := canonical.At(c.at+".parts", k)
			var p clientPart
			for key, member := range v.Members {
				if field := p.field(string(camel(key))); field != nil {
					*field = member
				}
			}
			if p.inline.Kind() != '{' && p.file.Kind() != '{' {
				return canonical.Reject(at, "must have inlineData or fileData")
			}
			if err := a.writeClientMedium(&a.Writer, &p, at); err != nil {
				return err
			}
			k++
		}
		a.Close(']')
	}
	if failed {
		a.MemberLiteral("is_error", "true")
	}
	a.Close('}')
	return nil
}

// responseText is the text of a result, the inside of a JSON string: the one that Google's
// members for it hold, or the object as it is. An error alone says that the function failed.
func responseText(response canonical.Value) (text []byte, failed bool) {
	n := 0
	var key []byte
	var only canonical.Value
	for k, v := range response.Members {
		n++
		key, only = k, v
	}
	if n != 1 {
		return penstock.AppendInside(nil, response), false
	}
	switch string(key) {
	case "error":
		failed = true
	case "output", "result":
	default:
		return penstock.AppendInside(nil, response), false
	}
	if only.Kind() == '"' {
		return canonical.Inside(only), failed
	}
	if failed {
		return penstock.AppendInside(nil, only), true
	}
	return penstock.AppendInside(nil, response), false
}
