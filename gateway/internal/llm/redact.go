package llm

import (
	"encoding/json"
	"regexp"
	"strings"
)

// Redact masks what may identify somebody or open something in a JSON text, or in the beginning
// of one: in its strings as RedactText does, and numbers of nine digits or more. It stays JSON.
func Redact(body string) string {
	var out strings.Builder
	for body != "" {
		start := strings.IndexByte(body, '"')
		if start < 0 {
			out.WriteString(longNumber.ReplaceAllString(body, "0"))
			break
		}
		out.WriteString(longNumber.ReplaceAllString(body[:start], "0"))
		size := stringLength(body[start:])
		out.WriteString(redactString(body[start : start+size]))
		body = body[start+size:]
	}
	return out.String()
}

// stringLength returns the length of the JSON string that s begins with, or of s if it does not
// end.
func stringLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// redactString redacts one JSON string, which may have been cut.
func redactString(quoted string) string {
	var text string
	if json.Unmarshal([]byte(quoted), &text) != nil {
		return `"` + RedactText(quoted[1:])
	}
	redacted := RedactText(text)
	if redacted == text {
		return quoted
	}
	again, err := json.Marshal(redacted)
	if err != nil {
		return `""`
	}
	return string(again)
}

var (
	longNumber = regexp.MustCompile(`-?\d{9,}(\.\d+)?`)
	// secretText finds private keys, well-known forms of credentials, what follows "Bearer" or a
	// word such as password, and long runs of characters, which may be encoded.
	secretText = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)` +
		`|(?:sk|pk|rk|gsk|xai|hf|gh[pousr]|xox[abprs]|glpat|eyJ|AIza|AKIA|ASIA)[-_]?[A-Za-z0-9_.-]{12,}` +
		`|(?i:bearer)\s+[A-Za-z0-9._~+/=-]{8,}` +
		`|(?i:password|passwd|passphrase|secret|token|api[-_ ]?key)["']?\s*[:=]\s*["']?[^\s"',;]{4,}` +
		`|://[^/\s"'@:]+:[^/\s"'@]+@` +
		`|[A-Za-z0-9+/_=-]{32,}`)
	emailText = regexp.MustCompile(`[\p{L}0-9._%+-]+@[\p{L}0-9-]+(?:\.[\p{L}0-9-]+)+`)
	// ibanText and numberText find account, card, telephone and identity numbers: nine digits or
	// more, with the marks that people put between them.
	ibanText   = regexp.MustCompile(`[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?`)
	numberText = regexp.MustCompile(`\+?\(?\d(?:[ ./()-]{0,2}\d){8,}`)
)

// maxErrorText bounds what RedactError returns, in bytes.
const maxErrorText = 1 << 10

// RedactError is RedactText for the words of a provider, which may quote a request: it also cuts
// them after a kilobyte.
func RedactError(text string) string {
	text = RedactText(text[:min(len(text), MaxText)])
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "…"
	}
	return text
}

// RedactText replaces what may be a credential by [secret], addresses by [email], and numbers of
// nine digits or more by [number]. It knows forms and not meanings: names stay.
func RedactText(text string) string {
	text = secretText.ReplaceAllString(text, "[secret]")
	text = emailText.ReplaceAllString(text, "[email]")
	text = ibanText.ReplaceAllString(text, "[number]")
	return numberText.ReplaceAllString(text, "[number]")
}
