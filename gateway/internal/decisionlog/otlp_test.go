package decisionlog_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/penstock/penstock/gateway/internal/decisionlog"
	"github.com/penstock/penstock/gateway/internal/llm"
)

func textLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func newOTLP(t *testing.T, endpoint string, o decisionlog.OTLPOptions) *decisionlog.OTLP {
	t.Helper()
	s, err := decisionlog.NewOTLP(endpoint, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// decode reads a request as OpenTelemetry's own types do.
func decode(t *testing.T, r *http.Request) *logspb.LogsData {
	t.Helper()
	unzipped, err := gzip.NewReader(r.Body)
	if err != nil {
		t.Fatalf("body: %v", err)
	}
	text, err := io.ReadAll(unzipped)
	if err != nil {
		t.Fatalf("body: %v", err)
	}
	var d logspb.LogsData // of the form of ExportLogsServiceRequest
	if err := proto.Unmarshal(text, &d); err != nil {
		t.Fatalf("body: %v", err)
	}
	if len(d.ProtoReflect().GetUnknown()) > 0 {
		t.Errorf("body has unknown fields")
	}
	return &d
}

func TestOTLPRequest(t *testing.T) {
	var got *logspb.LogsData
	var header http.Header
	var path string
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, header, path = decode(t, r), r.Header, r.URL.Path
	}))
	defer receiver.Close()
	s := newOTLP(t, receiver.URL+"/", decisionlog.OTLPOptions{Resource: map[string]string{"service.name": "penstock"}, Header: map[string]string{"x-api-key": "canary"}})
	l := decisionlog.Start([]decisionlog.Output{s}, decisionlog.Options{})
	l.Decided(decided("req-1", fullInput))
	traced := decided("req-2", fullInput)
	traced.Trace = callersTrace()
	l.Decided(traced)
	if err := l.Close(t.Context()); err != nil { // which does not wait for a full batch
		t.Fatal(err)
	}
	if path != "/v1/logs" || header.Get("Content-Type") != "application/x-protobuf" || header.Get("X-Api-Key") != "canary" {
		t.Errorf("sent to %s with %v", path, header)
	}
	group := got.ResourceLogs[0]
	if a := group.Resource.Attributes[0]; a.Key != "service.name" || a.Value.GetStringValue() != "penstock" {
		t.Errorf("resource is %v", group.Resource)
	}
	records := group.ScopeLogs[0].LogRecords
	if len(records) != 2 {
		t.Fatalf("%d records, want 2", len(records))
	}
	r := records[1]
	if len(records[0].TraceId) != 0 || fmt.Sprintf("%x %x", r.TraceId, r.SpanId) != "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7" {
		t.Errorf("trace %x, span %x", r.TraceId, r.SpanId)
	}
	if r.TimeUnixNano != uint64(noon().UnixNano()) || r.ObservedTimeUnixNano != r.TimeUnixNano || r.SeverityNumber != logspb.SeverityNumber_SEVERITY_NUMBER_INFO || r.EventName != "penstock.decision.decided" ||
		r.Attributes[0].Key != "decision_id" || r.Attributes[0].Value.GetStringValue() != "req-2" {
		t.Errorf("record is %v", r)
	}
	if body := r.Body.GetStringValue(); !strings.Contains(body, `"decision_id":"req-2"`) || strings.Contains(body, "canary") {
		t.Errorf("body is %s", body)
	}
}

// script is a receiver in memory: each request gets the next answer.
type script struct {
	mu      sync.Mutex
	answers []func(*http.Request) (*http.Response, error)
	at      []time.Time
	sizes   []int // of records
	t       *testing.T
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	n := len(s.at)
	s.at = append(s.at, time.Now())
	records := 0
	for _, group := range decode(s.t, r).ResourceLogs[0].ScopeLogs {
		records += len(group.LogRecords)
	}
	s.sizes = append(s.sizes, records)
	answer := s.answers[min(n, len(s.answers)-1)]
	s.mu.Unlock()
	return answer(r)
}

func status(code int, header ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: code, Status: fmt.Sprint(code), Header: h, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
	}
}

func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func closes(*http.Request) (*http.Response, error) { return nil, errors.New("connection reset") }

func partial(r *http.Request) (*http.Response, error) {
	inner := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 2)
	body := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), inner)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
}

// What receivers do wrong, in time that passes at once.
func TestOTLPFaults(t *testing.T) {
	type answers = []func(*http.Request) (*http.Response, error)
	for name, test := range map[string]struct {
		answers        answers
		want           string // drops
		requests       int
		shortest, most time.Duration // in all
		logged         int
	}{
		"accepted":      {answers{status(200)}, "map[]", 1, time.Second, time.Second, 0},
		"busy":          {answers{status(429), status(503), status(502), status(200)}, "map[]", 4, 4 * time.Second, 9 * time.Second, 4},
		"retry after":   {answers{status(503, "Retry-After", "17"), status(200)}, "map[]", 2, 18 * time.Second, 18 * time.Second, 2},
		"refused":       {answers{status(400)}, "map[otlp refused:3]", 1, time.Second, time.Second, 1},
		"unauthorized":  {answers{status(401)}, "map[otlp refused:3]", 1, time.Second, time.Second, 1},
		"redirect":      {answers{status(302, "Location", "http://elsewhere.example/")}, "map[otlp refused:3]", 1, time.Second, time.Second, 1},
		"hangs":         {answers{hangs, status(200)}, "map[]", 2, 11 * time.Second, 13 * time.Second, 2},
		"closes":        {answers{closes, closes, status(200)}, "map[]", 3, 2 * time.Second, 5 * time.Second, 2},
		"gone for long": {answers{closes}, "map[otlp unreachable:3]", 15, 250 * time.Second, 301 * time.Second, 1},
		"partial":       {answers{partial}, "map[otlp refused:2]", 1, time.Second, time.Second, 0},
		"far too late":  {answers{status(503, "Retry-After", "4000")}, "map[otlp unreachable:3]", 1, time.Second, time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				receiver := &script{answers: test.answers, t: t}
				s := newOTLP(t, "http://receiver.example:4318", decisionlog.OTLPOptions{Transport: receiver, Log: textLog(&log)})
				l := decisionlog.Start([]decisionlog.Output{s}, decisionlog.Options{})
				start := time.Now()
				for i := range 3 {
					l.Decided(decided(fmt.Sprint(i), `{}`))
				}
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				took := receiver.at[len(receiver.at)-1].Sub(start)
				if got := fmt.Sprint(dropped(l)); got != test.want {
					t.Errorf("dropped %s, want %s", got, test.want)
				}
				if n := len(receiver.at); name != "gone for long" && n != test.requests || n < 3 && test.requests > 3 {
					t.Errorf("%d requests, want %d", n, test.requests)
				}
				if took < test.shortest || took > test.most {
					t.Errorf("took %v, want %v to %v", took, test.shortest, test.most)
				}
				if n := strings.Count(log.String(), "level="); n != test.logged {
					t.Errorf("logged %d lines, want %d:\n%s", n, test.logged, log.String())
				}
				for _, n := range receiver.sizes {
					if n != 3 {
						t.Errorf("a request had %d lines, want one batch of 3", n)
					}
				}
				_ = l.Close(t.Context())
			})
		})
	}
}

// A receiver that hangs holds up neither requests nor the end of the gateway.
func TestOTLPShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newOTLP(t, "http://receiver.example:4318", decisionlog.OTLPOptions{Transport: &script{answers: []func(*http.Request) (*http.Response, error){hangs}, t: t}})
		l := decisionlog.Start([]decisionlog.Output{s}, decisionlog.Options{Queue: 1000})
		start := time.Now()
		for i := range 3000 {
			l.Decided(decided(fmt.Sprint(i), `{}`))
			if i%500 == 0 {
				synctest.Wait()
			}
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("requests waited %v", took)
		}
		ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
		defer stop()
		err := l.Close(ctx)
		if took := time.Since(start); err == nil || took != 3*time.Second {
			t.Errorf("Close took %v: %v; want 3s and an error", took, err)
		}
		lost := dropped(l)
		if lost["otlp queue_full"]+lost["otlp shutdown"] != 3000 {
			t.Errorf("dropped %v, want all 3000 lines counted", lost)
		}
	})
}

// A flood is sent in batches of at most 512 lines.
func TestOTLPBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		receiver := &script{answers: []func(*http.Request) (*http.Response, error){status(200)}, t: t}
		l := decisionlog.Start([]decisionlog.Output{newOTLP(t, "http://receiver.example", decisionlog.OTLPOptions{Transport: receiver})}, decisionlog.Options{})
		for i := range 1100 {
			l.Decided(decided(fmt.Sprint(i), `{}`))
		}
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, n := range receiver.sizes {
			total += n
			if n > 512 {
				t.Errorf("a batch has %d lines", n)
			}
		}
		if total != 1100 {
			t.Errorf("%d lines in %v, want 1100", total, receiver.sizes)
		}
	})
}

func TestOTLPEndpoints(t *testing.T) {
	for _, bad := range []string{"", "collector:4318", "ftp://x", "https://user:pw@x", "https://x/#f", "://"} {
		if _, err := decisionlog.NewOTLP(bad, decisionlog.OTLPOptions{}); err == nil {
			t.Errorf("NewOTLP(%q) accepted", bad)
		}
	}
}

// callersTrace is a trace as a caller names it.
func callersTrace() llm.Trace {
	t, _ := llm.ParseTraceParent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	return t
}
