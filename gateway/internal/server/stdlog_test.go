package server

import (
	"bytes"
	"log"
	"log/slog"
	"strings"
	"testing"
)

func TestStandardLogQuotesNothing(t *testing.T) {
	var b bytes.Buffer
	restore := redirectStandardLog(slog.New(slog.NewTextHandler(&b, nil)))
	log.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=%v", "canary", nil)
	restore()
	if got := b.String(); strings.Contains(got, "canary") || !strings.Contains(got, "level=WARN") || !strings.Contains(got, "Unsolicited response") {
		t.Errorf("logged %q, want the message without what it quotes", got)
	}
}
