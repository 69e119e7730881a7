package admin

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDiffPolicy(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	files := map[string]string{"a.rego": "package penstock"}
	const body = `"files":{"a.rego":"package penstock"}`
	for text, want := range map[string]PolicyChange{
		`{` + body + `}`: {Files: files, Selection: Selection{Since: now.Add(-usualSince)}, Examples: UsualExamples},
		`{` + body + `,"since":"24h","until":"2026-11-29","model":"m","examples":0}`: {Files: files, Selection: Selection{now.Add(-24 * time.Hour), now.Truncate(24 * time.Hour), "m"}},
	} {
		got, err := parsePolicyChange([]byte(text), now)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s (-want +got):\n%s%v", text, d, err)
		}
	}
	for text, status := range map[string]int{
		`{` + body + `}`:                   200,
		`{` + body + `,"model":"none"}`:    404,
		`{}`:                               400,
		`{"files":{}}`:                     400,
		`{"files":["a.rego"]}`:             400,
		`{` + body + `,"sinse":"7d"}`:      400,
		`{` + body + `,"since":"soon"}`:    400,
		`{` + body + `,"until":"never"}`:   400,
		`{` + body + `,"examples":-1}`:     400,
		`{` + body + `,"examples":100000}`: 400,
		`{` + body + `} {}`:                400,
		`oops`:                             400,
		`{"files":{"a.rego":"` + strings.Repeat("#", maxPolicyBytes) + `"}}`: 413,
	} {
		if got, _, err := call(t, new(fake), "POST", "/admin/v1/policy/diff", text); got != status {
			t.Errorf("%.60s: %d %v, want %d", text, got, err, status)
		}
	}
}
