package config

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// maxSecret bounds a secret's length in bytes.
const maxSecret = 64 << 10

// Secret is a credential. Printing, logging or encoding it writes its reference, never its
// value, which only Reveal returns. The zero Secret means "none".
type Secret struct {
	ref string
	// value is a function because reflection, and with it every dumper and encoder, reads
	// fields and pointers but not closures.
	value func() string
}

// Reveal returns the credential itself, to be sent. It is empty for the zero Secret.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return s.value()
}

// IsZero reports whether s is the zero Secret.
func (s Secret) IsZero() bool { return s.value == nil }

// Equal reports whether both hold the same credential, in constant time.
func (s Secret) Equal(t Secret) bool {
	return s.IsZero() == t.IsZero() && subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(t.Reveal())) == 1
}

// String returns the reference, such as "env:OPENAI_API_KEY", or "[redacted]" for a value
// that was written in the file.
func (s Secret) String() string { return s.ref }

// GoString returns String.
func (s Secret) GoString() string { return s.ref }

// Format writes String for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.ref) }

// MarshalText returns String; encoding/json calls it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.ref), nil }

// MarshalYAML returns String.
func (s Secret) MarshalYAML() (any, error) { return s.ref, nil }

// LogValue returns String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.ref) }

// newSecret wraps a value under the reference it came from.
func newSecret(ref, value string) Secret {
	return Secret{ref: ref, value: func() string { return value }}
}

// resolve reads the secret that ref refers to. Files are relative to dir. Errors quote
// nothing that may be the secret itself. If getenv is nil the secret is not read: its
// value is the reference. With lines, it may have line breaks.
func resolve(ref, dir string, getenv func(string) string, lines bool) (Secret, error) {
	kind, name, _ := strings.Cut(ref, ":")
	switch {
	case (kind == "env" || kind == "file") && name != "" && getenv == nil:
		return newSecret(ref, ref), nil
	case kind == "env" && name != "":
		return fromEnv(ref, name, getenv, lines)
	case kind == "file" && name != "":
		return fromFile(ref, inDir(dir, name), lines)
	}
	return Secret{}, &hintedError{"a secret must not be in the file itself",
		"put it in the environment and write env:NAME, or in a file and write file:PATH"}
}

func fromEnv(ref, name string, getenv func(string) string, lines bool) (Secret, error) {
	if !isEnvName(name) {
		return Secret{}, &hintedError{"what follows env: is not the name of an environment variable",
			"write env: and a name, such as env:OPENAI_API_KEY, not the value"}
	}
	value := strings.TrimSpace(getenv(name))
	if value == "" {
		return Secret{}, &hintedError{fmt.Sprintf("the environment variable %s is not set", name),
			fmt.Sprintf("export %s=… before starting Penstock", name)}
	}
	return checked(ref, value, lines)
}

func fromFile(ref, path string, lines bool) (Secret, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Secret{}, fmt.Errorf("the secret's file cannot be read: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecret {
		return Secret{}, fmt.Errorf("the secret's file must be a regular file of at most %d bytes", maxSecret)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return Secret{}, fmt.Errorf("the secret's file cannot be read: %w", err)
	}
	value := strings.TrimSpace(string(raw))
	if value == "" {
		return Secret{}, fmt.Errorf("the secret's file is empty")
	}
	return checked(ref, value, lines)
}

// checked rejects values that cannot be sent in a header.
func checked(ref, value string, lines bool) (Secret, error) {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' && !(lines && (c == '\n' || c == '\r')) || c == 0x7f {
			return Secret{}, fmt.Errorf("%s holds a control character and cannot be sent in a header", ref)
		}
	}
	return newSecret(ref, value), nil
}

func isEnvName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// inDir resolves a path in the configuration relative to the folder of its file.
func inDir(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
