package policy_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/policies"
)

// inMemory is a policy folder of these files.
func inMemory(files map[string]string) policy.Source {
	return policy.Source{Files: files, FS: policies.FS}
}

func settingsEngine(t testing.TB, files map[string]string, o policy.Options) *policy.Engine {
	t.Helper()
	o.Source, o.Timeout = inMemory(files), time.Minute
	e, err := policy.New(t.Context(), o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return e
}

func TestWrongSettingsAreRefused(t *testing.T) {
	tests := []struct {
		name, file, text string
		want             string // message and hint
	}{
		{"unknown member", "teams", "teams:\n  a:\n    bugdet: {day: 1}\n", "teams.yaml:3:5: teams.a.bugdet: unknown setting\n  did you mean budget?"},
		{"unknown member at the top", "teams", "team: {}\n", "teams.yaml:1:1: team: unknown setting\n  did you mean teams?"},
		{"unknown member without a like", "models", "x: {}\n", "models.yaml:1:1: x: unknown setting\n  known here are defaults, models, data_classes"},
		{"text for a number", "teams", "teams: {a: {budget: {day: ten}}}\n", `teams.yaml:1:27: teams.a.budget.day: must be a number, not the text "ten"`},
		{"number in quotes", "teams", "teams: {a: {rpm: '10'}}\n", `must be a whole number from 0 to 1000000000000000, not the text "10"`},
		{"number for text", "models", "models: {a: {teams: 7}}\n", "models.a.teams: must be text, not the number 7\n  put it in quotes if it is meant as text"},
		{"list for a mapping", "teams", "teams: [a]\n", "teams: must be a mapping, not a list"},
		{"mapping for a list", "limits", "raises: {a: 1}\n", "raises: must be a list, not a mapping"},
		{"text for true", "limits", "sessions: {required: maybe}\n", `must be true or false, not the text "maybe"`},
		{"null", "teams", "teams: {a: {rpm: }}\n", "teams.a.rpm: has no value"},
		{"negative budget", "teams", "teams: {a: {budget: {day: -1}}}\n", "teams.a.budget.day: must not be negative, as -1 is"},
		{"negative count", "teams", "teams: {a: {rpm: -1}}\n", "teams.a.rpm: must be from 0 to"},
		{"absurd budget", "teams", "teams: {a: {budget: {day: 2e9}}}\n", "must be at most 1000000000 US dollars, not 2e9"},
		{"ten decimals", "teams", "teams: {a: {budget: {day: 0.0000000001}}}\n", "more than nine decimals"},
		{"infinity", "teams", "teams: {a: {budget: {day: .inf}}}\n", "is not an amount in US dollars"},
		{"fraction of a count", "teams", "teams: {a: {rpm: 1.5}}\n", "must be a whole number"},
		{"unknown window", "teams", "teams: {a: {budget: {dya: 1}}}\n", `teams.yaml:1:22: teams.a.budget.dya: invalid window "dya"`},
		{"one limit twice", "teams", "teams: {a: {rpm: 5, requests: {1m: 6}}}\n", "teams.yaml:1:18: teams.a.rpm: is requests: {1m: …}, which is given as well in row 1\n  delete one of the two"},
		{"one limit twice, one by the defaults", "teams", "defaults: {tpm: 5}\nteams: {a: {tokens: {1m: 6}}}\n", "teams.yaml:2:26: teams.a.tpm: is tokens"},
		{"duplicate member", "teams", "teams:\n  a: {rpm: 1}\n  a: {rpm: 2}\n", "teams.yaml:3:3: teams.a: is given twice, first in row 2\n  delete one of the two"},
		{"soft above hard", "teams", "teams: {a: {budget: {day: {hard: 5, soft: 5}}}}\n", "soft must be below hard"},
		{"percent of nothing", "teams", "teams: {a: {budget: {day: {soft: 80%}}}}\n", "there is no hard"},
		{"percent above 99", "teams", "teams: {a: {budget: {day: {hard: 1, soft: 100%}}}}\n", `a percentage from 1% to 99%, not "100%"`},
		{"neither hard nor soft", "teams", "teams: {a: {budget: {day: {}}}}\n", "has neither hard nor soft"},
		{"unknown action", "teams", "teams: {a: {budget: {day: {hard: 1, on_exceed: cutt}}}}\n", `must be one of deny, cut, not "cutt"` + "\n  did you mean cut?"},
		{"action of a soft limit", "teams", "teams: {a: {budget: {day: {soft: 1, on_exceed: cut}}}}\n", "on_exceed has no effect"},
		{"misspelt bound", "teams", "teams: {a: {budget: {day: {hrad: 1}}}}\n", "unknown setting\n  did you mean hard?"},
		{"25:00", "teams", "teams: {a: {hours: [{closed: 25:00-06:00}]}}\n", `teams.yaml:1:30: teams.a.hours[0].closed: invalid time "25:00": it must be from 00:00 to 24:00`},
		{"24:30", "teams", "teams: {a: {hours: [{closed: 22:00-24:30}]}}\n", `invalid time "24:30"`},
		{"no time", "teams", "teams: {a: {hours: [{closed: 10:00-10:00}]}}\n", "it ends when it begins"},
		{"no weekday", "teams", "teams: {a: {hours: [{open: [Mon-Fry 08:00-18:00]}]}}\n", `teams.a.hours[0].open[0]: invalid weekday "Fry"`},
		{"open and closed", "teams", "teams: {a: {hours: [{open: Mon, closed: Tue}]}}\n", "has both open and closed"},
		{"neither open nor closed", "teams", "teams: {a: {hours: [{models: x}]}}\n", "has neither open nor closed"},
		{"hours of models in models.yaml", "models", "models: {a: {hours: [{models: x, open: Mon}]}}\n", "the hours here are those of this model"},
		{"past_soft without a soft limit", "teams", "teams: {a: {budget: {day: 5}, past_soft: {model: x}}}\n", "teams.a.past_soft: has no effect: there is no soft limit"},
		{"past_soft with two members", "teams", "teams: {a: {budget: {day: {hard: 5, soft: 80%}}, past_soft: {model: x, route: y}}}\n", "has 2 members\n  write one of model, models and route"},
		{"a model instead of itself", "teams", "teams: {a: {budget: {day: {hard: 5, soft: 80%}}, past_soft: {models: {x: x}}}}\n", "a model can't replace itself"},
		{"no output", "teams", "teams: {a: {max_output_tokens: 0}}\n", "must be from 1 to 100000000, not 0"},
		{"nobody at once", "teams", "teams: {a: {concurrent: 0}}\n", "must be at least 1"},
		{"listed twice", "teams", "teams: {a: {models: [x, x]}}\n", `"x" is listed twice`},
		{"a class without a place", "models", "data_classes: {personal: {}}\n", "has neither targets nor regions"},
		{"a raise of nobody", "limits", "raises: [{add: 1, window: day, until: 2026-01-01}]\n", "does not say whose limit is raised"},
		{"a raise without an end", "limits", "raises: [{team: a, add: 1, window: day}]\n", "raises[0].until: missing"},
		{"a raise of nothing", "limits", "everyone: {rpm: 5}\nraises: [{everyone: true, add: 1, window: day, until: 2026-01-01}]\n", "there is no limit of usd day to raise\n  it has requests 1m (unit and window)"},
		{"a raise that ends before it begins", "limits", "everyone: {rpm: 5}\nraises: [{everyone: true, unit: requests, add: 1, window: 1m, from: 2026-02-01, until: 2026-01-01}]\n", "ends on 2026-01-01, before it begins on 2026-02-01"},
		{"a raise of a fraction", "limits", "everyone: {rpm: 5}\nraises: [{everyone: true, unit: requests, add: 1.5, window: 1m, until: 2026-01-01}]\n", "raises[0].add: must be a whole number"},
		{"a raise by nothing", "limits", "everyone: {rpm: 5}\nraises: [{everyone: true, unit: requests, add: 0, window: 1m, until: 2026-01-01}]\n", "must be more than 0"},
		{"no such day", "limits", "raises: [{team: a, add: 1, window: day, until: 2026-02-30}]\n", `invalid date "2026-02-30"`},
		{"merge key", "teams", "teams:\n  a: &a {rpm: 1}\n  b: {<<: *a}\n", "merge keys (<<) are not supported"},
		{"tag", "teams", "teams: !x {}\n", "YAML tags are not supported"},
		{"two documents", "teams", "teams: {}\n---\nteams: {}\n", "more than one YAML document"},
		{"no YAML", "teams", "teams: {a: [\n", "invalid YAML"},
		{"not UTF-8", "teams", "teams:\n  caf\xe9: {}\n", "teams.yaml:2:6: not valid UTF-8"},
		{"anchor within itself", "teams", "teams: &a {x: *a}\n", "teams.x.x: unknown setting"},
		{"nested without end", "teams", "teams: " + strings.Repeat("{a: ", 200) + strings.Repeat("}", 200) + "\n", "unknown setting"},
		{"a name that is too long", "teams", "teams: {" + strings.Repeat("x", 129) + ": {}}\n", "a name must have 1 to 128 bytes"},
		{"a name with a control character", "teams", "teams: {\"a\\nb\": {}}\n", "no control characters"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := policy.Check(t.Context(), inMemory(map[string]string{tt.file + ".yaml": tt.text}))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.file+".yaml:") {
				t.Errorf("Check of %q = %v, want %q with file and row", tt.text, err, tt.want)
			}
		})
	}
}

// TestAliasesAreBounded checks that a small file can't expand to a huge one.
func TestAliasesAreBounded(t *testing.T) {
	var text strings.Builder
	text.WriteString("teams:\n  t0: &t0 {models: [a, b, c, d, e, f, g, h]}\n")
	for i := range 2_000 {
		text.WriteString("  u" + strings.Repeat("x", i%3) + string(rune('a'+i%26)) + "_" + time.Duration(i).String() + ": *t0\n")
	}
	bomb := "everyone:\n  models: &a [x, y]\n  hours: [" + strings.Repeat("{models: *a, open: Mon}, ", 40_000) + "]\n"
	for name, files := range map[string]map[string]string{"many": {"limits.yaml": bomb}} {
		if err := policy.Check(t.Context(), inMemory(files)); err == nil || !strings.Contains(err.Error(), "too many values") {
			t.Errorf("%s: Check = %.300v, want too many values", name, err)
		}
	}
	if err := policy.Check(t.Context(), inMemory(map[string]string{"teams.yaml": text.String()})); err != nil {
		t.Errorf("Check of 2,000 teams with one alias: %.300v", err)
	}
}

func TestReferencesBetweenSettingsFiles(t *testing.T) {
	files := map[string]string{
		"teams.yaml":  "teams: {research: {rpm: 5}}\n",
		"limits.yaml": "sessions: {by_team: {reserch: {turns: 5}}}\nraises: [{team: resaerch, unit: requests, window: 1m, add: 1, until: 2026-01-01}]\n",
		"models.yaml": "models: {smart: {teams: [reasearch]}}\n",
	}
	err := policy.Check(t.Context(), inMemory(files))
	for _, want := range []string{
		`limits.yaml:1:11: sessions.by_team: there is no team "reserch" in teams.yaml`,
		`limits.yaml:2:10: raises[0]: team "resaerch" has no limits`,
		`models.yaml:1:17: models.smart.teams: there is no team "reasearch" in teams.yaml`,
		"did you mean research?",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check = %v, want %q", err, want)
		}
	}
}

func TestSettingsBesideADecisionAreRefused(t *testing.T) {
	mustRefuse(t, map[string]string{"p.rego": anyPolicy, "teams.yaml": "teams: {a: {rpm: 1}}\n"}, []string{"teams.yaml: has no effect: ", "p.rego:2 defines the decision itself"})
	mustRefuse(t, map[string]string{"a.data.json": `{"penstock_tables": {}}`, "teams.yaml": ""}, []string{"a.data.json: data.penstock_tables is what the gateway makes of"})
	mustRefuse(t, map[string]string{"a.data.json": `{"teams": {"teams": {"a": 1}}}`, "teams.yaml": "teams: {a: {rpm: 1}}\n"}, []string{"teams.yaml: data.teams.teams.a is already defined by ", "a.data.json"})
}

func TestEmptySettingsSetNothing(t *testing.T) {
	plain := decide(t, newEngine(t, "", policy.Options{}), policy.Input{Request: keyed("smart")})
	for _, text := range []string{"", "# nothing yet\n", "\xef\xbb\xbf", "---\n", "{}\n", "teams:\n", "null\n"} {
		e, err := policy.New(t.Context(), policy.Options{Source: inMemory(map[string]string{"teams.yaml": text}), Timeout: time.Minute})
		if text == "teams:\n" {
			if err == nil || !strings.Contains(err.Error(), "teams: has no value") {
				t.Errorf("New with %q: %v", text, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("New with %q: %v", text, err)
			continue
		}
		got := decide(t, e, policy.Input{Request: keyed("smart")})
		got.Revision, plain.Revision = "", ""
		if diff := cmp.Diff(plain, got); diff != "" {
			t.Errorf("with %q (-without, +with)\n%s", text, diff)
		}
	}
}

func TestSettingsReadOnlyWhatTheyNeed(t *testing.T) {
	tests := []struct {
		file, text string
		want       []string
	}{
		{"teams.yaml", "", nil},
		{"teams.yaml", "teams: {a: {rpm: 5}}", []string{"input.key.team"}},
		{"teams.yaml", "teams: {a: {hours: [{closed: Sat-Sun}]}}", []string{"input.key.team", "input.time.minute_of_day", "input.time.weekday"}},
		{"limits.yaml", "users: {defaults: {rpm: 5}}", []string{"input.key.user"}},
		{"limits.yaml", "everyone: {max_output_tokens: 5}", nil},
		{"limits.yaml", "tags: {usecase: {defaults: {rpm: 5}}}", []string{`input.request.tags["usecase"]`}},
		{"limits.yaml", "sessions: {defaults: {turns: 5}}", []string{"input.request.session"}},
		{"limits.yaml", "sessions: {required: true}", []string{"input.request.session"}},
		{"models.yaml", "models: {a: {max_output_tokens: 5}}", nil},
		{"models.yaml", "data_classes: {personal: {regions: eu}}", []string{"input.request.data_classes", "input.route.targets"}},
		{"teams.yaml", "defaults: {budget: {day: {hard: 5, soft: 80%}}, past_soft: {model: x}}", []string{"input.key.team", "input.route.name", "input.usage"}},
		{"limits.yaml", "everyone: {rpm: 5}\nraises: [{everyone: true, unit: requests, window: 1m, add: 1, until: 2026-01-01}]", []string{"input.time.date"}},
	}
	usual := newEngine(t, "", policy.Options{}).Status().Reads
	for _, tt := range tests {
		e := settingsEngine(t, map[string]string{tt.file: tt.text}, policy.Options{})
		got := slices.DeleteFunc(e.Status().Reads, func(path string) bool { return slices.Contains(usual, path) })
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q reads %v beside the usual, want %v", tt.text, got, tt.want)
		}
	}
}

// limitsOf returns the limits of a decision as "scope unit window max", sorted.
func limitsOf(v llm.Decision) (list []string) {
	for _, l := range v.Limits {
		amount := llm.NanoUSD(l.Max).Decimal()
		if l.Unit != llm.UnitUSD {
			amount = llm.NanoUSD(l.Max * int64(llm.USD)).Decimal()
		}
		list = append(list, strings.Join(strings.Fields(l.Scope+" "+string(l.Unit)+" "+l.Window+" "+amount), " "))
	}
	slices.Sort(list)
	return list
}

func TestDefaultsAndOverrides(t *testing.T) {
	e := settingsEngine(t, map[string]string{"teams.yaml": `
defaults:
  budget: {month: 500}
  rpm: 60
teams:
  search: {budget: {day: {hard: 10, soft: 4}, week: {soft: 20}}, concurrent: {hard: 8, soft: 50%}}
  none: {budget: {}, rpm: 7}
  plain:
`}, policy.Options{})
	for team, want := range map[string][]string{
		"search": {"team:search concurrent 4", "team:search concurrent 8", "team:search requests 1m 60", "team:search usd day 10", "team:search usd day 4", "team:search usd week 20"},
		"none":   {"team:none requests 1m 7"},
		"plain":  {"team:plain requests 1m 60", "team:plain usd month 500"},
		"other":  {"team:other requests 1m 60", "team:other usd month 500"},
		"":       nil,
	} {
		r := request("smart")
		r.Principal = llm.Principal{KeyID: "k", Team: team}
		if got := limitsOf(decide(t, e, policy.Input{Request: r})); !slices.Equal(got, want) {
			t.Errorf("team %q has the limits %q, want %q", team, got, want)
		}
	}
}

func TestRaisesAddUp(t *testing.T) {
	e := settingsEngine(t, map[string]string{
		"teams.yaml": "teams: {search: {budget: {month: {hard: 100, soft: 60}}}}\n",
		"limits.yaml": `
users: {defaults: {rpm: 10}}
raises:
  - {team: search, window: month, add: 50, from: 2026-03-02, until: 2026-03-10, reason: a demonstration}
  - {team: search, window: month, add: 25.5, until: 2026-03-05}
  - {user: ada, unit: requests, window: 1m, add: 5, until: 2026-03-05}
`}, policy.Options{})
	for day, want := range map[int][]string{
		1:  {"team:search usd month 125.5", "team:search usd month 75.3", "user:ada requests 1m 15"},
		2:  {"team:search usd month 105.3", "team:search usd month 175.5", "user:ada requests 1m 15"},
		5:  {"team:search usd month 105.3", "team:search usd month 175.5", "user:ada requests 1m 15"},
		6:  {"team:search usd month 150", "team:search usd month 90", "user:ada requests 1m 10"},
		10: {"team:search usd month 150", "team:search usd month 90", "user:ada requests 1m 10"},
		11: {"team:search usd month 100", "team:search usd month 60", "user:ada requests 1m 10"},
	} {
		r := request("smart")
		r.Principal = llm.Principal{KeyID: "k", Team: "search", User: "ada"}
		at := time.Date(2026, time.March, day, 23, 59, 0, 0, time.UTC)
		if got := limitsOf(decide(t, e, policy.Input{Request: r, Now: at})); !slices.Equal(got, want) {
			t.Errorf("on March %d the limits are %q, want %q", day, got, want)
		}
	}
}

func TestNotesNameWhatHasNoEffect(t *testing.T) {
	files := map[string]string{
		"limits.yaml":    "everyone: {rpm: 5}\nraises:\n  - {everyone: true, unit: requests, window: 1m, add: 1, until: 2026-03-05}\n  - {everyone: true, unit: requests, window: 1m, add: 1, until: 2026-03-06}\n",
		"sub/teams.yaml": "teams: {a: {rpm: 5}}\n", "models.yml": "",
	}
	now := time.Date(2026, time.March, 6, 12, 0, 0, 0, time.UTC)
	got := policy.Notes(inMemory(files), now)
	want := []string{
		"models.yml: is not read: settings are read from models.yaml at the root of the policies folder only",
		"sub/teams.yaml: is not read: settings are read from teams.yaml at the root of the policies folder only; the tests beside it are not run",
		"limits.yaml:3:5: raises[0]: ended on 2026-03-05 and has no effect: delete it",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Notes (-want, +got)\n%s", diff)
	}
	var log bytes.Buffer
	settingsEngine(t, files, policy.Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return now }})
	for _, line := range want {
		if !strings.Contains(log.String(), line) {
			t.Errorf("the log has no %q:\n%s", line, log.String())
		}
	}
}

// TestHoursAreThoseOfTheClock compares the tables with a look at each minute.
func TestHoursAreThoseOfTheClock(t *testing.T) {
	tests := []struct {
		hours  string
		closed func(day time.Weekday, minute int) bool
	}{
		{"{closed: '22:00-06:00'}", func(_ time.Weekday, m int) bool { return m >= 22*60 || m < 6*60 }},
		{"{closed: 'Fri 22:00-06:00'}", func(d time.Weekday, m int) bool {
			return d == time.Friday && m >= 22*60 || d == time.Saturday && m < 6*60
		}},
		{"{closed: [Sat-Sun, '00:00-01:00']}", func(d time.Weekday, m int) bool { return d == time.Saturday || d == time.Sunday || m < 60 }},
		{"{open: 'Mon-Fri 08:00-18:00'}", func(d time.Weekday, m int) bool {
			return d == time.Saturday || d == time.Sunday || m < 8*60 || m >= 18*60
		}},
		{"{open: ['monday,WED 08:00-12:00', 'Fri-Mon 13:00-24:00']}", func(d time.Weekday, m int) bool {
			morning := (d == time.Monday || d == time.Wednesday) && m >= 8*60 && m < 12*60
			late := (d == time.Friday || d == time.Saturday || d == time.Sunday || d == time.Monday) && m >= 13*60
			return !morning && !late
		}},
		{"{closed: 'Sun 23:00-00:00'}", func(d time.Weekday, m int) bool { return d == time.Sunday && m >= 23*60 }},
	}
	for _, tt := range tests {
		e := settingsEngine(t, map[string]string{"limits.yaml": "everyone: {hours: [" + tt.hours + "]}\n"}, policy.Options{})
		monday := time.Date(2026, time.March, 2, 0, 0, 0, 0, time.UTC)
		for minute := 0; minute < 7*24*60; minute += 30 {
			for _, at := range []time.Time{monday.Add(time.Duration(minute) * time.Minute), monday.Add(time.Duration(minute+29) * time.Minute)} {
				got := decide(t, e, policy.Input{Request: request("smart"), Now: at}).Allow
				if want := !tt.closed(at.Weekday(), at.Hour()*60+at.Minute()); got != want {
					t.Errorf("%s: on %s allowed = %v, want %v", tt.hours, at.Format("Monday 15:04"), got, want)
				}
			}
		}
	}
}

// TestListsMatchAsNamesDo compares lists of models with llm.MatchName.
func TestListsMatchAsNamesDo(t *testing.T) {
	text := rapid.StringOf(rapid.SampledFrom([]rune(`ab*?[]{},\\-!^./ é$`)))
	rapid.Check(t, func(t *rapid.T) {
		pattern, name := text.Filter(func(s string) bool { return s != "" && len(s) < 100 }).Draw(t, "pattern"), text.Draw(t, "name")
		quoted := "'" + pattern + "'"
		e, err := policy.New(t.Context(), policy.Options{Source: inMemory(map[string]string{"limits.yaml": "everyone: {models: " + quoted + "}\n"}), Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		v, err := e.Decide(t.Context(), policy.Input{Request: request(name)})
		if want := llm.MatchName(pattern, name); err != nil || v.Allow != want {
			t.Fatalf("the list %s allows %q: %v (%v), want %v", quoted, name, v.Allow, err, want)
		}
	})
}

func TestFolderRulesWinOverSettings(t *testing.T) {
	e := settingsEngine(t, map[string]string{
		"limits.yaml": "everyone: {max_output_tokens: 5, rpm: 10}\n",
		"p.rego":      "package penstock\n\nobligations[\"max_output_tokens\"] := 7 if input.request.model == \"big\"\n\nlimits contains {\"name\": \"mine\", \"scope\": \"x\", \"unit\": \"requests\", \"window\": \"1m\", \"max\": 1}\n",
	}, policy.Options{})
	for model, want := range map[string]int64{"big": 7, "small": 5} {
		v := decide(t, e, policy.Input{Request: request(model)})
		if v.Obligations.MaxOutputTokens != want || len(v.Limits) != 2 {
			t.Errorf("%s: %+v, want an output of %d and two limits", model, v, want)
		}
	}
}

func TestSessionsThatAreNoScope(t *testing.T) {
	e := settingsEngine(t, map[string]string{"limits.yaml": "sessions: {defaults: {turns: 5}}\n"}, policy.Options{})
	scopes := map[string]bool{}
	for _, session := range []string{"run", strings.Repeat("x", 256), strings.Repeat("x", 255), "a\u0085b", "a\xffb", "a/b"} {
		r := keyed("smart")
		r.Session = session
		v := decide(t, e, policy.Input{Request: r})
		for _, l := range v.Limits {
			if strings.HasPrefix(l.Scope, "session:") {
				scopes[l.Scope] = true
			}
		}
	}
	if len(scopes) != 6 || !scopes["session:ab12cd34/run"] {
		t.Errorf("scopes = %v, want six", scopes)
	}
}

func TestSchemasAreUpToDate(t *testing.T) {
	for _, name := range []string{"teams", "limits", "models"} {
		want, err := policy.SettingsSchema(name)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(policiesDir, "schema", name+".json")
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not up to date (%v): run go run ./gateway/internal/policy/generate", file, err)
		}
	}
	if _, err := policy.SettingsSchema("team"); err == nil || !strings.Contains(err.Error(), "did you mean teams?") {
		t.Errorf("SettingsSchema(team): %v", err)
	}
}

// TestReadmeSettingsAreValid checks the files that policies/README.md shows, together.
func TestReadmeSettingsAreValid(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(policiesDir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for _, block := range strings.Split(string(readme), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		if name, rest, ok := strings.Cut(strings.TrimPrefix(block, "# "), ".yaml\n"); ok {
			files[name+".yaml"] = rest
		}
	}
	if err := policy.Check(t.Context(), inMemory(files)); err != nil || len(files) != 3 {
		t.Errorf("Check of %d files: %v", len(files), err)
	}
}

// FuzzSettings checks that no settings file is accepted that can't decide, and none panics.
func FuzzSettings(f *testing.F) {
	for _, text := range everyday() {
		f.Add(text)
	}
	f.Add("everyone: &a {hours: [{open: [Mon-Fri 08:00-18:00]}]}\nkeys: {defaults: *a}\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"teams.yaml", "limits.yaml", "models.yaml"} {
			e, err := policy.New(t.Context(), policy.Options{Source: inMemory(map[string]string{name: text}), Timeout: time.Minute, MemoBytes: -1})
			if err != nil {
				continue
			}
			if _, err := e.Decide(t.Context(), policy.Input{Request: keyed("smart")}); err != nil {
				t.Errorf("%s is accepted and can't decide: %v\n%s", name, err, text)
			}
		}
	})
}
