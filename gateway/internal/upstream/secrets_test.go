package upstream

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// guarded is a client with a secret in every place that holds one.
func guarded(t *testing.T) (c *Client, all []string) {
	t.Helper()
	basic := base64.StdEncoding.EncodeToString([]byte("user:basic-canary-1"))
	c = dial(t, Options{BaseURL: "http://127.0.0.1:1", Signer: Bearer(`sk-canary/"0123456789+é`), Proxy: "http://pu:proxy%20canary@proxy.example:1",
		Header: http.Header{"X-Secret": {"header-canary-77"}, "X-Bearer": {"Bearer bearer-canary-88"}, "Authorization": {"Basic " + basic}, "X-Short": {"k9z"}}})
	return c, []string{`sk-canary/"0123456789+é`, "proxy canary", "pu:proxy canary", "header-canary-77", "bearer-canary-88", "basic-canary-1", "user:basic-canary-1", "k9z"}
}

// encodings are the ways in which a text may show a secret.
func encodings(secret string) map[string]string {
	quoted, _ := json.Marshal(secret)
	var escaped, percent, entities strings.Builder
	for _, r := range secret {
		fmt.Fprintf(&escaped, `\u%04x`, r)
		fmt.Fprintf(&entities, "&#%d;", r)
	}
	for _, b := range []byte(secret) {
		fmt.Fprintf(&percent, "%%%02x", b)
	}
	return map[string]string{"raw": secret, "JSON": strings.Trim(string(quoted), `"`), "hexadecimal": escaped.String(),
		"query": url.QueryEscape(secret), "path": url.PathEscape(secret), "base64": base64.StdEncoding.EncodeToString([]byte(secret)),
		"percent": percent.String(), "twice": url.PathEscape(percent.String()), "HTML": entities.String(),
		"JSON in JSON": strings.ReplaceAll(escaped.String(), `\`, `\\`), "digits": hex.EncodeToString([]byte(secret)), "DIGITS": strings.ToUpper(hex.EncodeToString([]byte(secret)))}
}

// TestSecretsWithinBase64 redacts a secret that was encoded together with others, as whole
// headers are.
func TestSecretsWithinBase64(t *testing.T) {
	c, all := guarded(t)
	for _, secret := range all {
		for _, around := range [...][2]string{{"x:", ""}, {"Bearer ", ""}, {"a", ":"}, {"", "bc"}, {"user:", "\n"}, {"{\"k\":\"", "\"}"}} {
			whole := []byte(around[0] + secret + around[1])
			for _, shown := range []string{base64.StdEncoding.EncodeToString(whole), base64.RawURLEncoding.EncodeToString(whole)} {
				got := c.Redact(&llm.Error{Message: "header " + shown + " is wrong"}).Message
				if len(secret) >= shortSecret && (!strings.Contains(got, hidden) || len(got) > len("header  is wrong")+len(hidden)+2*len(around[0]+around[1])+6) {
					t.Errorf("%q of %q shows in %s", shown, secret, got)
				}
			}
		}
	}
}

func TestSecretsAreRedacted(t *testing.T) {
	c, all := guarded(t)
	for _, secret := range all {
		for name, shown := range encodings(secret) {
			if len(secret) < shortSecret && (name == "base64" || strings.EqualFold(name, "digits")) {
				continue
			}
			if name != "JSON" && name != "hexadecimal" {
				text := "key " + shown + " is wrong"
				e := c.Redact(&llm.Error{Message: text, Param: shown, Type: shown, Code: llm.Code(shown), Err: errors.New(text)})
				if all := fmt.Sprint(e.Message, e.Param, e.Type, e.Code, e.Err); strings.Contains(all, shown) || !strings.Contains(e.Message, hidden) {
					t.Errorf("%s of %q shows in %s", name, secret, all)
				}
			}
			if name == "raw" && strings.ContainsAny(shown, `"`) {
				continue // no JSON
			}
			body := `{"error":{"message":"key ` + shown + `","type":"x","param":null,"code":null,"` + shown + `":[1,{"a":"` + shown + `"}]}}`
			e := c.Redact(&llm.Error{Body: []byte(body)})
			if got := everyString(t, e.Body); strings.Contains(got, secret) || strings.Contains(string(e.Body), shown) || strings.Count(got, hidden) != 3 {
				t.Errorf("%s of %q shows in %s", name, secret, e.Body)
			}
		}
	}
}

// everyString is the text of a JSON value with all escapes undone.
func everyString(t *testing.T, body []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Errorf("%s: %v", body, err)
	}
	return fmt.Sprint(v)
}

// TestOrdinaryTextStays keeps what only looks like a short secret, and bodies without
// any byte for byte.
func TestOrdinaryTextStays(t *testing.T) {
	c, _ := guarded(t)
	for _, text := range []string{"ak9z k9zb k9z1 _k9z", "user", "pu", `{"a": 1.50, "b":"\u00e9 \\ \/"}`, ""} {
		e := c.Redact(&llm.Error{Message: text, Body: []byte(text)})
		if e.Message != text || string(e.Body) != text {
			t.Errorf("%q became %q, %q", text, e.Message, e.Body)
		}
	}
	if e := c.Redact(&llm.Error{Message: "k9z, (k9z) 'k9z'"}); e.Message != "REDACTED, (REDACTED) 'REDACTED'" {
		t.Errorf("a short secret: %q", e.Message)
	}
	cause := &llm.Error{Message: "x"}
	if e := c.Redact(&llm.Error{Err: cause}); e.Err != cause {
		t.Error("a cause without secrets is replaced")
	}
	if e := c.Redact(&llm.Error{Body: make([]byte, maxErrorBody+1)}); e.Body != nil {
		t.Error("an error of any size is passed on")
	}
}

func FuzzRedact(f *testing.F) {
	f.Add(`{"error":{"message":"\u0073k-canary-0123456789"}}`, "x")
	f.Add(`["sk-canary-01234567\u00389"]`, "sk-canary-0123456789")
	f.Fuzz(func(t *testing.T, body, message string) {
		c := &Client{o: Options{Signer: Bearer(testKey)}}
		e := c.Redact(&llm.Error{Body: []byte(body), Message: message})
		var v any
		if json.Unmarshal(e.Body, &v) == nil && strings.Contains(fmt.Sprint(v), string(testKey)) || strings.Contains(e.Message, string(testKey)) {
			t.Errorf("the key shows in %s, %q", e.Body, e.Message)
		}
		if json.Valid([]byte(body)) && !json.Valid(e.Body) {
			t.Errorf("%q became %q, which is no JSON", body, e.Body)
		}
	})
}
