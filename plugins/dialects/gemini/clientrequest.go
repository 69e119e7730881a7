package gemini

import (
	"bytes"
	"slices"

	penstock "github.com/penstock/penstock/sdk/go"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// accepted is one translation of a client's request into the canonical form.
type accepted struct {
	canonical.Writer
	in    clientRequest
	names canonical.ShortNames
	// content and part are the positions of what is being read.
	content, part int
	// turn is what the model said, while it is being put together; calls are those of the
	// turn before the content that is being read.
	turn  modelTurn
	calls []clientCall
	// called counts the calls, functions the functions that are declared.
	called, functions int64
	// lost are members that the canonical form has no place for, and the paths of what is
	// left out of others.
	lost []canonical.Member
	// search says that a web search is offered, shows that the client wants to see thoughts.
	search, shows bool
}

// clientRequest is a request of generateContent with its members, nil when absent.
type clientRequest struct {
	contents, system, tools, toolConfig, config canonical.Value
	safety, cached, tier, store                 canonical.Value
	// others are those that only Google knows, or nobody yet.
	others []canonical.Member
}

// Accept appends the canonical request that a client's request becomes.
func (c *Client) Accept(out []byte, env *canonical.Envelope) ([]byte, error) {
	if env.Body.Kind() != '{' {
		return nil, penstock.Reject(400, "the request body is not a JSON object")
	}
	a := &c.accepted
	a.reset(env.Body)
	a.B = slices.Grow(out, len(env.Body)+len(env.Body)/8+1024)
	a.Raw(`{"body":{`)
	model, stream := clientTarget(env.Path)
	a.MemberText("model", model)
	if stream {
		a.MemberLiteral("stream", "true")
	}
	for _, step := range [...]func(*accepted) error{
		(*accepted).writeConversation, (*accepted).writeTools, (*accepted).writeToolChoice, (*accepted).writeConfig, (*accepted).writeOthers,
	} {
		if err := step(a); err != nil {
			return nil, err
		}
	}
	a.Close('}')
	if a.names.Many {
		return nil, canonical.Reject("tools", "too many names that not all providers take; use at most 64 letters, digits, _ and -")
	}
	a.writeContext()
	a.Close('}')
	return a.B, nil
}

func (a *accepted) reset(body canonical.Value) {
	*a = accepted{in: clientRequest{others: a.in.others[:0]}, names: a.names, turn: a.turn, calls: a.calls[:0], lost: a.lost[:0]}
	a.names.Reset()
	a.turn.reset()
	a.in.read(body)
}

// clientTarget reads a path such as /v1beta/models/gemini-2.5-flash:streamGenerateContent.
func clientTarget(path []byte) (model []byte, stream bool) {
	if _, rest, ok := bytes.Cut(path, []byte("/models/")); ok {
		path = rest
	}
	if colon := bytes.LastIndexByte(path, ':'); colon >= 0 {
		return path[:colon], string(path[colon+1:]) == "streamGenerateContent"
	}
	return path, false
}

// read reads the members in one pass, into the memory of the request before.
func (r *clientRequest) read(body canonical.Value) {
	for key, v := range body.Members {
		if field := r.field(string(camel(key))); field != nil {
			*field = v
		} else if !v.Null() && string(key) != "model" { // that counts which is in the path
			r.others = append(r.others, canonical.Member{Key: key, Value: v})
		}
	}
}

// field returns where a member belongs, nil when it has no field.
func (r *clientRequest) field(name string) *canonical.Value {
	switch name {
	case "contents":
		return &r.contents
	case "systemInstruction":
		return &r.system
	case "tools":
		return &r.tools
	case "toolConfig":
		return &r.toolConfig
	case "generationConfig":
		return &r.config
	case "safetySettings":
		return &r.safety
	case "cachedContent":
		return &r.cached
	case "serviceTier":
		return &r.tier
	case "store":
		return &r.store
	}
	return nil
}

// camel is a member's name as Google documents it. Its API takes snake_case, too.
func camel(name []byte) []byte {
	if bytes.IndexByte(name, '_') < 0 {
		return name
	}
	out := make([]byte, 0, len(name))
	up := false
	for _, c := range name {
		switch {
		case c == '_' && len(out) > 0:
			up = true
			continue
		case up && c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		}
		out, up = append(out, c), false
	}
	return out
}

// writeOthers writes what stands beside the conversation, and what only Google knows: each
// dialect reports which of that it leaves out.
func (a *accepted) writeOthers() error {
	if !a.in.cached.Null() {
		return canonical.Reject("cachedContent", "what it refers to is kept by Google; only a target that speaks gemini, on a route without transforms, can read it")
	}
	a.MemberValue("safety_settings", a.in.safety)
	a.MemberValue("store", a.in.store)
	a.writeTier()
	for _, m := range a.in.others {
		if canonical.IsMember(string(m.Key)) {
			return canonical.Reject(string(m.Key), "is not a member of a request to generateContent")
		}
		a.lose(bodyPrefix+string(camel(m.Key)), m.Value)
	}
	for _, m := range a.lost {
		a.Key(m.Key)
		a.Value(m.Value)
	}
	return nil
}

// writeTier writes the tier in OpenAI's words.
func (a *accepted) writeTier() {
	switch tier := string(bytes.ToLower(canonical.Text(a.in.tier))); tier {
	case "":
	case "standard":
		a.MemberLiteral("service_tier", `"default"`)
	default:
		a.MemberText("service_tier", []byte(tier))
	}
}

// bodyPrefix begins the names of canonical members that are those of a request which only
// Google has.
const bodyPrefix = "google."

// maxLost bounds the members that are remembered to be reported.
const maxLost = 32

// lose notes a member that the canonical form has no place for, or that is left out of
// another, for the dialect of the provider to report. A name is noted once.
func (a *accepted) lose(name string, v canonical.Value) {
	if len(a.lost) == maxLost {
		return
	}
	for _, m := range a.lost {
		if string(m.Key) == name {
			return
		}
	}
	a.lost = append(a.lost, canonical.Member{Key: []byte(name), Value: v})
}

// writeContext writes what the reply needs to know of the request.
func (a *accepted) writeContext() {
	mark := len(a.B)
	a.Name("context")
	a.Open('{')
	start := len(a.B)
	a.names.Write(&a.Writer)
	if a.shows {
		a.MemberLiteral(showThoughts, "true")
	}
	if a.functions > 0 {
		a.MemberLiteral(mayCall, "true")
	}
	if len(a.B) == start {
		a.B = a.B[:mark]
		return
	}
	a.Close('}')
}

// The members of the context that are true when the client wants to see what the model thinks,
// and when it may call functions.
const (
	showThoughts = "thoughts"
	mayCall      = "calls"
)
