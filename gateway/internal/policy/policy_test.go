package policy_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/policies"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// folder writes files into a new policy folder.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, files)
	return dir
}

func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func source(dir string) policy.Source { return policy.Source{Dir: dir, FS: policies.FS} }

// newEngine makes an engine of one Rego file, or of the built-in policy when it is empty.
// Its time limit is a minute unless o has another, so that a busy machine fails no test.
func newEngine(t testing.TB, rego string, o policy.Options) *policy.Engine {
	t.Helper()
	o.Source = source("")
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if rego != "" {
		o.Source = source(folder(t, map[string]string{"policy.rego": rego}))
	}
	e, err := policy.New(t.Context(), o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return e
}

func request(model string) *llm.Request {
	return &llm.Request{Endpoint: llm.ChatCompletions, Dialect: llm.OpenAI, Facts: llm.Facts{Model: model, Choices: 1}}
}

func decide(t testing.TB, e *policy.Engine, in policy.Input) llm.Decision {
	t.Helper()
	v, err := e.Decide(t.Context(), in)
	if err != nil {
		t.Fatalf("Decide: %v", err)
	}
	return v
}

func TestBuiltinPolicyAllowsByDefault(t *testing.T) {
	e := newEngine(t, "", policy.Options{})
	v := decide(t, e, policy.Input{Request: request("smart")})
	if !v.Allow || len(v.Limits) != 0 || v.Revision == "" {
		t.Errorf("Decide = %+v, want an allowed request without limits, with a revision", v)
	}
}

func TestBuiltinPolicyNamesTheKeysBudget(t *testing.T) {
	e := newEngine(t, "", policy.Options{})
	r := request("smart")
	max, err := llm.ParseUSD("5.000000001")
	if err != nil {
		t.Fatal(err)
	}
	r.Principal = llm.Principal{KeyID: "ab12cd34", Budget: llm.Budget{Max: max, Window: "day"}}
	v := decide(t, e, policy.Input{Request: r})
	want := []llm.Limit{{Name: "key budget", Scope: "key:ab12cd34", Unit: llm.UnitUSD, Window: "day", Max: 5_000_000_001}}
	if diff := cmp.Diff(want, v.Limits); diff != "" || !v.Allow {
		t.Errorf("Decide: allow %v, limits differ (-want +got):\n%s", v.Allow, diff)
	}
}

func TestBuiltinPolicyRefusesModelsTheKeyLacks(t *testing.T) {
	e := newEngine(t, "", policy.Options{})
	r := request("anthropic/claude")
	r.Principal = llm.Principal{KeyID: "ab12cd34", Models: []string{"smart", "openai/*"}}
	v := decide(t, e, policy.Input{Request: r})
	if v.Allow || len(v.Reasons) != 1 {
		t.Fatalf("Decide = %+v, want one reason against it", v)
	}
	got := v.Reasons[0]
	if got.Code != "model_not_allowed" || got.Status != 403 || !strings.HasPrefix(got.Rule, "builtin/default.rego:") {
		t.Errorf("reason = %+v, want model_not_allowed, 403, and the position of the rule", got)
	}
}

func TestEqualInputsAreDecidedOnce(t *testing.T) {
	e := newEngine(t, "", policy.Options{})
	first := decide(t, e, policy.Input{Request: request("smart")})
	noisy := request("smart")
	noisy.Facts.EstInputTokens, noisy.IP = 4711, "192.0.2.1"
	noisy.Facts.Metadata = map[string]string{"trace": "0af7"}
	second := decide(t, e, policy.Input{Request: noisy, EstCost: 12, CostKnown: true, Now: time.Unix(1e9, 0)})
	if first.Memoised || !second.Memoised {
		t.Errorf("memoised = %v, %v, want false, true: the policy reads nothing of the difference", first.Memoised, second.Memoised)
	}
	if s := e.Status(); s.Hits != 1 || s.Misses != 1 || s.Remembered != 1 {
		t.Errorf("Status = %+v, want one hit, one miss, one remembered", s)
	}
	if other := decide(t, e, policy.Input{Request: request("fast")}); other.Memoised {
		t.Error("another model was answered from memory")
	}
}

func TestStatusListsWhatThePolicyReads(t *testing.T) {
	e := newEngine(t, "", policy.Options{})
	want := []string{"input.key.budget", "input.key.id", "input.key.models", "input.request.model"}
	if diff := cmp.Diff(want, e.Status().Reads); diff != "" {
		t.Errorf("Reads differ (-want +got):\n%s", diff)
	}
	if s := e.Status(); s.Tests < 5 || !slices.Equal(s.Files, []string{"builtin/default.rego"}) {
		t.Errorf("Status = %+v, want the built-in file and its tests", s)
	}
}

func TestFolderExtendsTheBuiltinPolicy(t *testing.T) {
	e := newEngine(t, `package penstock
deny contains {"code": "no_tools", "message": "No tools."} if "tools" in input.request.features
warnings contains "careful"
obligations.log := "none"
`, policy.Options{})
	r := request("smart")
	r.Principal = llm.Principal{KeyID: "k", Budget: llm.Budget{Max: llm.USD, Window: "day"}}
	v := decide(t, e, policy.Input{Request: r})
	if !v.Allow || len(v.Limits) != 1 || !slices.Equal(v.Warnings, []string{"careful"}) || v.Obligations.Log != "none" {
		t.Errorf("Decide = %+v, want the key's budget, the warning and the obligation", v)
	}
	r.Facts.Features = llm.Tools
	v = decide(t, e, policy.Input{Request: r})
	if v.Allow || v.Reasons[0].Code != "no_tools" {
		t.Errorf("Decide = %+v, want no_tools", v)
	}
}

func TestFolderThatDecidesReplacesTheBuiltinPolicy(t *testing.T) {
	e := newEngine(t, `package penstock
decision := {"allow": true}
`, policy.Options{})
	r := request("smart")
	r.Principal = llm.Principal{KeyID: "k", Models: []string{"other"}}
	if v := decide(t, e, policy.Input{Request: r}); !v.Allow {
		t.Errorf("Decide = %+v, want allowed", v)
	}
}

func TestDataFilesAreAtThePathOfTheirFolder(t *testing.T) {
	dir := folder(t, map[string]string{
		"policy.rego":     "package penstock\ndecision := {\"allow\": data.open, \"warnings\": [data.teams.search.note, data.teams.mail]}\n",
		"data.yaml":       "open: true\n",
		"teams/data.json": `{"search": {"note": "hello"}, "mail": "x"}`,
		"..data/bad.rego": "not rego",
		"notes.json":      "not read",
	})
	e, err := policy.New(t.Context(), policy.Options{Source: source(dir), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	v := decide(t, e, policy.Input{Request: request("smart")})
	if diff := cmp.Diff([]string{"hello", "x"}, v.Warnings); diff != "" || !v.Allow {
		t.Errorf("Decide = %+v, want data from both files", v)
	}
}

func TestMountedFolderIsReadOnce(t *testing.T) {
	dir := folder(t, map[string]string{"..2026_11_22/p.rego": "package penstock\ndecision := {\"allow\": true}", "..2026_11_22/data.json": `{"a": 1}`})
	for link, target := range map[string]string{"..data": "..2026_11_22", "p.rego": "..data/p.rego", "data.json": "..data/data.json"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	e, err := policy.New(t.Context(), policy.Options{Source: source(dir), Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if files := e.Status().Files; len(files) != 2 {
		t.Errorf("Files = %v, want each file once, under its link's name", files)
	}
}

func TestEmbeddedFilesAreAllThereIs(t *testing.T) {
	found := make(map[string]bool)
	err := fs.WalkDir(policies.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if !d.IsDir() {
			found[path] = true
		}
		return err
	})
	want := map[string]bool{"default.rego": true, "schema/input.json": true, "schema/decision.json": true}
	for _, name := range []string{"teams", "limits", "models"} {
		want["schema/"+name+".json"] = true
	}
	for _, name := range []string{"subjects", "limits", "raises", "requiredtags", "models", "hours", "output", "sessions", "softlimits", "dataclasses"} {
		want[name+".rego"] = true
	}
	for path := range maps.Clone(want) {
		if stem, ok := strings.CutSuffix(path, ".rego"); ok {
			want[stem+"_test.rego"] = true
		}
	}
	if err != nil || !maps.Equal(found, want) {
		t.Errorf("policies.FS holds %v (%v), want %v", found, err, want)
	}
}

func TestCurrentReportsChangedFolders(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "p.rego"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const first = "package penstock\n\ndecision := {\"allow\": true}\n"
	write(first)
	e, err := policy.New(t.Context(), policy.Options{Source: source(dir), Timeout: time.Minute})
	if err != nil || !e.Current() {
		t.Fatalf("a policy just read is not current: %v", err)
	}
	for _, text := range []string{first + "\n# more\n", "package penstock\n\ndecision := {"} {
		if write(text); e.Current() {
			t.Errorf("current after the folder changed to %q", text)
		}
	}
	if write(first); !e.Current() {
		t.Error("not current after the folder became what it was")
	}
}
