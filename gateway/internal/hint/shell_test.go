package hint

import (
	"os/exec"
	"testing"
)

func TestShellWord(t *testing.T) {
	for _, word := range []string{"penstock.yaml", "a b", "it's", `{"model":"x"}`, "$(rm)", "a\nb", "*", ""} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+ShellWord(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q is read as %q, %v", word, out, err)
		}
	}
}
