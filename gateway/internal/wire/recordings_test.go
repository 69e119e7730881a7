package wire

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// deviating are the providers whose recorded replies hold one of the deviations.
var deviating = map[string]bool{"mistral": true, "azure": true, "gpustack": true, "groq": true, "openrouter": true, "perplexity": true}

// TestRecordings reads every recorded reply in OpenAI's format, whoever sent it: it is
// whole and passes byte for byte, but for errors and for what the table of deviations
// mends.
func TestRecordings(t *testing.T) {
	all, mended := 0, 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
		return r.Endpoint == "chat.completions" && r.Status == http.StatusOK
	}) {
		all++
		got, err := recorded(t, rec)
		switch {
		case strings.Contains(rec.Path, "/errors/") || bytes.Contains(rec.Body, []byte(`"error":{`)) || bytes.Contains(rec.Body, []byte(`"error": {`)):
			if err == nil && !bytes.Equal(got, rec.Body) {
				t.Errorf("%s: an error came as\n%s", rec.Path, got)
			}
		case err != nil:
			t.Errorf("%s: %v", rec.Path, err)
		case bytes.Equal(bytes.TrimSuffix(got, terminator.Frame), bytes.TrimSuffix(rec.Body, terminator.Frame)): // some leave the terminator out
		case !deviating[rec.Provider]:
			t.Errorf("%s came as\n%s\nwant\n%s", rec.Path, got, rec.Body)
		default:
			mended++
		}
	}
	t.Logf("%d recordings, %d of them mended", all, mended)
}

// TestRecordingsCut cuts recorded streams at many places: one that is cut before its
// finish reason is never whole.
func TestRecordingsCut(t *testing.T) {
	reason := regexp.MustCompile(`"finish_reason": ?"`)
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool {
		return r.Endpoint == "chat.completions" && r.Status == http.StatusOK && r.Stream
	}) {
		for at := 0; at < len(rec.Body); at += 1 + len(rec.Body)/50 {
			part := *rec
			part.Body = rec.Body[:at]
			if got, err := recorded(t, &part); err == nil && !reason.Match(part.Body) {
				t.Errorf("%s cut after %d bytes came as\n%s", rec.Path, at, got)
			}
		}
	}
}

// recorded is what a client that wants usage gets of a recording.
func recorded(t *testing.T, rec *llmtest.Recorded) ([]byte, error) {
	t.Helper()
	kind := "application/json"
	if rec.Stream {
		kind = "text/event-stream"
	}
	a := answer(http.StatusOK, kind, "")
	a.Body = io.NopCloser(bytes.NewReader(rec.Body))
	req := &llm.Request{Facts: llm.Facts{Stream: rec.Stream, IncludeUsage: true, Choices: 1}}
	s, err := dialects().Read(t.Context(), exchange(req), a)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var got bytes.Buffer
	for {
		ev, err := s.Next()
		if err != nil {
			return got.Bytes(), err
		}
		if !ev.Hidden {
			got.Write(ev.Frame)
		}
		if ev.Final {
			return got.Bytes(), nil
		}
	}
}
