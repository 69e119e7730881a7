package keys

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTokensDoNotPrint(t *testing.T) {
	token := newToken(strings.NewReader(strings.Repeat("\x03", 100)))
	secret := token.text[idEnd:]
	inJSON, err := json.Marshal(map[string]any{"a": token, "b": &token})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "token", token, "pointer", &token)
	for _, text := range []string{string(inJSON), log.String(), token.String(),
		fmt.Sprintf("%v %+v %#v %s %q %x %d", token, token, token, token, token, token, token), fmt.Sprint(&token, []Token{token}, struct{ T Token }{token})} {
		if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
			t.Errorf("the token prints: %s", text)
		}
	}
	if got := (Token{}).String(); got != "no token" {
		t.Errorf("an empty token prints as %q", got)
	}
}

// parseToken parses a token as Authenticate does when it is not cached.
func parseToken(s string) (Token, error) {
	t, err := splitToken(s)
	if err == nil {
		err = t.verify()
	}
	return t, err
}

func TestTokenFormat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rapid.SliceOfN(rapid.Byte(), 500, 500).Draw(t, "random")
		for i := range 200 { // enough that digits can be drawn
			random[i] %= 248
		}
		token := newToken(strings.NewReader(string(random)))
		got, err := parseToken(token.Reveal())
		if err != nil || got != token {
			t.Fatalf("parseToken(newToken) = %v", err)
		}
		if sum := crc32.ChecksumIEEE([]byte(token.text[:secretEnd])); crc(token.text[:secretEnd]) != sum {
			t.Fatalf("crc of %s = %x, want %x", token.text[:secretEnd], crc(token.text[:secretEnd]), sum)
		}
		// Any one character changed is found out.
		at := rapid.IntRange(len(prefix), tokenLen-1).Draw(t, "at")
		to := digits[rapid.IntRange(0, 61).Draw(t, "to")]
		if to != token.text[at] {
			if _, err := parseToken(token.text[:at] + string(to) + token.text[at+1:]); err == nil {
				t.Fatalf("a typing error at %d went unnoticed", at)
			}
		}
	})
}

func FuzzParseToken(f *testing.F) {
	f.Add(newToken(strings.NewReader(strings.Repeat("\x04", 100))).Reveal())
	f.Add("")
	f.Add("pk_")
	f.Add("pk_\xff")
	f.Fuzz(func(t *testing.T, s string) {
		token, err := parseToken(s)
		if err != nil {
			return
		}
		if token.Reveal() != s || len(token.id()) != idLen || strings.Contains(token.String(), s[idEnd:]) {
			t.Errorf("parseToken(%q) = %v", s, token)
		}
	})
}
