package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// askAll asks for recordings and returns what the client says of each, by model.
func (c replayClient) askAll(t *testing.T, url string, all []replayed) map[string]spoken {
	t.Helper()
	said := map[string]spoken{}
	if c.script == nil {
		for _, r := range all {
			s, err := c.ask(t.Context(), url, r.model, r.Stream)
			if err != nil {
				s.Error = goFault(err)
			}
			said[r.model] = s
		}
		return said
	}
	dir := filepath.Join("testdata", "clients")
	installFor(t, dir, c.script[0])
	type one struct {
		Model  string `json:"model"`
		Stream bool   `json:"stream"`
	}
	in := struct {
		URL   string `json:"url"`
		Key   string `json:"key"`
		Cases []one  `json:"cases"`
	}{URL: url, Key: "sk-any"}
	for _, r := range all {
		in.Cases = append(in.Cases, one{r.model, r.Stream})
	}
	stdin, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), c.script[0], c.script[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stderr = dir, append(os.Environ(), "PYTHONPATH=python"), bytes.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, &stderr)
	}
	for line := range bytes.Lines(out) {
		var s spoken
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatalf("%s printed %q: %v", cmd, line, err)
		}
		said[s.Model] = s
	}
	if len(said) != len(all) {
		t.Fatalf("%s answered %d of %d requests\n%s", cmd, len(said), len(all), &stderr)
	}
	return said
}
