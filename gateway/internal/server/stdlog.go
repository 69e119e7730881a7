package server

import (
	"io"
	"log"
	"log/slog"
	"strings"
)

// redirectStandardLog passes what libraries write to the standard logger to ours, without
// what they quote: net/http quotes unsolicited replies, which are somebody's text. It
// returns a function that undoes this.
func redirectStandardLog(to *slog.Logger) (restore func()) {
	old, flags := log.Writer(), log.Flags()
	log.SetFlags(0)
	log.SetOutput(standardLog{to})
	return func() {
		log.SetOutput(old)
		log.SetFlags(flags)
	}
}

type standardLog struct{ to *slog.Logger }

var _ io.Writer = standardLog{}

// Write logs one message up to its first quote.
func (w standardLog) Write(p []byte) (int, error) {
	message, _, _ := strings.Cut(string(p), `"`)
	w.to.Warn(strings.TrimSpace(message))
	return len(p), nil
}
