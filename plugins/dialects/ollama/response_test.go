package ollama_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// TestResponses normalises testdata/response/*.in.json.
func TestResponses(t *testing.T) {
	for _, path := range dialecttest.Inputs(t, "testdata/response/*.in.json") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".in.json"), func(t *testing.T) {
			in, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := host.Response(t, 200, nil, string(in))
			dialecttest.ReadCompletion(t, got)
			dialecttest.Golden(t, strings.TrimSuffix(path, ".in.json")+".want.json", dialecttest.Indent(t, got))
		})
	}
}

// TestStreams plays testdata/stream/*.in.txt. The wanted file shows what every line gave.
func TestStreams(t *testing.T) {
	for _, path := range dialecttest.Inputs(t, "testdata/stream/*.in.txt") {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".in.txt"), func(t *testing.T) {
			in, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			p := host.Start(t, nil)
			var shown strings.Builder
			show := func(name string) {
				shown.WriteString("# " + name + "\n")
				for _, line := range p.Lines {
					shown.WriteString(line + "\n")
				}
				p.Lines = nil
			}
			for line := range strings.Lines(string(in)) {
				line = strings.TrimSuffix(line, "\n")
				p.Feed("", line)
				show(line)
			}
			p.End()
			show("penstock.end")
			dialecttest.Golden(t, strings.TrimSuffix(path, ".in.txt")+".want.txt", []byte(shown.String()))
		})
	}
}

func TestErrors(t *testing.T) {
	tests := []struct {
		status     int
		body       string
		wantText   string
		wantStatus int
	}{
		{404, `{"error":"model \"x\" not found"}`, `model "x" not found`, 404},
		{500, `{"data":"x"}`, "not in Ollama's format", 500},
		{200, `{"error":"out of memory"}`, "out of memory", 502},
		{200, `{"hello":"world"}`, "not in Ollama's format", 502},
		{200, `<html>hello</html>`, "not in Ollama's format", 502},
		{200, ``, "an empty body", 502},
		{503, `[1]`, "not in Ollama's format", 503},
	}
	for _, tt := range tests {
		got := dialecttest.ReadError(t, host.Response(t, tt.status, nil, tt.body))
		if !strings.Contains(got.Error.Message, tt.wantText) || got.Status != tt.wantStatus {
			t.Errorf("%d %s gave %+v, want %q, %d", tt.status, tt.body, got, tt.wantText, tt.wantStatus)
		}
	}
}
