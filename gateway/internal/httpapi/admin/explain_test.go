package admin

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExplain(t *testing.T) {
	const ask = `"model":"m","messages":[{"role":"user","content":"hi"}]`
	all := Asker{Key: "ci", Team: "search", User: "ada", Tags: map[string]string{"usecase": "support"}, At: "23:30", Endpoint: "messages"}
	flat := all
	flat.User = ""
	for body, want := range map[string]Asker{
		`{` + ask + `}`: {},
		`{"request":{` + ask + `},"key":"ci","team":"search","user":"ada","tags":{"usecase":"support"},"at":"23:30","endpoint":"messages"}`: all,
		`{"request":{` + ask + `},"key":"ci","team":"search","user":"ada","tag":"usecase=support","at":"23:30","endpoint":"messages"}`:      all,
		`{` + ask + `,"user":"u","key":"ci","team":"search","tag":["usecase=support"],"at":"23:30","endpoint":"messages"}`:                  flat,
	} {
		f := new(fake)
		status, reply, _ := call(t, f, "POST", "/admin/v1/explain", body)
		if diff := cmp.Diff(want, f.asker); diff != "" || status != 200 || !strings.Contains(string(reply.Body), `"dry":true`) {
			t.Errorf("%s: %d %s, asker differs (-want +got):\n%s", body, status, reply.Body, diff)
		}
	}
	for body, status := range map[string]int{
		`{"request":{` + ask + `},"teem":"x"}`:      400,
		`{"request":{` + ask + `},"team":7}`:        400,
		`{"request":[],"team":"x"}`:                 400,
		`{"request":{` + ask + `},"tags":{"":"x"}}`: 400,
		`oops`:                                   400,
		`{"request":{` + ask + `},"key":"none"}`: 404,
	} {
		if got, _, err := call(t, new(fake), "POST", "/admin/v1/explain", body); got != status {
			t.Errorf("%s: %d %v, want %d", body, got, err, status)
		}
	}
}
