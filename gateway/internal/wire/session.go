package wire

import (
	"net/http"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// sessionHeaders are where agents name the session that a request belongs to, the
// gateway's own header first. Names are in canonical form.
var sessionHeaders = [...]string{"X-Penstock-Session", "X-Claude-Code-Session-Id", "X-Session-Id", "X-Opencode-Session", "X-Session-Affinity", "Session-Id", "Session_id",
	"Conversation_id"}

// maxSession bounds a session's name, in bytes.
const maxSession = 256

// sessionOf is what consecutive requests of one agent have in common: a header of its,
// else the key by which it asks for its prompts to be cached, else its user. It is empty
// where the client says nothing of that kind.
func sessionOf(h http.Header, f *llm.Facts) string {
	for _, name := range sessionHeaders {
		if v := h[name]; len(v) > 0 && fit(v[0]) {
			return v[0]
		}
	}
	if fit(f.PromptCacheKey) {
		return f.PromptCacheKey
	}
	if fit(f.User) {
		return f.User
	}
	return ""
}

// fit reports whether a text can name a session.
func fit(s string) bool {
	return s != "" && len(s) <= maxSession && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
