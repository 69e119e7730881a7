package server

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// noting has the ledger show the records of copies as they are written.
func (h *testServer) noting() chan *llm.Record {
	records := make(chan *llm.Record, 1000)
	sn := h.snapshot.Load()
	sn.pipeline.Ledger = keeping{sn.pipeline.Ledger, records}
	return records
}

// copyOf waits for the record of a request's copy.
func copyOf(t *testing.T, records chan *llm.Record, id string) *llm.Record {
	t.Helper()
	for {
		select {
		case r := <-records:
			if r.MirrorOf == id {
				return r
			}
		case <-t.Context().Done():
			t.Fatal("there is no record of the copy")
		}
	}
}

// TestMirror copies requests of every client, plain and streamed, to targets of every format.
// The copies have their own records, which are nobody's.
func TestMirror(t *testing.T) {
	var models strings.Builder
	for _, f := range llmtest.Clients() {
		name := strings.ToLower(f.Name)
		fmt.Fprintf(&models, "  to-%s: {targets: [chat/live], mirror: {target: {target: %[1]s/shadow, price: {input: 1, output: 2}}}}\n", name)
		fmt.Fprintf(&models, "  use-%s: {targets: [chat/live], mirror: {use: other-%[1]s}}\n  other-%[1]s: {router: cost, targets: [{target: %[1]s/dear, price: {input: 9, output: 9}}, {target: %[1]s/shadow, price: {input: 1, output: 2}}]}\n", name)
	}
	h := openTestServer(t, llmtest.Handler(llmtest.Model()), providersOfEach+"models:\n"+models.String())
	records := h.noting()
	n := 0
	for _, client := range llmtest.Clients() {
		for _, shadow := range llmtest.Clients() {
			for _, stream := range []bool{false, true} {
				for _, how := range []string{"to-", "use-"} {
					n++
					model := how + strings.ToLower(shadow.Name)
					seen, r := h.askAs(t, client, model, stream)
					if seen.Text != llmtest.ModelText || r.Target != "chat/live" || r.Mirrored == nil || r.Mirrored.ID != r.ID+"_mirror" {
						t.Fatalf("%s asked %s: %q from %s, %+v", client.Name, model, seen.Text, r.Target, r.Mirrored)
					}
					c := copyOf(t, records, r.ID)
					want := strings.ToLower(shadow.Name) + "/shadow"
					if c.Target != want || c.Status != 200 || c.Stream != stream || c.Usage.Output == 0 || c.Cost == 0 || c.ID != r.Mirrored.ID || len(c.Charges) > 0 {
						t.Errorf("%s asked %s, stream %t: the copy's record is %+v", client.Name, model, stream, c)
					}
					if c.KeyID+c.Team+c.User+c.Session != "" || c.Tags[llm.MirrorTag] != model || c.Route != "mirror:"+model {
						t.Errorf("the copy is %s %s %s %s, tags %v, route %s", c.KeyID, c.Team, c.User, c.Session, c.Tags, c.Route)
					}
				}
			}
		}
	}
	if s := h.health.Stats("generatecontent/shadow"); s.Samples == 0 || s.TTFT == 0 {
		t.Errorf("the shadow's statistics are %+v", s)
	}
	h.Server.snapshot.Load().pipeline.Close() // all are written
	report, err := h.ledger.Spend(t.Context(), ledger.Query{By: []string{"tag:" + llm.MirrorTag}, Where: map[string]string{"team": ""}})
	if err != nil || len(report.Rows) != 9 || report.Total.Requests != int64(2*n) {
		t.Errorf("spend by the tag: %+v, %v", report, err)
	}
}

// TestMirrorSkips copies no request that would do more than ask a model, nor one that the policy
// keeps from the target, nor in a dry run.
func TestMirrorSkips(t *testing.T) {
	var asked []string
	up := llmtest.NewServer(t, llmtest.Model())
	config := strings.ReplaceAll(providersOfEach, "$UPSTREAM", up.URL) + `
models:
  m: {targets: [chat/live], mirror: {target: chat/shadow}}
  own: {targets: [responses/live], mirror: {target: responses/shadow}}
  rare: {targets: [chat/live], mirror: {target: chat/shadow, share: 0.000000001%}}
`
	h := openTestServer(t, http.NotFoundHandler(), config)
	records := h.noting()
	for body, why := range map[string]string{
		`{"model":"m","messages":[{"role":"user","content":"hi"}],"store":true}`:                                                                            "store",
		`{"model":"m","messages":[{"role":"user","content":"hi"}],"web_search_options":{}}`:                                                                 "web",
		`{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/x.png"}}]}]}`:                       "a remote image",
		`{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"data:application/pdf;base64,aGk=","filename":"a.pdf"}}]}]}`: "a file",
		`{"model":"rare","messages":[{"role":"user","content":"hi"}]}`:                                                                                      "",
	} {
		resp, got := h.post(t, body)
		if resp.StatusCode != 200 {
			t.Errorf("%s: %d %s", body, resp.StatusCode, got)
			continue
		}
		r := h.record(t, resp)
		if why == "" && r.Mirrored != nil || why != "" && (r.Mirrored == nil || !strings.Contains(r.Mirrored.Skipped, why) || r.Mirrored.ID != "") {
			t.Errorf("%s: mirrored %+v, want it skipped because of %q", body, r.Mirrored, why)
		}
	}
	for _, body := range []string{`{"model":"m","input":"hi","background":true}`, `{"model":"m","input":"hi","tools":[{"type":"code_interpreter","container":{"type":"auto"}}]}`, `{"model":"m","input":"hi","previous_response_id":"x"}`} {
		if resp, _ := h.postTo(t, "/responses", body); resp.StatusCode == 200 && h.record(t, resp).Mirrored.ID != "" {
			t.Errorf("%s was copied", body)
		}
	}
	resp, _ := h.postTo(t, "/responses", `{"model":"own","input":"hi"}`)
	copyOf(t, records, h.record(t, resp).ID)
	stored := 0
	for _, r := range up.Requests() {
		if strings.HasSuffix(r.Path, "/responses") && !strings.Contains(string(r.Body), `"store":false`) {
			stored++
			continue
		}
		if strings.HasSuffix(r.Path, "/responses") {
			continue // the copy
		}
		asked = append(asked, string(r.Body))
		if strings.Contains(string(r.Body), "shadow") {
			t.Errorf("a copy was sent: %s", r.Body)
		}
	}
	if stored != 1 {
		t.Errorf("%d requests may be stored by the provider, want the original only", stored)
	}
	if len(asked) == 0 {
		t.Error("no request was served")
	}
	dry, err := h.Explain(t.Context(), []byte(`{"model":"m","messages":[{"role":"user","content":"hi"}]}`), admin.Asker{})
	if err != nil || dry.Mirrored == nil || !strings.Contains(dry.Mirrored.Skipped, "dry run") {
		t.Errorf("a dry run: %+v, %v", dry.Mirrored, err)
	}
}

// TestMirrorPolicy obeys the policy's rules about targets and logging.
func TestMirrorPolicy(t *testing.T) {
	up := llmtest.NewServer(t, llmtest.Model())
	dir := t.TempDir()
	h := openTestServerIn(t, dir, http.NotFoundHandler(), strings.ReplaceAll(providersOfEach, "$UPSTREAM", up.URL)+`
policies: .
models:
  denied: {targets: [chat/live], mirror: {target: messages/shadow}}
  used: {targets: [chat/live], mirror: {use: shadows}}
  shadows: {targets: [messages/shadow]}
  quiet: {targets: [chat/live], mirror: {target: chat/shadow}}
`, func() {
		rules := `package penstock
obligations["deny_targets"] := ["messages/*"]
obligations["log"] := "none" if input.request.model == "quiet"
`
		if err := os.WriteFile(filepath.Join(dir, "rules.rego"), []byte(rules), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	records := h.noting()
	resp, _ := h.post(t, `{"model":"denied","messages":[{"role":"user","content":"hi"}]}`)
	if r := h.record(t, resp); r.Mirrored == nil || !strings.Contains(r.Mirrored.Skipped, "denied by the policy") {
		t.Errorf("mirrored %+v", r.Mirrored)
	}
	resp, _ = h.post(t, `{"model":"used","messages":[{"role":"user","content":"hi"}]}`)
	if c := copyOf(t, records, h.record(t, resp).ID); c.Status != 400 || !strings.Contains(c.Error, "denied by the policy") {
		t.Errorf("the copy: %+v", c)
	}
	resp, _ = h.post(t, `{"model":"quiet","messages":[{"role":"user","content":"hi"}],"user":"me"}`)
	if c := copyOf(t, records, h.record(t, resp).ID); c.Status != 200 || c.Attempts != nil || c.Usage.Output == 0 {
		t.Errorf("the copy, unlogged: %+v", c)
	}
	for _, r := range up.Requests() {
		if strings.HasSuffix(r.Path, "/messages") {
			t.Errorf("a denied target was asked: %s", r.Body)
		}
	}
}

// TestMirrorIsNotWaitedFor has a shadow hang: callers get their answers, copies are bounded, and
// closing the server ends them.
func TestMirrorIsNotWaitedFor(t *testing.T) {
	for _, stream := range []bool{false, true} {
		begun := make(chan struct{}, 10)
		h := openTestServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/shadow") {
				begun <- struct{}{}
				_, _ = io.Copy(io.Discard, r.Body) // or the end of the connection goes unnoticed
				llmtest.Handler(llmtest.Stall()).ServeHTTP(w, r)
				return
			}
			llmtest.Handler(llmtest.Model()).ServeHTTP(w, r)
		}), `
keys: off
providers:
  up: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}
  shadow: {dialect: openai, base_url: $UPSTREAM/shadow, allow_private: true, api_key: env:TEST_KEY}
models: {m: {targets: [up/x], mirror: {target: shadow/x, max_inflight: 2}}}
`)
		records := h.noting()
		var skipped int
		for range 5 {
			resp, got := h.post(t, fmt.Sprintf(`{"model":"m","stream":%t,%s}`, stream, hello))
			if resp.StatusCode != 200 || !strings.Contains(string(got), "company") {
				t.Fatalf("%d %s", resp.StatusCode, got)
			}
			if r := h.record(t, resp); strings.Contains(r.Mirrored.Skipped, "2 copies are under way") {
				skipped++
			}
		}
		if skipped != 3 {
			t.Errorf("%d of 5 copies were left out, want 3", skipped)
		}
		<-begun
		<-begun
		h.snapshot.Load().pipeline.Close()
		canceled := 0
		for len(records) > 0 {
			if r := <-records; r.MirrorOf != "" && r.Status == 499 {
				canceled++
			}
		}
		if canceled != 2 {
			t.Errorf("%d copies were canceled, want 2", canceled)
		}
		if resp, _ := h.post(t, `{"model":"m",`+hello+`}`); !strings.Contains(h.record(t, resp).Mirrored.Skipped, "stopping") {
			t.Errorf("a copy was begun after the end: %+v", h.record(t, resp).Mirrored)
		}
	}
}

// TestMirrorTimeout ends a copy whose target takes too long, and records that.
func TestMirrorTimeout(t *testing.T) {
	h := openTestServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		step := llmtest.Model()
		if strings.HasPrefix(r.URL.Path, "/shadow") {
			_, _ = io.Copy(io.Discard, r.Body)
			step = llmtest.Stall()
		}
		llmtest.Handler(step).ServeHTTP(w, r)
	}), `
keys: off
providers:
  up: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_key: env:TEST_KEY}
  shadow: {dialect: openai, base_url: $UPSTREAM/shadow, allow_private: true, api_key: env:TEST_KEY}
models: {m: {targets: [up/x], mirror: {target: shadow/x, timeout: 50ms}}}
`)
	records := h.noting()
	resp, _ := h.post(t, `{"model":"m",`+hello+`}`)
	if c := copyOf(t, records, h.record(t, resp).ID); c.Status != 504 || c.Duration < llm.Millis(50*time.Millisecond) {
		t.Errorf("status %d after %s: %s", c.Status, time.Duration(c.Duration), c.Error)
	}
}
