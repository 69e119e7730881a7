package demo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock/penstock/gateway/internal/demo"
	"github.com/penstock/penstock/gateway/internal/framing"
)

// TestMain checks for leaked goroutines. net/http keeps a connection whose body was not
// read open for another half second.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// start starts a server, which does not wait unless o has a Pause, and returns it with a
// client.
func start(t testing.TB, o demo.Options) (*demo.Server, *http.Client) {
	t.Helper()
	if o.Pause == nil {
		o.Pause = func(ctx context.Context, d time.Duration) error {
			if d < time.Minute {
				return ctx.Err()
			}
			<-ctx.Done() // a stall lasts until somebody leaves
			return ctx.Err()
		}
	}
	s, err := demo.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error("second Close:", err)
		}
	})
	return s, &http.Client{Transport: tr}
}

func post(t testing.TB, s *demo.Server, c *http.Client, body string) *http.Response {
	t.Helper()
	resp, err := c.Post(s.URL()+"/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// message and choice are parts of a completion or of a chunk.
type message struct {
	Role    string
	Content *string
	Calls   []struct {
		Index    int
		ID, Type string
		Function struct{ Name, Arguments string }
	} `json:"tool_calls"`
}

type choice struct {
	Index          int
	Message, Delta message
	Finish         *string `json:"finish_reason"`
}

type usage struct{ Prompt, Completion, Total int64 }

func (u *usage) UnmarshalJSON(b []byte) error {
	var in map[string]any
	if err := json.Unmarshal(b, &in); err != nil || in == nil {
		return err
	}
	u.Prompt, u.Completion, u.Total = int64(in["prompt_tokens"].(float64)), int64(in["completion_tokens"].(float64)), int64(in["total_tokens"].(float64))
	return nil
}

type completion struct {
	ID, Object, Model string
	Created           int64
	Choices           []choice
	Usage             *usage
}

// ask posts a request and returns the plain completion.
func ask(t testing.TB, s *demo.Server, c *http.Client, body string) completion {
	t.Helper()
	resp := post(t, s, c, body)
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("reply to %s = %d %s, %v", body, resp.StatusCode, b, err)
	}
	var got completion
	if err := json.Unmarshal(b, &got); err != nil || got.Object != "chat.completion" || got.ID == "" || got.Created == 0 {
		t.Fatalf("reply to %s = %s, %v", body, b, err)
	}
	return got
}

// streamed is the content of a stream, its chunks joined.
type streamed struct {
	text, args, tool, finish string
	usage                    *usage
	chunks                   int
	usages                   int // chunks with a member "usage"
	done                     bool
	err                      error
}

func readStream(t testing.TB, resp *http.Response) (got streamed) {
	t.Helper()
	r := framing.NewReader(resp.Body, 0)
	defer r.Release()
	for {
		e, err := r.Next()
		if err != nil {
			if got.err = err; err == io.EOF {
				got.err = nil
			}
			return got
		}
		if string(e.Data) == "[DONE]" {
			got.done = true
			continue
		}
		var c completion
		if err := json.Unmarshal(e.Data, &c); err != nil || c.Object != "chat.completion.chunk" {
			t.Fatalf("chunk %q: %v", e.Data, err)
		}
		got.chunks++
		if bytes.Contains(e.Data, []byte(`"usage"`)) {
			got.usages++
		}
		if c.Usage != nil && c.Usage.Total > 0 {
			got.usage = c.Usage
		}
		got.add(c)
	}
}

// add appends a chunk's delta of the first choice.
func (s *streamed) add(c completion) {
	for _, choice := range c.Choices {
		if choice.Index != 0 {
			continue
		}
		if choice.Delta.Content != nil {
			s.text += *choice.Delta.Content
		}
		for _, call := range choice.Delta.Calls {
			s.tool += call.Function.Name
			s.args += call.Function.Arguments
		}
		if choice.Finish != nil {
			s.finish += *choice.Finish
		}
	}
}
