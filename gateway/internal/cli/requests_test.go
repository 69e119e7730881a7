package cli

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/server"
)

// runLine runs a command line against an admin API, without other environment.
func runLine(ctx context.Context, out *watched, args ...string) (code int, stderr string) {
	var errs bytes.Buffer
	code = Run(ctx, args, Environment{Getenv: func(string) string { return "" }, Stdout: out, Stderr: &errs})
	return code, errs.String()
}

// watched is an output that calls seen with all that was written so far.
type watched struct {
	mu   sync.Mutex
	text strings.Builder
	seen func(text string)
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	if w.seen != nil {
		w.seen(w.text.String())
	}
	return len(p), nil
}

const tailed = `{"id":"req_1","time":"2026-11-30T10:00:00Z","outcome":"ok","status":200,"model":"m\u001b[31m","target":"a/m","cost_usd":0.5,"input_tokens":3,"output_tokens":4,"duration_ms":120}`

// TestTailEndsWithItsContext has a gateway whose requests never end to come: Ctrl-C ends the
// command, with success.
func TestTailEndsWithItsContext(t *testing.T) {
	t.Parallel()
	var asked atomic.Value
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.String())
		fmt.Fprintf(w, "\n%s\n\n%s\n", tailed, tailed)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer api.Close()
	for output, want := range map[string]string{"json": tailed, "text": `200   m\u001b[31m → a/m  -  3+4 tokens  $0.5  120ms  req_1`} {
		ctx, stop := context.WithCancel(t.Context())
		out := &watched{seen: func(text string) {
			if strings.Count(text, "\n") == 2 {
				stop()
			}
		}}
		code, stderr := runLine(ctx, out, "requests", "tail", "--admin", api.URL, "--team", "search", "--tag", "a=b", "-o", output)
		stop()
		if code != 0 || stderr != "" || strings.Count(out.text.String(), want) != 2 {
			t.Errorf("%s: %d %s\n%s", output, code, stderr, out.text.String())
		}
		if asked.Load() != "/admin/v1/requests/live?tag=a%3Db&team=search" {
			t.Errorf("asked for %s", asked.Load())
		}
	}
}

func TestTailSaysWhyItEnds(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"\n": "the gateway has ended the connection",
		"\n" + `{"error":{"message":"Too many follow."}}` + "\n": "Too many follow.",
		"\nwhat?\n": "read the gateway's answer",
	} {
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
		code, stderr := runLine(t.Context(), new(watched), "requests", "tail", "--admin", api.URL)
		api.Close()
		if code != exitFault || !strings.Contains(stderr, want) {
			t.Errorf("%q: %d %s", body, code, stderr)
		}
	}
}

func TestRates(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 10, 1, 0, 0, time.UTC)
	row := func(ago time.Duration, outcome, target, usd string, took time.Duration) admin.RequestRow {
		r := admin.RequestRow{Time: now.Add(-ago - took), Outcome: outcome, Target: target, Duration: llm.Millis(took)}
		if usd != "" {
			r.CostUSD = "0.25"
		}
		return r
	}
	r := ratesOf([]admin.RequestRow{
		row(time.Second, "ok", "a/m", "0.25", time.Second), row(2*time.Second, "cached", "", "0.25", time.Millisecond),
		row(3*time.Second, "error", "a/m", "", 2*time.Second), row(2*time.Minute, "ok", "a/m", "0.25", time.Second),
	}, now, time.Minute)
	if r.span != time.Minute || r.all.requests != 3 || r.all.errors != 1 || r.all.cached != 1 || r.all.usd != 0.5 || r.all.p95() != llm.Millis(2*time.Second) || r.targets["a/m"].requests != 2 {
		t.Errorf("%+v %+v", r, r.all)
	}
	if new(rate).p95() != 0 {
		t.Error("no requests have a p95")
	}
	many := make([]admin.RequestRow, listPage)
	for i := range many {
		many[i] = row(time.Duration(i)*10*time.Millisecond, "ok", "a/m", "", 0)
	}
	if r := ratesOf(many, now, time.Minute); r.span != 9990*time.Millisecond || r.all.requests != listPage {
		t.Errorf("a full page covers %s with %d", r.span, r.all.requests)
	}
}

// TestTopFits has more targets than fit a terminal of 80 columns and 24 lines, with long names.
func TestTopFits(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	e := &environment{stdout: &out}
	f := topFrame{inflight: 12_345, waiting: 678, rates: rates{span: time.Minute, all: rate{requests: 1000, usd: 1234.5678}, targets: map[string]*rate{"busy/m": {requests: 3}}}}
	for i := range 30 {
		f.targets = append(f.targets, server.Target{Target: fmt.Sprintf("a-provider-%d/%s", i, strings.Repeat("long", 20)), Circuit: server.Circuit{State: "half-open"}})
	}
	f.targets = append(f.targets, server.Target{Target: "busy/m", Circuit: server.Circuit{State: "closed"}})
	if err := e.drawTop(f); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	for _, line := range lines {
		if n := len([]rune(line)); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if len(lines) > 23 || !strings.HasPrefix(lines[4], "busy/m ") || !strings.HasSuffix(out.String(), "… and 13 more targets\n") {
		t.Errorf("%d lines:\n%s", len(lines), out.String())
	}
}

// TestStyles has a terminal that shows styles, and one that does not.
func TestStyles(t *testing.T) {
	t.Parallel()
	for styled, want := range map[bool]string{
		false: "request  req_1\n├─ a   \\u001b[31m\n│      more\n└─ bc  d\n",
		true:  "\x1b[1mrequest\x1b[0m  req_1\n\x1b[2m├─ \x1b[0m\x1b[1ma\x1b[0m   \x1b[31m\\u001b[31m\x1b[0m\n\x1b[2m│  \x1b[0m    more\n\x1b[2m└─ \x1b[0m\x1b[1mbc\x1b[0m  d\n",
	} {
		var out bytes.Buffer
		to := newTerminal(&out)
		to.styled = styled
		tr := &tree{root: "req_1"}
		tr.line("a", "%s", "\x1b[31m")
		tr.mark(red)
		tr.line("", "more")
		tr.line("bc", "d")
		tr.block("none", "\n")
		if err := tr.print(to); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, out.String()); d != "" {
			t.Errorf("styled %t (-want +got):\n%s", styled, d)
		}
	}
}
