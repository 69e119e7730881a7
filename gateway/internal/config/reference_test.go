package config

import (
	"strings"
	"testing"
	"time"
)

// The reference has every section once, with values, defaults and descriptions.
func TestReference(t *testing.T) {
	page, err := Reference()
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for _, want := range []string{
		"| `listen` | text | `127.0.0.1:8080` | The address of the API",
		"| `keys` | `required`, `optional`, `off` | `required` |",
		"| `sums` | such as `15s`", "| `3y` |", "\n## `providers.NAME`\n", "\n## `models.NAME.targets[]`\n", "\n## `plugins.NAME`\n",
		"| `domains` | list: such as `ai.example.com` |", "| `file` | text | required |", "see `models.NAME.targets[]`",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the reference lacks %q", want)
		}
	}
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "## ") && seen[line] {
			t.Errorf("the section %s is there twice", line)
		}
		seen[line] = strings.HasPrefix(line, "## ")
		if strings.HasPrefix(line, "| `") && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != 5 {
			t.Errorf("the row has not four cells: %s", line)
		}
		if strings.HasPrefix(line, "| `") && strings.HasSuffix(line, "|  |\n") {
			t.Errorf("the setting has no description: %s", line)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{"3y": 3 * year, "90d": 90 * day, "1h": time.Hour, "10m": 10 * time.Minute, "1h30m": 90 * time.Minute, "300ms": 300 * time.Millisecond, "12s": 12 * time.Second} {
		if got := formatDuration(d); got != want {
			t.Errorf("formatDuration(%v) = %s, want %s", d, got, want)
		}
		if back, err := parseDuration(want); err != nil || back != d {
			t.Errorf("parseDuration(%s) = %v, %v", want, back, err)
		}
	}
}
