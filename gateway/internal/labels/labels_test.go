package labels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

func target(labels ...string) *llm.Classify {
	return &llm.Classify{Target: &llm.Target{ID: "p/m"}, Labels: labels, Timeout: time.Second}
}

// TestMatch finds labels in what models make of the question.
func TestMatch(t *testing.T) {
	labels := []string{"easy", "Very hard"}
	for answer, want := range map[string]string{"easy": "easy", " Easy.\n": "easy", "\"very hard\"": "Very hard", "**easy**": "easy", "`EASY`": "easy"} {
		if got, err := match(answer, labels); got != want || err != nil {
			t.Errorf("match(%q) = %q, %v, want %q", answer, got, err, want)
		}
	}
	for _, answer := range []string{"", "easy or hard", "It is easy", "medium", "eas", strings.Repeat("easy", 1000)} {
		if got, err := match(answer, labels); err == nil {
			t.Errorf("match(%q) = %q", answer, got)
		} else if len(answer) > 3 && strings.Contains(err.Error(), answer) {
			t.Errorf("the error quotes the answer: %v", err)
		}
	}
	if got, err := match("anything", nil); got != "anything" || err != nil {
		t.Errorf("without labels: %q, %v", got, err)
	}
	for _, answer := range []string{"", "a\nb", "\xff", strings.Repeat("x", 65)} {
		if got, err := match(answer, nil); err == nil {
			t.Errorf("match(%q) = %q without labels", answer, got)
		}
	}
}

// TestLabelsAreKept asks once a minute for equal texts, and again for others.
func TestLabelsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, n := New(time.Now), 0
		ask := func() (string, error) { n++; return "easy", nil }
		label := func(e *llm.Classify, q llm.Question) llm.Classified { return c.Label(t.Context(), e, q, ask) }
		for i, step := range []struct {
			e      *llm.Classify
			q      llm.Question
			cached bool
		}{
			{target("easy", "hard"), llm.Question{Text: "a"}, false},
			{target("easy", "hard"), llm.Question{Text: "a"}, true},
			{target("easy", "hard"), llm.Question{Text: "a", Tags: map[string]string{"x": "y"}}, true}, // which a target does not get
			{target("easy", "hard"), llm.Question{Text: "b"}, false},
			{target("easy", "other"), llm.Question{Text: "a"}, false},
			{target("easy", "hard"), llm.Question{Text: "a", Model: "m"}, false},
		} {
			before := n
			if got := label(step.e, step.q); got.Label != "easy" || got.Cached != step.cached || (n == before) != step.cached {
				t.Errorf("step %d: %+v, asked %d times", i, got, n-before)
			}
		}
		time.Sleep(keep)
		if got := label(target("easy", "hard"), llm.Question{Text: "a"}); got.Cached {
			t.Error("the label is still kept after a minute")
		}
	})
}

// TestBreaker leaves an endpoint alone that has failed three times, then asks it once.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, n := New(time.Now), 0
		var fails error = errors.New("down")
		label := func(text string) llm.Classified {
			return c.Label(t.Context(), target("easy", "hard"), llm.Question{Text: text}, func() (string, error) { n++; return "hard", fails })
		}
		for i := range 10 {
			got := label(fmt.Sprint(i))
			if want := "down"; i < failures && got.Fault != want || i >= failures && !strings.Contains(got.Fault, "not asked for 10s") {
				t.Errorf("call %d: %+v", i, got)
			}
		}
		time.Sleep(rest)
		label("again")
		label("and again")
		if n != failures+1 {
			t.Errorf("asked %d times, want %d", n, failures+1)
		}
		time.Sleep(rest)
		fails = nil
		if got := label("up"); got.Label != "hard" {
			t.Errorf("once it is back: %+v", got)
		}
		if got := label("up, too"); got.Label != "hard" || n != failures+3 {
			t.Errorf("after that: %+v, asked %d times", got, n)
		}
	})
}

// TestCallerWhoHangsUp is no failure of the endpoint.
func TestCallerWhoHangsUp(t *testing.T) {
	c := New(time.Now)
	for range failures + 2 {
		ctx, cancel := context.WithCancel(t.Context())
		got := c.Label(ctx, target("easy", "hard"), llm.Question{Text: "a"}, func() (string, error) { cancel(); return "", ctx.Err() })
		if got.Fault != "the caller hung up" {
			t.Errorf("%+v", got)
		}
	}
}

// TestAPI asks an API that answers well or badly. Its key shows nowhere.
func TestAPI(t *testing.T) {
	var reply atomic.Pointer[http.HandlerFunc]
	var got atomic.Pointer[string]
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		text := r.Method + " " + r.Header.Get("Authorization") + " " + string(body)
		got.Store(&text)
		(*reply.Load())(w, r)
	}))
	defer s.Close()
	c := New(time.Now)
	defer c.Close()
	says := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = io.WriteString(w, text) }
	}
	for name, tt := range map[string]struct {
		reply  http.HandlerFunc
		labels []string
		label  string
		fault  string
	}{
		"a label":       {reply: says(200, `{"label":"hard","more":1}`), labels: []string{"easy", "hard"}, label: "hard"},
		"any label":     {reply: says(200, `{"label":"code"}`), label: "code"},
		"another label": {reply: says(200, `{"label":"code"}`), labels: []string{"easy", "hard"}, fault: "none of the labels"},
		"no label":      {reply: says(200, `{}`), fault: "its answer is not"},
		"not JSON":      {reply: says(200, `<html>`), fault: "its answer is not"},
		"another type":  {reply: says(200, `{"label":7}`), fault: "its answer is not"},
		"an error":      {reply: says(500, `{"label":"hard"}`), fault: "status 500"},
		"a redirect": {reply: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, fault: "status 307"},
		"endless":        {reply: says(200, `{"label":"`+strings.Repeat("x", maxAnswer)+`"}`), fault: "its answer is not"},
		"a hung up call": {reply: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault: "ask it: EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			reply.Store(&tt.reply)
			e := &llm.Classify{URL: s.URL + "/" + strings.ReplaceAll(name, " ", "-"), Key: func() string { return "canary" }, Labels: tt.labels}
			r := c.Label(t.Context(), e, llm.Question{Text: "why?", Model: "m", Tags: map[string]string{"a": "b"}}, nil)
			if r.Label != tt.label || !strings.Contains(r.Fault, tt.fault) || (r.Fault == "") != (tt.fault == "") || strings.Contains(r.Fault, "canary") || strings.Contains(r.Fault, s.URL) {
				t.Errorf("%+v, want %q or %q", r, tt.label, tt.fault)
			}
			if want := `POST Bearer canary {"text":"why?","model":"m","tags":{"a":"b"}}`; *got.Load() != want {
				t.Errorf("it got %s, want %s", *got.Load(), want)
			}
		})
	}
}

// TestHammer asks one endpoint from many goroutines, which fails now and then.
func TestHammer(t *testing.T) {
	c := New(time.Now)
	var n atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for k := range 200 {
				got := c.Label(t.Context(), target("easy", "hard"), llm.Question{Text: fmt.Sprint(i, k%20)}, func() (string, error) {
					if n.Add(1)%7 == 0 {
						return "", errors.New("down")
					}
					return "hard", nil
				})
				if got.Label != "hard" && got.Fault == "" {
					t.Errorf("%+v", got)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzMatch(f *testing.F) {
	f.Add(" \"Hard\".", "hard")
	f.Fuzz(func(t *testing.T, answer, label string) {
		if got, err := match(answer, []string{label}); err == nil && got != label {
			t.Errorf("match(%q) of %q = %q", answer, label, got)
		}
		if got, err := match(answer, nil); err == nil && (got == "" || len(got) > llm.MaxClass) {
			t.Errorf("match(%q) = %q", answer, got)
		}
	})
}
