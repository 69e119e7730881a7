package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// inTurn answers the n-th request, counted from 0, with a step of its own, the last one all
// further ones.
func inTurn(steps ...llmtest.Step) (http.Handler, func() int) {
	return turns(func(n int, r *http.Request) llmtest.Step {
		_, _ = io.Copy(io.Discard, r.Body) // only then is a broken connection noticed
		return steps[min(n, len(steps)-1)]
	})
}

// openCoalescing opens a server whose model has a cache, and what the settings say.
func openCoalescing(t *testing.T, up http.Handler, settings string) *testServer {
	t.Helper()
	return openTestServer(t, up, fmt.Sprintf(`
keys: off
server: {max_requests_per_caller: 2000}
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
models: {m: {targets: [{target: up/model, price: {input: 1, output: 1}}], retries: {attempts: 1}, %s}}
ledger: "sqlite://:memory:"
`, settings))
}

const (
	caching   = "cache: {ttl: 1h}"
	askStream = `{"model":"m","stream":true,` + hello + `}`
)

// answer is what a client got.
type answer struct {
	state, id string
	status    int
	body      string
}

func readAnswer(resp *http.Response) answer {
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		body = fmt.Appendf(body, "(%v)", err)
	}
	return answer{resp.Header.Get("X-Penstock-Cache"), resp.Header.Get("X-Penstock-Request-Id"), resp.StatusCode, string(body)}
}

// askMany sends n requests at once. Each reply is read to its end once all have come, and
// then is called.
func askMany(t *testing.T, n int, ask func(i int) *http.Response, then func()) []answer {
	t.Helper()
	answers := make([]answer, n)
	var begun, ended sync.WaitGroup
	begun.Add(n)
	for i := range n {
		ended.Go(func() {
			resp := ask(i)
			begun.Done()
			answers[i] = readAnswer(resp)
		})
	}
	begun.Wait()
	then()
	ended.Wait()
	return answers
}

// halves are the beginning of a stream, a wait for the gate, and its end.
func halves(gate <-chan struct{}) llmtest.Step {
	frames := llmtest.Chat{Text: "one two three four"}.OpenAIChunks(true)
	return llmtest.Steps(llmtest.Frames(frames[:3]...), llmtest.Wait(gate), func(x *llmtest.Exchange) {
		for _, f := range frames[3:] {
			_, _ = x.W.Write(f)
		}
	})
}

// TestEqualStreamsShareOneCall sends many equal requests while the first one is answered.
func TestEqualStreamsShareOneCall(t *testing.T) {
	gate := make(chan struct{})
	up, sent := inTurn(halves(gate))
	h := openCoalescing(t, up, caching)
	const n = 1000
	answers := askMany(t, n, func(int) *http.Response { return h.send(t, askStream) }, func() { close(gate) })
	if sent() != 1 {
		t.Errorf("%d calls to the target", sent())
	}
	leader := ""
	states := map[string]int{}
	for _, a := range answers {
		states[a.state]++
		if a.state == "miss" {
			leader = a.id
		}
		if a.body != answers[0].body || !strings.HasSuffix(a.body, "data: [DONE]\n\n") {
			t.Fatalf("one got %q, another %q", answers[0].body, a.body)
		}
	}
	if diff := cmp.Diff(map[string]int{"miss": 1, "coalesced": n - 1}, states); diff != "" {
		t.Error(diff)
	}
	until(t, "nobody follows", func() bool { return h.following() == 0 })
	for _, a := range answers {
		r, err := h.ledger.Get(t.Context(), a.id)
		switch {
		case err != nil:
			t.Fatal(err)
		case a.id == leader && (r.Cost == 0 || r.Saved != 0 || r.CacheSource != ""):
			t.Errorf("the leader costs %d and saves %d, source %q", r.Cost, r.Saved, r.CacheSource)
		case a.id != leader && (r.Cost != 0 || r.Saved == 0 || r.CacheSource != leader || r.Cache != llm.CacheCoalesced || r.Target != "up/model"):
			t.Errorf("a follower costs %d and saves %d: %q of %q at %q", r.Cost, r.Saved, r.Cache, r.CacheSource, r.Target)
		}
	}
}

// TestFormatsShareOneCall has clients of all formats ask for the same, as streams and whole.
func TestFormatsShareOneCall(t *testing.T) {
	skipRaced(t)
	for _, dialect := range []string{"openai", "anthropic"} {
		t.Run(dialect, func(t *testing.T) {
			gate := make(chan struct{})
			up := llmtest.NewServer(t, llmtest.Steps(llmtest.Wait(gate), llmtest.Model()))
			h := openTestServer(t, http.NotFoundHandler(), fmt.Sprintf(`
keys: off
providers: {up: {dialect: %s, base_url: %s, allow_private: true, api_key: env:TEST_KEY}}
models: {m: {targets: [up/model], cache: {ttl: 1h}}}
ledger: "sqlite://:memory:"
`, dialect, up.URL))
			var all sync.WaitGroup
			for i, c := range cachingClients {
				for _, stream := range []bool{true, false} {
					all.Go(func() {
						resp, body := c.ask(t, h, stream)
						if resp.StatusCode != 200 || !strings.Contains(strings.Join(strings.Fields(gistText(body)), " "), llmtest.ModelText) {
							t.Errorf("%s %t: %d %s %s", c.name, stream, resp.StatusCode, resp.Header.Get("X-Penstock-Cache"), body)
						}
					})
					until(t, "it waits", func() bool { return h.inflight() >= int64(2*i) })
				}
			}
			until(t, "the others follow", func() bool { return h.following() == int64(2*len(cachingClients)-1) })
			close(gate)
			all.Wait()
			if n := len(up.Requests()); n != 1 {
				t.Errorf("%d calls to the target", n)
			}
		})
	}
}

// gistText is the text of a reply in any format.
func gistText(body []byte) string {
	if len(body) > 0 && body[0] == '{' {
		return string(body)
	}
	return gistOf(body).Text
}

// TestFollowerTakesOver has the leader's target fail before it answers.
func TestFollowerTakesOver(t *testing.T) {
	for _, ask := range []string{askM, askStream} {
		gate := make(chan struct{})
		down := llmtest.Steps(llmtest.Wait(gate), llmtest.JSON(503, `{"error":{"message":"down"}}`))
		up, sent := inTurn(down, func(x *llmtest.Exchange) {
			if ask == askM {
				llmtest.JSON(200, llmtest.Chat{Text: "hello"}.OpenAI())(x)
				return
			}
			llmtest.Frames(llmtest.Chat{Text: "hello"}.OpenAIChunks(true)...)(x)
		})
		h := openCoalescing(t, up, caching)
		states := map[string]int{}
		for _, a := range followTo(t, h, 5, ask, gate) {
			states[fmt.Sprint(a.status, " ", a.state)]++
		}
		if diff := cmp.Diff(map[string]int{"503 miss": 1, "200 miss": 1, "200 coalesced": 3}, states); diff != "" || sent() != 2 {
			t.Errorf("%d calls; %s", sent(), diff)
		}
	}
}

// followTo sends n equal requests, opens the gate once all but one follow, and returns the
// answers.
func followTo(t *testing.T, h *testServer, n int, ask string, gate chan struct{}) []answer {
	t.Helper()
	answers := make([]answer, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { answers[i] = readAnswer(h.send(t, ask)) })
	}
	until(t, "the others follow", func() bool { return h.following() == int64(n-1) })
	close(gate)
	all.Wait()
	return answers
}

// TestOutageIsNotRepeatedByAllFollowers has the target fail for good: the followers get the
// error of the second request that failed.
func TestOutageIsNotRepeatedByAllFollowers(t *testing.T) {
	gate := make(chan struct{})
	up, sent := inTurn(llmtest.Steps(llmtest.Wait(gate), llmtest.JSON(503, `{"error":{"message":"down for good"}}`)))
	h := openCoalescing(t, up, caching)
	for _, a := range followTo(t, h, 8, askStream, gate) {
		if a.status != 503 || !strings.Contains(a.body, "down for good") {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if sent() > 2 {
		t.Errorf("%d calls to the target", sent())
	}
}

// TestLeaderHangsUp has the client of the leader leave, before its reply begins and after: the
// others get theirs.
func TestLeaderHangsUp(t *testing.T) {
	for _, begun := range []bool{false, true} {
		gate, leaving := make(chan struct{}), make(chan struct{})
		step := halves(gate)
		if !begun {
			step = llmtest.Steps(llmtest.Wait(gate), llmtest.Frames(llmtest.Chat{Text: "one two three four"}.OpenAIChunks(true)...))
		}
		up, sent := inTurn(step)
		h := openCoalescing(t, up, caching)
		ctx, hangUp := context.WithCancel(t.Context())
		left := make(chan struct{})
		go func() {
			defer close(left)
			if resp := sendCtx(ctx, t, h, askStream); resp != nil {
				<-leaving
				hangUp()
				resp.Body.Close()
			}
		}()
		until(t, "the leader's call is made", func() bool { return sent() == 1 })
		var all sync.WaitGroup
		answers := make([]answer, 3)
		for i := range answers {
			all.Go(func() { answers[i] = readAnswer(h.send(t, askStream)) })
		}
		until(t, "the others follow", func() bool { return h.following() == 3 })
		close(leaving)
		if !begun {
			hangUp()
		}
		<-left
		close(gate)
		all.Wait()
		for _, a := range answers {
			if a.state != "coalesced" || gistOf([]byte(a.body)).Text != "one two three four" || !strings.HasSuffix(a.body, "[DONE]\n\n") {
				t.Errorf("begun %t: %+v", begun, a)
			}
		}
		if sent() != 1 {
			t.Errorf("begun %t: %d calls to the target", begun, sent())
		}
	}
}

// sendCtx sends a chat request; nil if its context ends before the reply begins.
func sendCtx(ctx context.Context, t *testing.T, h *testServer, body string) *http.Response {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL+"/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return nil
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil
	}
	return resp
}

// TestLastOneHangsUp expects the call to end when nobody waits for it any more.
func TestLastOneHangsUp(t *testing.T) {
	gone := make(chan struct{})
	up, sent := inTurn(llmtest.Gone(gone))
	h := openCoalescing(t, up, caching)
	ctx, hangUp := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { sendCtx(ctx, t, h, askStream) })
	}
	until(t, "one is sent and the others follow", func() bool { return sent() == 1 && h.following() == 2 })
	hangUp()
	all.Wait()
	<-gone
	until(t, "all is over", func() bool { return h.inflight() == 0 && h.following() == 0 })
}

// TestBrokenReply breaks the leader's stream after it has begun: who has been sent a part of it
// gets an error, and who has not gets another reply.
func TestBrokenReply(t *testing.T) {
	gate := make(chan struct{})
	frames := llmtest.Chat{Text: "one two three four"}.OpenAIChunks(true)
	broken := llmtest.Steps(llmtest.Frames(frames[:3]...), llmtest.Wait(gate), llmtest.Cut())
	up, sent := inTurn(broken, llmtest.JSON(200, llmtest.Chat{Text: "whole"}.OpenAI()))
	h := openCoalescing(t, up, caching+", stream: {resume: off}")
	plain := make([]answer, 3)
	var all sync.WaitGroup
	streams := askMany(t, 3, func(int) *http.Response { return h.send(t, askStream) }, func() {
		for i := range plain {
			all.Go(func() { plain[i] = readAnswer(h.send(t, askM)) })
		}
		until(t, "the plain ones follow", func() bool { return h.following() == 5 })
		close(gate)
	})
	all.Wait()
	for _, a := range streams {
		if !strings.Contains(a.body, `"error"`) || strings.Contains(a.body, "[DONE]") || !strings.Contains(a.body, "one") {
			t.Errorf("a stream: %+v", a)
		}
	}
	for _, a := range plain {
		if a.status != 200 || !strings.Contains(a.body, "whole") {
			t.Errorf("a plain reply: %+v", a)
		}
	}
	if sent() != 2 {
		t.Errorf("%d calls to the target", sent())
	}
}

// TestResumedReply has another target go on with the leader's stream: the followers get the
// same.
func TestResumedReply(t *testing.T) {
	gate := make(chan struct{})
	frames := llmtest.Chat{Text: "one two three four"}.OpenAIChunks(true)
	broken := llmtest.Steps(llmtest.Frames(frames[:3]...), llmtest.Wait(gate), llmtest.Cut())
	up, sent := inTurn(broken, llmtest.Frames(frames...))
	h := openTestServer(t, up, `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}}
models: {m: {targets: [up/a, up/b], retries: {attempts: 1}, cache: {ttl: 1h}}}
ledger: "sqlite://:memory:"
`)
	answers := askMany(t, 4, func(int) *http.Response { return h.send(t, askStream) }, func() { close(gate) })
	for _, a := range answers {
		if gistOf([]byte(a.body)).Text != "one two three four" || !strings.HasSuffix(a.body, "[DONE]\n\n") {
			t.Errorf("%+v", a)
		}
	}
	if sent() != 2 {
		t.Errorf("%d calls to the targets", sent())
	}
}

// TestOwnCalls has equal requests that are not to share a reply.
func TestOwnCalls(t *testing.T) {
	skipRaced(t)
	for name, c := range map[string]struct {
		settings, body string
		header         []string
	}{
		"off":           {settings: "cache: {ttl: 1h, coalesce: off}", body: askStream},
		"no cache":      {body: askStream},
		"no-cache":      {settings: caching, body: askStream, header: []string{"Cache-Control", "no-cache"}},
		"no-store":      {settings: caching, body: askStream, header: []string{"Cache-Control", "no-store"}},
		"a temperature": {settings: caching, body: `{"model":"m","stream":true,"temperature":0.7,` + hello + `}`},
	} {
		t.Run(name, func(t *testing.T) {
			gate := make(chan struct{})
			up, sent := inTurn(halves(gate))
			h := openCoalescing(t, up, c.settings)
			askMany(t, 3, func(int) *http.Response {
				return h.sendTo(t, "/chat/completions", c.body, c.header...)
			}, func() { close(gate) })
			if sent() != 3 {
				t.Errorf("%d calls to the target, want 3", sent())
			}
		})
	}
}

// narrow returns how callers ask over connections of which the network holds little.
func narrow(t *testing.T, h *testServer) (ask func() *http.Response) {
	server := httptest.NewUnstartedServer(h.Handler())
	server.Listener = narrowListener{server.Listener}
	server.Start()
	t.Cleanup(server.Close)
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(64 << 10)
		}
		return c, err
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return func() *http.Response {
		resp, err := (&http.Client{Transport: transport}).Post(server.URL+"/v1/chat/completions", "application/json", strings.NewReader(askStream))
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
}

type narrowListener struct{ net.Listener }

func (l narrowListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		err = c.(*net.TCPConn).SetWriteBuffer(64 << 10)
	}
	return c, err
}

// TestSlowCallersHoldUpNobody has the leader's caller, and then a follower's, read nothing of a
// reply that is larger than what the network takes: the others get theirs, and the slow ones
// get the same later.
func TestSlowCallersHoldUpNobody(t *testing.T) {
	gate := make(chan struct{})
	text := strings.Repeat("x", 16<<10)
	var words []string
	for i := range 200 {
		words = append(words, fmt.Sprint(i, text))
	}
	frames := llmtest.Chat{Text: strings.Join(words, " ")}.OpenAIChunks(true)
	up, sent := inTurn(llmtest.Steps(llmtest.Frames(frames[:2]...), llmtest.Wait(gate), func(x *llmtest.Exchange) {
		for _, f := range frames[2:] {
			_, _ = x.W.Write(f)
		}
	}))
	h := openCoalescing(t, up, caching)
	ask := narrow(t, h)
	slow := []*http.Response{ask(), ask()}
	quick := h.send(t, askStream)
	close(gate)
	got := readAnswer(quick)
	if !strings.HasSuffix(got.body, "data: [DONE]\n\n") || len(got.body) < 200*len(text) {
		t.Errorf("a quick follower got %d bytes", len(got.body))
	}
	for _, resp := range slow {
		if late := readAnswer(resp); late.body != got.body {
			t.Errorf("a slow %s got %d bytes, want %d", late.state, len(late.body), len(got.body))
		}
	}
	if sent() != 1 {
		t.Errorf("%d calls to the target", sent())
	}
}
