package admin

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReplay(t *testing.T) {
	status, reply, _ := call(t, new(fake), "POST", "/admin/v1/requests/req_1/replay", "")
	if status != 200 || !strings.Contains(string(reply.Body), `"same":true`) {
		t.Errorf("%d %s", status, reply.Body)
	}
}

func TestCompare(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	pair := `"routers":[{"router":"balanced","with":{"cost":1}},{"router":"cost"}]`
	a, b := RouterSpec{Router: "balanced", With: json.RawMessage(`{"cost":1}`)}, RouterSpec{Router: "cost"}
	for body, want := range map[string]Comparison{
		`{` + pair + `}`: {A: a, B: b, Selection: Selection{Since: now.Add(-usualSince)}},
		`{` + pair + `,"since":"24h","until":"2026-11-29","model":"m"}`: {A: a, B: b, Selection: Selection{now.Add(-24 * time.Hour), now.Truncate(24 * time.Hour), "m"}},
	} {
		got, err := parseComparison([]byte(body), now)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s (-want +got):\n%s%v", body, d, err)
		}
	}
	for body, status := range map[string]int{
		`{` + pair + `}`: 200,
		`{"routers":[{"router":"none"},{"router":"cost"}]}`: 404,
		`{"routers":[{"router":"cost"}]}`:                   400,
		`{` + pair + `,"sinse":"7d"}`:                       400,
		`{` + pair + `,"since":"soon"}`:                     400,
		`{` + pair + `,"until":"never"}`:                    400,
		`oops`:                                              400,
	} {
		if got, _, err := call(t, new(fake), "POST", "/admin/v1/routes/compare", body); got != status {
			t.Errorf("%s: %d %v, want %d", body, got, err, status)
		}
	}
}
