package admin

import (
	"testing"
	"time"
)

func TestTargets(t *testing.T) {
	f := new(fake)
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", "", "", `["one"]`},
		{"POST", "/open", `{"id":"openai/gpt-5","for":"10m"}`, `["two"]`},
		{"POST", "/close", `{"id":"openai#2"}`, `["three"]`},
	} {
		if status, reply, err := call(t, f, c.method, "/admin/v1/targets"+c.path, c.body); status != 200 || string(reply.Body) != c.want+"\n" {
			t.Errorf("%s %s: %d %s %v, want %s", c.method, c.path, status, reply.Body, err, c.want)
		}
	}
	if want := (Opening{ID: "openai/gpt-5", For: 10 * time.Minute, By: "ops"}); f.opened != want {
		t.Errorf("opened %+v, want %+v", f.opened, want)
	}
	if want := (Opening{ID: "openai#2", By: "ops"}); f.closed != want {
		t.Errorf("closed %+v, want %+v", f.closed, want)
	}
}

func TestWrongOpenings(t *testing.T) {
	for body, want := range map[string]int{
		`{"id":"none"}`: 404, `{"id":"none","for":"1s"}`: 404, `{"id":"x","for":"8760h"}`: 200,
		`{"id":""}`: 400, `{}`: 400, `[]`: 400, ``: 400, `{"id":"x"}{"id":"y"}`: 400, `{"id":"x","until":"now"}`: 400,
		`{"id":"x","for":"soon"}`: 400, `{"id":"x","for":"-1m"}`: 400, `{"id":"x","for":"0s"}`: 400, `{"id":"x","for":"9000h"}`: 400, `{"id":"x","for":10}`: 400,
	} {
		if got, _, err := call(t, new(fake), "POST", "/admin/v1/targets/open", body); got != want {
			t.Errorf("%s: %d %v, want %d", body, got, err, want)
		}
	}
	if got, _, err := call(t, new(fake), "POST", "/admin/v1/targets/close", `{"id":"x","for":"1m"}`); got != 400 {
		t.Errorf("a close for a minute: %d %v, want 400", got, err)
	}
}
