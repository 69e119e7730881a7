package compiler

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
)

func TestWithoutAHomeTheLogSaysWhatToSet(t *testing.T) {
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	var log bytes.Buffer
	host, err := OpenHost(func(string) string { return "" }, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close(context.WithoutCancel(t.Context()))
	if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "set PENSTOCK_CACHE_DIR") {
		t.Errorf("the log says %q, want one line that names PENSTOCK_CACHE_DIR", log.String())
	}
}
