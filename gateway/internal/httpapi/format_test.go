package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire"
)

// bracketFormat is a format whose requests are the canonical ones within {"request":…}, and
// whose replies are in brackets.
type bracketFormat struct {
	open *atomic.Int64
	// kind is the media type of its streams; text/x-brackets when empty.
	kind string
	// broken says that rendering fails.
	broken bool
	seen   atomic.Pointer[llm.Incoming]
}

var errRender = &llm.Error{Code: llm.CodeInternal, Status: http.StatusBadGateway, Fault: llm.FaultTransform, Message: "The format failed."}

// bracketContext is what the format wants to see again with every reply.
const bracketContext = `{"brackets":1}`

func (f *bracketFormat) Accept(_ context.Context, in llm.Incoming) (wire.Accepted, error) {
	f.seen.Store(&in)
	body, ok := strings.CutPrefix(string(in.Body), `{"request":`)
	if !ok {
		return wire.Accepted{}, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusTeapot, Message: "request is missing"}
	}
	return wire.Accepted{Body: []byte(strings.TrimSuffix(body, "}")), Context: []byte(bracketContext)}, nil
}

func (f *bracketFormat) Render(_ context.Context, out wire.Outgoing) (llm.Rendered, error) {
	if f.broken || out.Status < 400 && string(out.Context) != bracketContext {
		return llm.Rendered{}, errRender
	}
	return llm.Rendered{Status: out.Status + 1, Header: http.Header{"X-Brackets": {"1"}, "Content-Type": {"text/x-bracket"}},
		Body: fmt.Appendf(nil, "[%s]", out.Body)}, nil
}

func (f *bracketFormat) Stream(_ context.Context, out wire.Outgoing) (wire.Frames, error) {
	if string(out.Context) != bracketContext {
		return nil, errRender
	}
	f.open.Add(1)
	return f, nil
}

func (f *bracketFormat) Next(_ context.Context, chunk []byte) ([]byte, error) {
	if f.broken {
		return nil, errRender
	}
	if strings.Contains(string(chunk), "silent") {
		return nil, nil
	}
	return fmt.Appendf(nil, "[%s]\n", chunk), nil
}

func (f *bracketFormat) End(context.Context) ([]byte, error) { return []byte("[over]\n"), nil }

func (f *bracketFormat) Close() { f.open.Add(-1) }

func (f *bracketFormat) streamType() string {
	if f.kind == "" {
		return "text/x-brackets"
	}
	return f.kind
}

// startFormat serves /brackets/* in the format.
func startFormat(t *testing.T, fake *httpapi.Fake, f *bracketFormat) string {
	t.Helper()
	f.open = new(atomic.Int64)
	fake.OnOpen = func(path, requestID string) (httpapi.Format, bool) {
		if !strings.HasPrefix(path, "/brackets/") {
			return nil, false
		}
		f.open.Add(1)
		return wire.NewPluginClient(wire.PluginOptions{Dialect: "brackets", ContentType: f.streamType(), Plugin: f, RequestID: requestID,
			Log: slog.New(slog.DiscardHandler)}), true
	}
	t.Cleanup(func() { // after the server has stopped
		if n := f.open.Load(); n != 0 {
			t.Errorf("%d formats and streams were not closed", n)
		}
	})
	return start(t, fake)
}

// streamed answers with these chunks, and then ends normally or with err.
func streamed(err error, chunks ...string) func(context.Context, *llm.Request, llm.Writer) error {
	return func(_ context.Context, _ *llm.Request, w llm.Writer) error {
		if err := w.Start(llm.Head{Status: 200, Stream: true, Header: http.Header{}}); err != nil {
			return err
		}
		for i, c := range chunks {
			e := llm.Event{Frame: []byte("data: " + c + "\n\n"), Data: []byte(c), More: i == 0, Hidden: c == `"hidden"`}
			if err := w.Event(e); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		return w.Event(llm.Event{Frame: []byte("data: [DONE]\n\n"), Final: true})
	}
}

func TestEndpointFormat(t *testing.T) {
	f := new(httpapi.Fake)
	f.OnServe = func(_ context.Context, req *llm.Request, w llm.Writer) error {
		if req.Dialect != "brackets" || string(req.Body) != hello || req.Facts.Model != "m" {
			return errors.New("another request")
		}
		if err := w.Start(llm.Head{Status: 200, Header: http.Header{"X-Penstock-Model": {"m"}}}); err != nil {
			return err
		}
		return w.Event(llm.Event{Frame: []byte(`{"ok":true}`), Data: []byte(`{"ok":true}`), Final: true})
	}
	format := new(bracketFormat)
	resp, body := call(t, http.MethodPost, startFormat(t, f, format), "/brackets/a:b?x=1&KEY=secret&access_token=s&y", `{"request":`+hello+`}`, "User-Agent", "ua")
	if resp.StatusCode != 201 || body != `[{"ok":true}]` {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	for name, want := range map[string]string{"X-Brackets": "1", "Content-Type": "text/x-bracket", "X-Penstock-Model": "m", "Content-Length": "13"} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if in := format.seen.Load(); in.Path != "/brackets/a:b" || in.Query != "x=1&y" || in.Header.Get("User-Agent") != "ua" || in.RequestID != resp.Header.Get("X-Request-Id") {
		t.Errorf("the format saw %+v", in)
	}
}

func TestEndpointErrors(t *testing.T) {
	f := new(httpapi.Fake)
	f.Keys = httpapi.KeysRequired
	f.OnServe = func(context.Context, *llm.Request, llm.Writer) error {
		return &llm.Error{Status: http.StatusConflict, Code: "taken", Message: "no", Body: []byte("the provider's own error")}
	}
	format := new(bracketFormat)
	addr := startFormat(t, f, format)
	for _, test := range []struct {
		name, method, body, key string
		status                  int
		want                    string
	}{
		{"no key", http.MethodPost, `{"request":` + hello + `}`, "", 402, `"code":"invalid_api_key"`},
		{"another method", http.MethodGet, ``, "member", 406, `use POST`},
		{"not the format", http.MethodPost, `{"model":"m"}`, "member", 419, `request is missing`},
		{"not canonical", http.MethodPost, `{"request":1}`, "member", 401, `In the canonical form of this request: `},
		{"the provider's own error", http.MethodPost, `{"request":` + hello + `}`, "member", 410, `"code":"taken"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			headers := []string{}
			if test.key != "" {
				headers = append(headers, "Authorization", "Bearer "+test.key)
			}
			resp, body := call(t, test.method, addr, "/brackets/x", test.body, headers...)
			if resp.StatusCode != test.status || !strings.HasPrefix(body, `[{"error":{`) || !strings.Contains(body, test.want) {
				t.Errorf("got %d %s, want %d and %s", resp.StatusCode, body, test.status, test.want)
			}
		})
	}
	format.broken = true
	resp, body := call(t, http.MethodPost, addr, "/brackets/x", `{"request":`+hello+`}`)
	if message, _, _, _ := decodeError(t, body); resp.StatusCode != 401 || !strings.Contains(message, "key is needed") {
		t.Errorf("a format that can't render an error: %d %s", resp.StatusCode, body)
	}
}

func TestEndpointStreams(t *testing.T) {
	cut := &llm.Error{Code: llm.CodeStreamCut, Status: 502, Message: "It broke off."}
	for _, test := range []struct {
		name   string
		err    error
		chunks []string
		broken bool
		want   string
	}{
		{"complete", nil, []string{`"a"`, `"silent"`, `"hidden"`, `"b"`}, false, "[\"a\"]\n[\"b\"]\n[over]\n"},
		{"nothing but the end", nil, nil, false, "[over]\n"},
		{"cut", cut, []string{`"a"`, `"b"`}, false, "[\"a\"]\n[\"b\"]\n" + `[{"error":{"message":"It broke off.","type":"server_error","param":null,"code":"stream_interrupted"}}]` + "\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := new(httpapi.Fake)
			f.OnServe = streamed(test.err, test.chunks...)
			resp, body := call(t, http.MethodPost, startFormat(t, f, new(bracketFormat)), "/brackets/x", `{"request":`+hello+`}`)
			if diff := cmp.Diff(test.want, body); diff != "" || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/x-brackets" {
				t.Errorf("%d %s (-want +got):\n%s", resp.StatusCode, resp.Header.Get("Content-Type"), diff)
			}
		})
	}
}

// TestFailingFormat has a format that fails while a reply is rendered: the caller gets an
// error in the canonical form.
func TestFailingFormat(t *testing.T) {
	for _, stream := range []bool{false, true} {
		f, format := new(httpapi.Fake), &bracketFormat{broken: true}
		if stream {
			f.OnServe = streamed(nil, `"a"`, `"b"`)
		}
		resp, body := call(t, http.MethodPost, startFormat(t, f, format), "/brackets/x", `{"request":`+hello+`}`)
		if message, _, _, _ := decodeError(t, body); message != errRender.Message || resp.StatusCode != 502 {
			t.Errorf("stream %v: %d %s", stream, resp.StatusCode, body)
		}
	}
}

func TestEndpointsAreNotForOperators(t *testing.T) {
	f := new(httpapi.Fake)
	startFormat(t, f, new(bracketFormat))
	if resp, _ := call(t, http.MethodPost, startAdmin(t, f), "/brackets/x", "{}"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("got %d", resp.StatusCode)
	}
}
