package llmtest_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ask posts to the server and reads all that arrives.
func ask(t *testing.T, s *llmtest.Server) (status int, body string, err error) {
	t.Helper()
	return post(t, s.URL+"/v1/chat?x=1", `{"a":1}`)
}

// postTo is post for a reply that may end in an error.
func postTo(t *testing.T, url, request string) (status int, body string) {
	t.Helper()
	status, body, _ = post(t, url, request)
	return status, body
}

// post posts on a new connection.
func post(t *testing.T, url, request string) (status int, body string, err error) {
	t.Helper()
	tr := &http.Transport{DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func TestScript(t *testing.T) {
	s := llmtest.NewServer(t, llmtest.JSON(503, "busy"), llmtest.SSE("a", "[DONE]"))
	for _, want := range []struct {
		status int
		body   string
	}{{503, "busy"}, {200, "data: a\n\ndata: [DONE]\n\n"}, {200, "data: a\n\ndata: [DONE]\n\n"}} {
		status, body, err := ask(t, s)
		if status != want.status || body != want.body || err != nil {
			t.Errorf("reply = %d %q, %v, want %d %q", status, body, err, want.status, want.body)
		}
	}
	seen := s.Requests()
	if len(seen) != 3 {
		t.Fatalf("%d requests seen, want 3", len(seen))
	}
	if r := seen[0]; r.Method != "POST" || r.Path != "/v1/chat" || r.Query != "x=1" || string(r.Body) != `{"a":1}` {
		t.Errorf("first request = %+v", r)
	}
}

func TestFaultSteps(t *testing.T) {
	tests := []struct {
		name string
		step llmtest.Step
		body string
		err  error
	}{
		{"reset", llmtest.Reset(), "", syscall.ECONNRESET},
		{"cut", llmtest.Steps(llmtest.SSE("a"), llmtest.Cut()), "data: a\n\n", io.ErrUnexpectedEOF},
		{"cut after bytes", llmtest.CutAfter(12, llmtest.SSE("a", "b")), "data: a\n\ndat", io.ErrUnexpectedEOF},
		{"wrong length", llmtest.WrongLength(10, "{}"), "{}", io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, body, err := ask(t, llmtest.NewServer(t, tt.step))
			if body != tt.body || !errors.Is(err, tt.err) {
				t.Errorf("reply = %q, %v, want %q, %v", body, err, tt.body, tt.err)
			}
		})
	}
	if _, _, err := ask(t, llmtest.NewServer(t, llmtest.Garbage("SSH-2.0-x\r\n"))); err == nil {
		t.Error("garbage is read as HTTP")
	}
}

func TestWaitIsAGate(t *testing.T) {
	gate, reached := make(chan struct{}), make(chan struct{})
	s := llmtest.NewServer(t, llmtest.Steps(llmtest.SSE("a"), llmtest.Signal(reached), llmtest.Wait(gate), llmtest.Data("b")))
	go func() {
		<-reached
		close(gate)
	}()
	if _, body, err := ask(t, s); body != "data: a\n\ndata: b\n\n" || err != nil {
		t.Errorf("reply = %q, %v", body, err)
	}
}

func TestReplayIsTheRecording(t *testing.T) {
	n := 0
	for rec := range llmtest.Recordings(t, func(r *llmtest.Recorded) bool { return r.Provider == "groq" || r.Framing != "" }) {
		status, body, err := ask(t, llmtest.NewServer(t, llmtest.Replay(rec, 7)))
		if status != rec.Status || !bytes.Equal([]byte(body), rec.Body) || err != nil {
			t.Errorf("%s: status %d, %d bytes, %v, want status %d, %d bytes", rec.Path, status, len(body), err, rec.Status, len(rec.Body))
		}
		if again := llmtest.Recording(t, rec.Path); !cmp.Equal(again, rec) {
			t.Errorf("Recording(%q) differs from what Recordings yields", rec.Path)
		}
		n++
	}
	if n == 0 {
		t.Error("no recording was replayed")
	}
}
