package intake_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// badRecordings are requests that were recorded for being wrong; none of the chat
// ones is so wrong that Scan must refuse it.
var badRecordings = map[string]string{}

// TestScanRecordings reads every recorded chat-completions request.
func TestScanRecordings(t *testing.T) {
	root := filepath.Join(repository(t), "..", "shared", "recordings")
	if _, err := os.Stat(root); err != nil {
		t.Skip("no recordings beside the repository")
	}
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasPrefix(d.Name(), "chat.completions__") {
			return err
		}
		seen++
		name, _ := filepath.Rel(root, path)
		t.Run(name, func(t *testing.T) { scanRecording(t, path, badRecordings[name]) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d recorded requests", seen)
	if seen == 0 {
		t.Error("no chat-completions recording found")
	}
}

func scanRecording(t *testing.T, path, bad string) {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Body string `json:"request_body"`
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	facts, _, err := intake.Scan([]byte(r.Body), intake.Options{})
	switch {
	case bad != "" && err == nil:
		t.Errorf("passed, though it is %s", bad)
	case bad == "" && err != nil:
		t.Errorf("Scan: %v\n%s", err, r.Body)
	case err == nil:
		agree(t, []byte(r.Body), facts)
	}
}

// repository walks up to the folder that holds go.mod.
func repository(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = parent
	}
}
