package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/cli"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// TestStop ends a gateway while a stream is under way. Within the grace the stream
// is finished; beyond it, the caller gets an error in the stream. Either way the
// request is booked and the command ends well.
func TestStop(t *testing.T) {
	tests := []struct {
		name, grace string
		finish      bool
		want        string
		status      int
	}{
		{"the stream ends within the grace", "30s", true, "data: [DONE]", 200},
		{"the stream outlasts the grace", "50ms", false, "shutting down", 503},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			gate := make(chan struct{})
			frames := llmtest.Chat{Text: "one two three"}.OpenAIChunks(true)
			up := httptest.NewServer(readFirst(llmtest.Handler(llmtest.Steps(
				llmtest.Frames(frames[:2]...), llmtest.Wait(gate), llmtest.Frames(frames[2:]...)))))
			defer up.Close()
			api := freeAddress()
			path := filepath.Join(t.TempDir(), "penstock.yaml")
			text := fmt.Sprintf(`
listen: %s
admin: {listen: "127.0.0.1:0"}
keys: off
server: {grace: %s}
providers: {up: {dialect: openai, base_url: %s, allow_private: true}}
models: {m: {targets: [up/m]}}
ledger: sqlite://penstock.db
`, api, tt.grace, up.URL)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			output, input := io.Pipe()
			ended := make(chan int, 1)
			env := cli.Environment{Getenv: testEnv(t), Stdout: input, Stderr: testLog{t}}
			go func() { ended <- cli.Run(ctx, []string{"serve", "-c", path}, env) }()
			lines := bufio.NewReader(output)
			if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, "penstock ready") {
				t.Fatalf("serve printed %q, %v", line, err)
			}
			go io.Copy(io.Discard, lines) // ends with the test: nobody closes the pipe

			resp, err := http.Post("http://"+api+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"m","stream":true,`+hello+`}`))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body := bufio.NewReader(resp.Body)
			if _, err := body.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			stop() // what SIGTERM does
			if tt.finish {
				close(gate)
			}
			rest, err := io.ReadAll(body)
			if err != nil || !strings.Contains(string(rest), tt.want) || tt.finish == strings.Contains(string(rest), `"error"`) {
				t.Errorf("the stream went on with %q, %v; want %q", rest, err, tt.want)
			}
			if code := <-ended; code != 0 {
				t.Errorf("serve ended with %d, want 0", code)
			}
			if !tt.finish {
				close(gate)
			}
			checkBooked(t, path, resp.Header.Get("X-Penstock-Request-Id"), tt.status)
		})
	}
}

// A gateway that is stopped while it starts ends well.
func TestStopWhileStarting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "penstock.yaml")
	text := "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\nkeys: off\nmodels: {demo: {targets: [demo/demo]}}\nserver: {drain_delay: 0s}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	env := cli.Environment{Getenv: testEnv(t), Stdout: io.Discard, Stderr: testLog{t}}
	if code := cli.Run(ctx, []string{"serve", "-c", path}, env); code != 0 {
		t.Errorf("serve ended with %d, want 0", code)
	}
}

// readFirst reads a request's body before it is answered: only then does a server
// notice that its caller has gone.
func readFirst(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		h.ServeHTTP(w, r)
	})
}

func checkBooked(t *testing.T, config, id string, status int) {
	t.Helper()
	l, err := ledger.Open(t.Context(), "sqlite://"+filepath.Join(filepath.Dir(config), "penstock.db"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := l.Get(t.Context(), id)
	if err != nil || r.Status != status {
		t.Errorf("booked %+v, %v; want status %d", r, err, status)
	}
}
