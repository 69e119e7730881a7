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

// Secret is a credential. It shows where it comes from, never what it is: printing
// it in any way, logging it or encoding it gives its reference. Only Reveal gives the
// value. The zero Secret means "none".
type Secret struct {
	ref string
	// value is a function because reflection, and with it every dumper and encoder,
	// can look through fields and pointers but not into a closure.
	value func() string
}

// Reveal returns the credential itself, for the place that sends it. It is empty for
// the zero Secret.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return s.value()
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.value == nil }

// Equal reports whether both hold the same credential, in constant time.
func (s Secret) Equal(t Secret) bool {
	return s.IsZero() == t.IsZero() && subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(t.Reveal())) == 1
}

// String is the reference, such as "env:OPENAI_API_KEY", or "[redacted]" for a value
// that was written in the file.
func (s Secret) String() string { return s.ref }

// GoString is String.
func (s Secret) GoString() string { return s.ref }

// Format writes String whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.ref) }

// MarshalText is String; encoding/json uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.ref), nil }

// MarshalYAML is String.
func (s Secret) MarshalYAML() (any, error) { return s.ref, nil }

// LogValue is String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.ref) }

// newSecret wraps a value under the reference it came from.
func newSecret(ref, value string) Secret {
	return Secret{ref: ref, value: func() string { return value }}
}

// resolve reads the secret that ref refers to. Files are relative to dir. Errors
// name the reference at most, and nothing of a text that may be the secret itself.
// Without getenv the secret is not read: its value is the reference.
func resolve(ref, dir string, getenv func(string) string) (Secret, error) {
	kind, name, _ := strings.Cut(ref, ":")
	switch {
	case (kind == "env" || kind == "file") && name != "" && getenv == nil:
		return newSecret(ref, ref), nil
	case kind == "env" && name != "":
		return fromEnv(ref, name, getenv)
	case kind == "file" && name != "":
		return fromFile(ref, inDir(dir, name))
	}
	return Secret{}, &hinted{"a secret cannot stand in the file itself",
		"put it in the environment and write env:NAME, or in a file and write file:PATH"}
}

func fromEnv(ref, name string, getenv func(string) string) (Secret, error) {
	if !isEnvName(name) {
		return Secret{}, &hinted{"what follows env: is not the name of an environment variable",
			"write env: and a name, such as env:OPENAI_API_KEY, not the value"}
	}
	value := strings.TrimSpace(getenv(name))
	if value == "" {
		return Secret{}, &hinted{fmt.Sprintf("the environment variable %s is not set", name),
			fmt.Sprintf("export %s=… before starting Penstock", name)}
	}
	return checked(ref, value)
}

func fromFile(ref, path string) (Secret, error) {
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
	return checked(ref, value)
}

// checked refuses values that could not be sent in a header.
func checked(ref, value string) (Secret, error) {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
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

// inDir makes a path that is written in the file relative to the file's folder.
func inDir(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
