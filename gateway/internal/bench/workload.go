package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// The targets, in the order in which they are measured.
const (
	direct  = "direct"
	floor   = "floor"
	gateway = "gateway"
)

// The models that clients ask for; the gateway's configuration defines them.
const (
	modelPlain  = "bench"
	modelCached = "bench-cached"
	modelCross  = "bench-anthropic"
	modelPaced  = "bench-paced"
)

// many is the number of clients that load the machine fully.
const many = 64

// workload is one case: a row of the table for each target.
type workload struct {
	// Name is short, for flags; Title is for people.
	Name, Title string
	Model       string
	Stream      bool
	Clients     int
	// Upstream is which of the mocks answers.
	Upstream string
	// GatewayOnly marks what neither the mock nor the floor can do. Ratios are to the
	// workload named by Like.
	GatewayOnly bool
	Like        string
}

// workloads returns all cases, in the order in which a round runs them.
func workloads() []workload {
	return append(tlsWorkloads(), []workload{
		{Name: "json-1", Title: "JSON, 1 client", Model: modelPlain, Clients: 1, Like: "json-1", Upstream: plainHTTP},
		{Name: "json-64", Title: "JSON, 64 clients", Model: modelPlain, Clients: many, Like: "json-64", Upstream: plainHTTP},
		{Name: "hit-64", Title: "JSON cache hit, 64 clients", Model: modelCached, Clients: many, GatewayOnly: true, Like: "json-64", Upstream: plainHTTP},
		{Name: "cross-64", Title: "JSON to Anthropic, 64 clients", Model: modelCross, Clients: many, GatewayOnly: true, Like: "json-64", Upstream: plainHTTP},
		{Name: "sse-1", Title: "SSE, 1 client", Model: modelPlain, Stream: true, Clients: 1, Like: "sse-1", Upstream: plainHTTP},
		{Name: "sse-64", Title: "SSE, 64 clients", Model: modelPlain, Stream: true, Clients: many, Like: "sse-64", Upstream: plainHTTP},
	}...)
}

// tlsWorkloads returns the cases with TLS to the upstream, as for every hosted provider.
// With HTTP/2, which most of them use, the number of clients varies, to find the highest
// rate with acceptable latency.
func tlsWorkloads() []workload {
	var all []workload
	for _, clients := range []int{1, 4, 16, many} {
		all = append(all, encrypted(tlsHTTP2, "tls", "TLS HTTP/2", clients, false), encrypted(tlsHTTP2, "tls", "TLS HTTP/2", clients, true))
	}
	paced := encrypted(tlsHTTP2, "tls", "TLS HTTP/2", many, true)
	paced.Name, paced.Like, paced.Model = "tls-paced-64", "tls-paced-64", modelPaced
	paced.Title = "SSE paced over TLS HTTP/2, 64 clients"
	return append(all, encrypted(tlsHTTP1, "tls1", "TLS HTTP/1.1", many, false), encrypted(tlsHTTP1, "tls1", "TLS HTTP/1.1", many, true), paced)
}

func encrypted(upstream, prefix, what string, clients int, stream bool) workload {
	kind, title := "json", "JSON"
	if stream {
		kind, title = "sse", "SSE"
	}
	name := fmt.Sprintf("%s-%s-%d", prefix, kind, clients)
	noun := "clients"
	if clients == 1 {
		noun = "client"
	}
	return workload{Name: name, Like: name, Title: fmt.Sprintf("%s over %s, %d %s", title, what, clients, noun),
		Model: modelPlain, Stream: stream, Clients: clients, Upstream: upstream}
}

// modelAt returns the gateway's name for the workload's model at its upstream.
func (w workload) modelAt() string {
	if w.Upstream == plainHTTP {
		return w.Model
	}
	return w.Model + "-" + w.Upstream
}

// measured returns how long a run is measured: d, or longer for paced streams, which are
// slow.
func (w workload) measured(d time.Duration) time.Duration {
	if w.Model == modelPaced {
		return max(d, 3*time.Second)
	}
	return d
}

// endpoint is a target's address, the caller's key for it, and its process.
type endpoint struct {
	Addr string
	Key  string
	PID  int
}

// job returns the workload's job for one target. Its times are zero.
func (w workload) job(e endpoint) job {
	body, nonce := requestBody(w.modelAt(), w.Stream)
	if w.Model == modelCached {
		nonce = 0
	}
	return job{
		Addr: e.Addr, Head: requestHead(e, len(body)), Body: body, Nonce: nonce,
		Want: w.want(), Clients: w.Clients, PID: e.PID,
	}
}

// want returns what a correct reply is: the mock's own, byte for byte, unless it is
// translated.
func (w workload) want() want {
	switch {
	case w.Model == modelPaced:
		return want{Bytes: streamBytes(pacedChunks), Holds: endText, Ends: doneFrame}
	case w.Stream:
		return want{Bytes: streamBytes(streamChunks), Holds: endText, Ends: doneFrame}
	case w.Model == modelCached:
		return want{Bytes: len(chatReply()), Holds: endText, Header: "x-penstock-cache: hit"}
	case w.Model == modelCross:
		return want{Holds: endText}
	default:
		return want{Bytes: len(chatReply()), Holds: endText}
	}
}

// streamBytes returns the length of a streamed reply without usage.
func streamBytes(chunks int) int {
	return len(strings.Join(chatFrames(chunks), "")) + len(doneFrame)
}

// at returns the job with its times set.
func (j job) at(warm, measure time.Duration) job {
	j.Warm, j.Measure = warm, measure
	return j
}

// nonceMark is in the request where every client writes its own number.
const nonceMark = "00000000"

// requestBody returns a conversation of about 2 KB, and the offset of its nonce.
func requestBody(model string, stream bool) (body string, nonce int) {
	turns := []map[string]any{
		{"role": "system", "content": "You are the support assistant of a web shop. Be brief and kind, and quote the order number. " + prose(500)},
		{"role": "user", "content": "Where is my order? " + prose(300)},
		{"role": "assistant", "content": "It left the warehouse this morning. " + prose(300)},
		{"role": "user", "content": "Order " + nonceMark + ": and how do I send back the blue one? " + prose(300)},
	}
	b, _ := json.Marshal(map[string]any{ // maps of strings and numbers always marshal
		"model": model, "messages": turns, "temperature": 0.2, "max_tokens": 400, "stream": stream,
		"user": "customer-42", "metadata": map[string]string{"usecase": "support", "release": "2026-01"},
	})
	return string(b), strings.Index(string(b), nonceMark)
}

// requestHead returns headers like those of an official client.
func requestHead(e endpoint, length int) string {
	return fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nAccept: application/json\r\nUser-Agent: OpenAI/JS 6.1.0\r\n"+
		"X-Stainless-Lang: js\r\nX-Stainless-Retry-Count: 0\r\nContent-Length: %d\r\n\r\n", e.Addr, e.Key, length)
}
