package strategies

import (
	"os"
	"strings"
	"testing"
)

// TestREADMEListsTheStrategies compares README.md with the table.
func TestREADMEListsTheStrategies(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range Names() {
		if !strings.Contains(string(readme), "\n| `"+name+"` |") || !strings.Contains(string(readme), "\n- `"+name+"`: ") {
			t.Errorf("README.md lacks the settings of %s, or how it ranks", name)
		}
	}
}
