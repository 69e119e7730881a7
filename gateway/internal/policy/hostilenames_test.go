package policy_test

import (
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/policy"
)

// TestHostileNamesAreRefused asks for models whose names have all sorts of characters. What
// callers choose may be in a message, and does not make the decision fail.
func TestHostileNamesAreRefused(t *testing.T) {
	t.Parallel()
	byKey := policy.Input{Request: request("")}
	byKey.Request.Principal = llm.Principal{KeyID: "k1", Models: []string{"smart"}}
	byTeam := policy.Input{Request: request("")}
	byTeam.Request.Principal = llm.Principal{KeyID: "k1", Team: "a"}
	byTeam.Request.Tags = map[string]string{"usecase": "x"}
	atNight := byTeam
	atNight.Now = time.Date(2026, time.March, 4, 23, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		files map[string]string
		in    policy.Input
	}{
		"the key's list":  {map[string]string{"models.yaml": "models: {small: {}}\n"}, byKey},
		"the team's list": {map[string]string{"teams.yaml": "teams: {a: {models: [smart]}}\n"}, byTeam},
		"other teams":     {map[string]string{"teams.yaml": "teams: {a: {}, b: {}}\n", "models.yaml": "models: {\"*\": {teams: [b]}}\n"}, byTeam},
		"hours":           {map[string]string{"teams.yaml": "teams: {a: {hours: [{closed: 22:00-06:00}]}}\n"}, atNight},
		"classes of data": {map[string]string{"models.yaml": "data_classes: {secret: {targets: [x]}}\n"}, classed(byTeam)},
	} {
		t.Run(name, func(t *testing.T) {
			e := settingsEngine(t, test.files, policy.Options{})
			for _, model := range []string{"gpt", "a\x7fb", "a\u0085b", "\u009b31m", "a\u2028b", `a"\b`, "a\x00\n\tb", "a%sb", "<&>", "\U000e0001"} {
				in := test.in
				r := *in.Request
				r.Facts.Model, in.Request = model, &r
				if d := decide(t, e, in); d.Allow || len(d.Reasons) != 1 || d.Reasons[0].Status != 403 {
					t.Errorf("the model %q: %+v", model, d)
				}
			}
		})
	}
}

// classed returns an input whose request has a class of data.
func classed(in policy.Input) policy.Input {
	in.DataClasses = []string{"secret"}
	return in
}
