package cli

import (
	"net"
	"os/exec"
	"testing"
)

func TestReachable(t *testing.T) {
	for in, want := range map[string]string{
		"[::]:8080":      "http://localhost:8080",
		"0.0.0.0:80":     "http://localhost:80",
		"127.0.0.1:1":    "http://127.0.0.1:1",
		"[::1]:1":        "http://[::1]:1",
		"192.0.2.1:8080": "http://192.0.2.1:8080",
	} {
		addr, err := net.ResolveTCPAddr("tcp", in)
		if err != nil {
			t.Fatal(err)
		}
		if got := reachable(addr.String(), false); got != want {
			t.Errorf("reachable(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestShellWord(t *testing.T) {
	for _, word := range []string{"penstock.yaml", "a b", "it's", `{"model":"x"}`, "$(rm)", "a\nb", "*", ""} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+shellWord(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q is read as %q, %v", word, out, err)
		}
	}
}
