package intake_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// scan is a reader of one wire format.
type scan func([]byte, intake.Options) (llm.Facts, llm.CacheControl, error)

// long is a system prompt that providers cache.
var long = strings.Repeat("You answer for a shop, in one paragraph. ", 120)

// conversations are the same conversation in all formats, each turn after turn. $S is the
// system prompt, $U the first message of the user's.
var conversations = map[string]struct {
	scan  scan
	turns []string
}{
	"chat": {intake.Scan, []string{
		`{"model":"m","messages":[{"role":"system","content":"$S"},{"role":"user","content":"$U"}],"tools":[{"type":"function","function":{"name":"find","description":"Finds \"it\"."}}]}`,
		`{"model":"m","messages":[{"role":"system","content":"$S"},{"role":"user","content":[{"type":"text","text":"$U"}]},{"role":"assistant","content":"a"},{"role":"user","content":"more"}],"tools":[{"type":"function","function":{"name":"find","description":"Finds \"it\"."}}]}`,
		`{"tools": [ {"function": {"description": "Finds \"it\".", "name": "find"}, "type": "function"} ], "stream": true, "messages": [ {"content": "$S", "role": "system"}, {"content": "$U", "role": "user"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "more"}, {"role": "user", "content": "and more"} ], "model": "m"}`,
	}},
	"messages": {intake.ScanMessages, []string{
		`{"model":"m","max_tokens":9,"system":[{"type":"text","text":"x-anthropic-billing-header: cch=1;"},{"type":"text","text":"$S","cache_control":{"type":"ephemeral"}}],"tools":[{"name":"find","cache_control":{"type":"ephemeral"}}],` +
			`"messages":[{"role":"user","content":[{"type":"text","text":"$U","cache_control":{"type":"ephemeral"}}]}]}`,
		`{"model":"m","max_tokens":9,"system":[{"type":"text","text":"x-anthropic-billing-header: cch=2;"},{"type":"text","text":"$S","cache_control":{"type":"ephemeral","ttl":"1h"}}],"tools":[{"name":"find"}],` +
			`"messages":[{"role":"user","content":"$U"},{"role":"assistant","content":[{"type":"text","text":"a"}]},{"role":"user","content":[{"type":"text","text":"more","cache_control":{"type":"ephemeral"}}]}]}`,
		`{"messages": [{"content": "$U", "role": "user"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "more"}], "tools": [{"cache_control": {"type": "ephemeral"}, "name": "find"}], "system": "$S", "model": "m", "max_tokens": 9}`,
	}},
	"responses": {intake.ScanResponses, []string{
		`{"model":"m","instructions":"$S","input":"$U","tools":[{"type":"function","name":"find"}]}`,
		`{"model":"m","instructions":"$S","input":[{"role":"user","content":"$U"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]},{"role":"user","content":"more"}],"tools":[{"type":"function","name":"find"}]}`,
		`{"input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "$U"}]}, {"role": "user", "content": "more"}], "instructions": "$S", "tools": [{"name": "find", "type": "function"}], "model": "m"}`,
	}},
	"generateContent": {intake.ScanGemini, []string{
		`{"systemInstruction":{"parts":[{"text":"$S"}]},"contents":[{"role":"user","parts":[{"text":"$U"}]}],"tools":[{"functionDeclarations":[{"name":"find"}]}]}`,
		`{"system_instruction":{"parts":{"text":"$S"}},"contents":[{"parts":[{"text":"$U"}]},{"role":"model","parts":[{"text":"a"}]},{"role":"user","parts":[{"text":"more"}]}],"tools":[{"functionDeclarations":[{"name":"find"}]}]}`,
		`{"contents": [{"parts": [{"text": "$U"}], "role": "user"}, {"role": "model", "parts": [{"text": "a"}]}], "tools": [{"functionDeclarations": [{"name": "find"}]}], "systemInstruction": "$S"}`,
	}},
}

// affinity is that of a body, with these texts in it.
func affinity(t *testing.T, read scan, body, system, user string) string {
	t.Helper()
	body = strings.NewReplacer("$S", system, "$U", user).Replace(body)
	facts, _, err := read([]byte(body), intake.Options{})
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	req := llm.Request{Body: []byte(body), Facts: facts, Principal: llm.Principal{KeyID: "k"}}
	return req.Affinity()
}

// TestAGrowingConversationKeepsItsAffinity wants all turns of a conversation to have one
// affinity, whatever becomes of marks for the provider's cache, of the order of members and of
// white space; and others to have another one.
func TestAGrowingConversationKeepsItsAffinity(t *testing.T) {
	for name, c := range conversations {
		t.Run(name, func(t *testing.T) {
			first := affinity(t, c.scan, c.turns[0], long, "Where is it?")
			if !strings.HasPrefix(first, "prefix:") {
				t.Fatalf("affinity is %q", first)
			}
			for n, turn := range c.turns[1:] {
				if got := affinity(t, c.scan, turn, long, "Where is it?"); got != first {
					t.Errorf("turn %d has the affinity %s, the first one %s", n+2, got, first)
				}
			}
			for what, other := range map[string]string{
				"another user's message": affinity(t, c.scan, c.turns[0], long, "Where is she?"),
				"another system prompt":  affinity(t, c.scan, c.turns[0], long+"!", "Where is it?"),
				"other tools":            affinity(t, c.scan, strings.Replace(c.turns[0], `"find"`, `"lose"`, 1), long, "Where is it?"),
			} {
				if other == first {
					t.Errorf("%s gives the same affinity", what)
				}
			}
			if short := affinity(t, c.scan, c.turns[0], "Be brief.", "Where is it?"); short != "" {
				t.Errorf("a short prompt has the affinity %q", short)
			}
		})
	}
}

// TestAffinityDependsOnTheCaller wants keys and models apart, and the session's own name where
// there is one.
func TestAffinityDependsOnTheCaller(t *testing.T) {
	body := strings.NewReplacer("$S", long, "$U", "hi").Replace(conversations["chat"].turns[0])
	facts, _, err := intake.Scan([]byte(body), intake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, c := range []struct{ key, model, session string }{{"k", "m", ""}, {"l", "m", ""}, {"k", "n", ""}, {"", "", ""}, {"k", "m", "s"}} {
		facts.Model = c.model
		req := llm.Request{Body: []byte(body), Facts: facts, Principal: llm.Principal{KeyID: c.key}, Session: c.session}
		got, who := req.Affinity(), fmt.Sprint(c)
		if seen[got] != "" || c.session != "" && got != c.session {
			t.Errorf("%s has the affinity %q, as %s", who, got, seen[got])
		}
		seen[got] = who
	}
}

// TestConversationsWithPicturesDiffer wants pictures of other sizes to make another
// conversation.
func TestConversationsWithPicturesDiffer(t *testing.T) {
	const text = `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,$U"}}]}]}`
	if affinity(t, intake.Scan, text, "", "iVBORw0KGgo=") == affinity(t, intake.Scan, text, "", "iVBORw0KGgoAAAA=") {
		t.Error("two pictures have the same affinity")
	}
}

// TestWhatIsNoConversationHasNoAffinity asks for embeddings of a long text.
func TestWhatIsNoConversationHasNoAffinity(t *testing.T) {
	if got := affinity(t, intake.ScanEmbeddings, `{"model":"m","input":"$S"}`, long, ""); got != "" {
		t.Errorf("affinity is %q", got)
	}
}

func BenchmarkAffinity(b *testing.B) {
	for _, size := range []int{2 << 10, 32 << 10, 256 << 10} {
		body := []byte(`{"model":"m","tools":[{"name":"find","description":"` + strings.Repeat(`Finds what is in the \"shop\".\n`, size/64) + `"}],"messages":[{"role":"user","content":"` +
			strings.Repeat("word ", size/10) + `"}]}`)
		facts, _, err := intake.Scan(body, intake.Options{})
		if err != nil {
			b.Fatal(err)
		}
		req := llm.Request{Body: body, Facts: facts}
		req.Facts.EstInputTokens = 1024
		b.Run(fmt.Sprint(len(body)), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if req.Affinity() == "" {
					b.Fatal("no affinity")
				}
			}
		})
	}
}
