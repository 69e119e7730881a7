package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// startTestMock serves a mock in this process and returns its address.
func startTestMock(t *testing.T) endpoint {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	m := &mock{replies: newCanned()}
	go m.accept(l)
	return endpoint{Addr: l.Addr().String(), Key: "none", PID: os.Getpid()}
}

func TestLoadAgainstMock(t *testing.T) {
	at := startTestMock(t)
	for _, w := range workloads() {
		if w.GatewayOnly {
			continue
		}
		t.Run(w.Name, func(t *testing.T) {
			r, measured := result{}, 50*time.Millisecond
			for r.Requests == 0 && r.Errors == 0 && measured < 4*time.Second { // a busy machine needs longer for the first answer
				measured *= 2
				r = loadOnce(t, w.job(at).at(0, measured))
			}
			if r.Requests == 0 || r.Errors != 0 {
				t.Errorf("%d requests, %d errors (%s), want some and none", r.Requests, r.Errors, r.FirstError)
			}
			if r.FirstByte <= 0 || r.P50 < r.FirstByte || r.P99 < r.P50 || r.Elapsed != measured || r.Memory.Now == 0 {
				t.Errorf("implausible result %+v", r)
			}
		})
	}
}

// loadOnce runs a job as the bench does, encoding the job and its result.
func loadOnce(t *testing.T, j job) (r result) {
	t.Helper()
	var in, out bytes.Buffer
	if err := json.NewEncoder(&in).Encode(j); err != nil {
		t.Fatal(err)
	}
	if err := runLoad(&in, &out); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestMockAnswersNetHTTP(t *testing.T) {
	at := startTestMock(t)
	for _, c := range []struct {
		path, body string
		status     int
		ends       string
		events     int
	}{
		{"/v1/chat/completions", `{"stream":false}`, 200, "}\n", 0},
		{"/v1/chat/completions", `{"stream": true}`, 200, doneFrame, streamChunks + 1},
		{"/v1/chat/completions", `{"stream":true,"stream_options":{"include_usage":true}}`, 200, doneFrame, streamChunks + 2},
		{"/v1/messages", `{}`, 200, "}", 0},
		{"/v1/messages", `{"stream":true}`, 200, "data: {\"type\":\"message_stop\"}\n\n", streamChunks + 6},
		{"/v1/models", ``, 200, "}", 0},
		{"/elsewhere", ``, 404, "}", 0},
	} {
		reply, err := http.Post("http://"+at.Addr+c.path, "application/json", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		if _, err := body.ReadFrom(reply.Body); err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		text := body.String()
		if reply.StatusCode != c.status || !strings.HasSuffix(text, c.ends) || strings.Count(text, "\n\n") != c.events {
			t.Errorf("POST %s %s = %d with %d events ending %q, want %+v", c.path, c.body, reply.StatusCode,
				strings.Count(text, "\n\n"), text[max(0, len(text)-40):], c)
		}
		if c.events == 0 && !json.Valid(body.Bytes()) {
			t.Errorf("POST %s: not JSON: %s", c.path, text)
		}
	}
}

func TestRepliesAreAsLargeAsTheTableSays(t *testing.T) {
	if n := len(chatReply()); n < 1500 || n > 1800 {
		t.Errorf("chat reply has %d bytes, want about 1,600", n)
	}
	if n := len(messagesReply()); n < 1400 || n > 1800 {
		t.Errorf("Anthropic message has %d bytes, want about 1,600", n)
	}
	if n := len(chatFrames(streamChunks)); n != streamChunks {
		t.Errorf("streamed reply has %d chunks, want %d", n, streamChunks)
	}
	for _, w := range workloads() {
		body, nonce := requestBody(w.Model, w.Stream)
		if len(body) < 1800 || len(body) > 2400 || !json.Valid([]byte(body)) || body[nonce:nonce+8] != nonceMark {
			t.Errorf("%s: request of %d bytes with nonce at %d, want about 2,000 bytes of JSON", w.Name, len(body), nonce)
		}
	}
}

// TestLoadCountsBadReplies checks that every kind of bad reply is counted as an error.
func TestLoadCountsBadReplies(t *testing.T) {
	stream := strings.Join(chatFrames(streamChunks), "")
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		stream  bool
		want    string
	}{
		"status": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) }, false, "status 503: no"},
		"short":  {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") }, false, "body of 2 bytes"},
		"other":  {func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, len(chatReply()))) }, false, "lacks"},
		"no end": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, stream, "data: [OVER]\n\n") }, true, "body ends"},
		"cut": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, stream)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, true, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(c.handler)
			defer srv.Close()
			w := workload{Model: modelPlain, Stream: c.stream, Clients: 1}
			r, err := w.job(endpoint{Addr: srv.Listener.Addr().String()}).at(0, 100*time.Millisecond).run()
			if err != nil {
				t.Fatal(err)
			}
			if r.Requests != 0 || r.Errors == 0 || !strings.Contains(r.FirstError, c.want) {
				t.Errorf("%d requests, %d errors, first %q, want errors with %q", r.Requests, r.Errors, r.FirstError, c.want)
			}
		})
	}
}

func TestLoadWantsTheHeader(t *testing.T) {
	var mu sync.Mutex
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if asked++; asked > 1 {
			w.Header().Set("X-Penstock-Cache", "hit")
		}
		fmt.Fprint(w, chatReply())
	}))
	defer srv.Close()
	j := workload{Model: modelCached}.job(endpoint{Addr: srv.Listener.Addr().String()})
	if err := probe(j); err == nil || !strings.Contains(err.Error(), "x-penstock-cache: hit") {
		t.Errorf("probe without the header = %v, want an error that names it", err)
	}
	if err := probe(j); err != nil {
		t.Errorf("probe with the header = %v", err)
	}
}

func TestRequestsDiffer(t *testing.T) {
	j := workload{Model: modelPlain}.job(endpoint{})
	seen := map[string]bool{}
	for i := range 3 {
		c := newClient(j, i, time.Time{}, time.Time{})
		for range 20 {
			c.vary()
			seen[string(c.request)] = true
			if !bytes.HasPrefix(c.request, []byte(j.Head)) || !json.Valid(c.request[len(j.Head):]) {
				t.Fatalf("broken request %s", c.request)
			}
		}
	}
	if len(seen) != 60 {
		t.Errorf("%d different requests, want 60", len(seen))
	}
}

func TestOnlyAnswersWhileMeasuringCount(t *testing.T) {
	from := time.Now()
	c := newClient(job{}, 0, from, from.Add(time.Second))
	for _, end := range []time.Duration{-time.Millisecond, 0, time.Second, time.Second + 1} {
		at := from.Add(end)
		c.note(at.Add(-time.Millisecond), at, at)
	}
	if len(c.whole) != 2 {
		t.Errorf("%d answers counted, want the 2 within", len(c.whole))
	}
}
