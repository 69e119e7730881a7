package llm_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		`{"model":"gpt-5","messages":[{"role":"user","content":"Hello, it is 7 o'clock on 2026-11-30."}]}`: `{"model":"gpt-5","messages":[{"role":"user","content":"Hello, it is 7 o'clock on 2026-11-30."}]}`,
		`{"c":"write to ada@example.com\nor bob@example.co.uk"}`:                                           `{"c":"write to [email]\nor [email]"}`,
		`{"c":"key\nsk-ant-api03-0123456789abcdef, AKIAIOSFODNN7EXAMPLE"}`:                                 `{"c":"key\n[secret], [secret]"}`,
		`{"c":"Authorization: Bearer abc.def-ghi"}`:                                                        `{"c":"Authorization: [secret]"}`,
		`{"c":"password: hunter22 and more"}`:                                                              `{"c":"[secret] and more"}`,
		`{"c":"card 4111 1111 1111 1111, phone +49 (30) 1234-5678"}`:                                       `{"c":"card [number], phone [number]"}`,
		`{"c":"IBAN DE89 3704 0044 0532 0130 00."}`:                                                        `{"c":"IBAN [number]."}`,
		`{"c":"postgres://ada:pw@db/x"}`:                                                                   `{"c":"postgres[secret]db/x"}`,
		`{"id":123456789012,"n":42,"f":-1234567890.5}`:                                                     `{"id":0,"n":42,"f":0}`,
		`{"args":"{\"to\":\"ada@example.com\"}"}`:                                                          `{"args":"{\"to\":\"[email]\"}"}`,
		`{"\u0061da@example.com":1}`:                                                                       `{"[email]":1}`,
		`{"c":"cut off: ada@example.com, sk-0123456789abcd`:                                                `{"c":"cut off: [email], [secret]`,
		``: ``,
	} {
		if got := llm.Redact(in); got != want {
			t.Errorf("Redact(%s)\n = %s\nwant %s", in, got, want)
		}
	}
	key := "-----BEGIN RSA PRIVATE KEY-----\nabc\ndef\n-----END RSA PRIVATE KEY-----"
	if got := llm.RedactText("a " + key + " b"); got != "a [secret] b" {
		t.Errorf("a private key becomes %q", got)
	}
	if got := llm.RedactText(strings.Repeat("iVBORw0KGgo", 1000)); got != "[secret]" {
		t.Errorf("an image becomes %.50q", got)
	}
}

func FuzzRedact(f *testing.F) {
	f.Add(`{"a":"ada@example.com","b":[1234567890,"\ud83d"],"\n":"\""}`)
	f.Fuzz(func(t *testing.T, in string) {
		got := llm.Redact(in)
		if json.Valid([]byte(in)) && !json.Valid([]byte(got)) {
			t.Errorf("Redact(%q) = %q is no JSON", in, got)
		}
	})
}
