package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestKeepAlive wants comments before and between a stream's events, the headers with
// the first of them, and an error after one in the stream.
func TestKeepAlive(t *testing.T) {
	const comment = ": keep-alive\n\n"
	head := llm.Head{Status: 200, Stream: true, Header: http.Header{"X-Penstock-Model": {"m"}}}
	serve := func(err error, then ...llm.Event) func(context.Context, *llm.Request, llm.Writer) error {
		return func(_ context.Context, _ *llm.Request, w llm.Writer) error {
			for range 2 {
				if sent, err := w.KeepAlive(head); err != nil || !sent {
					t.Errorf("KeepAlive = %t, %v", sent, err)
				}
			}
			for _, ev := range then {
				if err := w.Event(ev); err != nil {
					return err
				}
			}
			return err
		}
	}
	for _, c := range []struct {
		name string
		serv func(context.Context, *llm.Request, llm.Writer) error
		want string
	}{
		{"then an answer", serve(nil, llm.Event{Frame: []byte("data: 1\n\n"), More: true}, llm.Event{Frame: []byte("data: [DONE]\n\n"), Final: true}),
			comment + comment + "data: 1\n\ndata: [DONE]\n\n"},
		{"then an error", serve(&llm.Error{Code: llm.CodeUpstream, Status: 503, Message: "down"}),
			comment + comment + `data: {"error":{"message":"down","type":"server_error","param":null,"code":"upstream_error"}}` + "\n\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := new(httpapi.Fake)
			f.OnServe = c.serv
			resp, body := call(t, "POST", start(t, f), "/v1/chat/completions", hello)
			if resp.StatusCode != 200 || body != c.want || resp.Header.Get("X-Penstock-Model") != "m" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
				t.Errorf("%d %q %v, want %q", resp.StatusCode, body, resp.Header, c.want)
			}
		})
	}
	t.Run("a plain reply", func(t *testing.T) {
		f := new(httpapi.Fake)
		f.OnServe = func(ctx context.Context, req *llm.Request, w llm.Writer) error {
			if sent, err := w.KeepAlive(llm.Head{Status: 200}); sent || err != nil {
				t.Errorf("KeepAlive = %t, %v, want nothing sent", sent, err)
			}
			return httpapi.SendPlain(ctx, req, w)
		}
		if _, body := call(t, "POST", start(t, f), "/v1/chat/completions", hello); body != `{"ok":true}` {
			t.Errorf("reply = %q", body)
		}
	})
}

// TestKeepAliveInAFormat wants comments only in formats that are event streams, and an
// error after one in the format.
func TestKeepAliveInAFormat(t *testing.T) {
	for kind, want := range map[string]string{
		"":                                 "[{\"error\":{\"message\":\"down\",\"type\":\"server_error\",\"param\":null,\"code\":\"upstream_error\"}}]",
		"Text/Event-Stream; charset=utf-8": ": keep-alive\n\n[{\"error\":{\"message\":\"down\",\"type\":\"server_error\",\"param\":null,\"code\":\"upstream_error\"}}]\n",
	} {
		f := new(httpapi.Fake)
		f.OnServe = func(_ context.Context, _ *llm.Request, w llm.Writer) error {
			if sent, err := w.KeepAlive(llm.Head{Status: 200, Stream: true, Header: http.Header{}}); err != nil || sent != (kind != "") {
				t.Errorf("%s: KeepAlive = %t, %v", kind, sent, err)
			}
			return &llm.Error{Code: llm.CodeUpstream, Status: 503, Message: "down"}
		}
		_, body := call(t, "POST", startFormat(t, f, &bracketFormat{kind: kind}), "/brackets/x", `{"request":`+hello+`}`)
		if body != want {
			t.Errorf("%s: %q, want %q", kind, body, want)
		}
	}
}
