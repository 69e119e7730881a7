package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/meter"
)

func TestLeast(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, size := range []int{0, 1, 2, 10, 999} {
		all := make([]int, size)
		for i := range all {
			all[i] = rnd.IntN(size) // some repeat
		}
		for _, n := range []int{1, 2, 7, 100, 5000} {
			want := slices.Compact(slices.Sorted(slices.Values(all)))
			want = want[:min(n, len(want))]
			if got := least(n, slices.Values(all), cmp.Compare[int]); !slices.Equal(got, want) {
				t.Errorf("least(%d) of %v = %v, want %v", n, all, got, want)
			}
		}
	}
}

func FuzzAfter(f *testing.F) {
	f.Add("team:a&b", "%zz\x00\xff", "")
	f.Add("", "", "eyJ")
	f.Fuzz(func(t *testing.T, a, b, text string) {
		names, err := parseAfter(afterOf(a, b), 2)
		if err != nil || !slices.Equal(names, []string{a, b}) {
			t.Errorf("parseAfter(afterOf(%q, %q)) = %q, %v", a, b, names, err)
		}
		if names, err := parseAfter(text, 2); err == nil && text != "" && len(names) != 2 {
			t.Errorf("parseAfter(%q) = %q", text, names)
		}
	})
}

// openLists opens a server with five targets, three modules, and a policy with four limits.
func openLists(t *testing.T) *testServer {
	t.Helper()
	module, err := filepath.Abs("../wasm/cases/testdata/cheapest-1.0.wasm")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return openTestServerIn(t, dir, http.NotFoundHandler(), `
keys: off
providers: {up: {dialect: openai, base_url: $UPSTREAM, allow_private: true, api_keys: [{key: env:TEST_KEY, name: a}, {key: env:TEST_SECRET, name: b}]}}
models: {m: {router: aaa, targets: [up/1, up/2, up/3]}, n: {router: zoo, targets: [demo/demo, demo/demo-fast]}}
plugins: {aaa: {file: `+module+`}, zoo: {file: `+module+`}}
policies: policies
ledger: sqlite://penstock.db
`, func() {
		writeFile(t, filepath.Join(dir, "policies", "limits.rego"), `package penstock
limits contains {"name": "rate", "scope": sprintf("model:%s", [input.request.model]), "unit": "requests", "window": "1m", "max": 5}
limits contains {"name": "day", "scope": "all", "unit": "usd", "window": "day", "max": 9}
limits contains {"name": "day", "scope": "all", "unit": "usd", "window": "day", "max": 7, "on_exceed": "warn"}
`)
	})
}

// countOn lets the meter count some requests of a limit, and what they cost.
func (h *testServer) countOn(t *testing.T, limit llm.Limit, used llm.Amounts) {
	t.Helper()
	name := limit.Scope + string(limit.Unit)
	if _, _, err := h.meter.Reserve(name, []llm.Limit{limit}, llm.Exactly(used)); err != nil {
		t.Error(err)
	}
	h.meter.Settle(name, used)
}

// entriesOf returns the entries of a list and what else it has, without next.
func (h *testServer) entriesOf(t *testing.T, path, member string) (entries []json.RawMessage, next, rest string) {
	t.Helper()
	status, body := h.operate(t, http.MethodGet, path, "")
	var list map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &list); err != nil || status != 200 {
		t.Fatalf("GET %s = %d %s", path, status, body)
	}
	if err := json.Unmarshal(list[member], &entries); err != nil || entries == nil {
		t.Fatalf("GET %s has %s: %s, want a list", path, member, list[member])
	}
	if list["next"] != nil {
		if err := json.Unmarshal(list["next"], &next); err != nil || next == "" {
			t.Fatalf("GET %s has next: %s", path, list["next"])
		}
	}
	delete(list, member)
	delete(list, "next")
	text, _ := json.Marshal(list)
	return entries, next, string(text)
}

// walk returns the entries of all pages.
func (h *testServer) walk(t *testing.T, path, member string, limit int) (all []string, rest string) {
	t.Helper()
	begin := path + map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")] + fmt.Sprintf("limit=%d", limit)
	for at := begin; ; {
		entries, next, beside := h.entriesOf(t, at, member)
		if len(entries) > limit || next != "" && len(entries) < limit {
			t.Fatalf("GET %s has %d entries, and next is %q", at, len(entries), next)
		}
		if rest != "" && beside != rest {
			t.Errorf("GET %s has %s beside the list, the page before had %s", at, beside, rest)
		}
		for _, entry := range entries {
			all = append(all, string(entry))
		}
		if rest = beside; next == "" {
			return all, rest
		}
		at = begin + "&after=" + url.QueryEscape(next)
	}
}

// TestListsHavePages: pages of any size have what the whole list has, in its order.
func TestListsHavePages(t *testing.T) {
	t.Parallel()
	h := openLists(t)
	for i := range 5 {
		h.countOn(t, llm.Limit{Scope: fmt.Sprintf("team:%d & co", i), Unit: llm.UnitUSD, Window: "year", Max: int64(llm.USD)}, llm.Amounts{USD: llm.NanoUSD(i) * llm.USD / 5})
		h.countOn(t, llm.Limit{Scope: "all", Unit: llm.UnitRequests, Window: fmt.Sprintf("%dh", 24*(i+1)), Max: 9}, llm.Amounts{Requests: 1})
		h.raiseFor(t, fmt.Sprintf("+%dd", 1+i/2))
	}
	for _, list := range []struct {
		path, member string
		want         int
	}{
		{"/admin/v1/budgets", "budgets", 10},
		{"/admin/v1/budgets?scope=team:*", "budgets", 5},
		{"/admin/v1/budgets?scope=all", "budgets", 5},
		{"/admin/v1/budgets?unit=usd", "budgets", 5},
		{"/admin/v1/budgets?unit=usd&full=0.6", "budgets", 2},
		{"/admin/v1/budgets?scope=nobody", "budgets", 0},
		{"/admin/v1/raises", "raises", 5},
		{"/admin/v1/targets", "targets", 5},
		{"/admin/v1/plugins", "plugins", 3},
		{"/admin/v1/limits?team=a", "limits", 4},
	} {
		whole, rest := h.walk(t, list.path, list.member, 1000)
		if len(whole) != list.want {
			t.Errorf("GET %s has %d entries, want %d: %s", list.path, len(whole), list.want, whole)
		}
		for _, limit := range []int{1, 2, 3, list.want, list.want + 1} {
			if limit == 0 {
				continue
			}
			got, beside := h.walk(t, list.path, list.member, limit)
			if d := gocmp.Diff(whole, got); d != "" || beside != rest {
				t.Errorf("GET %s in pages of %d (-whole +pages):\n%s%s, %s", list.path, limit, d, rest, beside)
			}
		}
	}
	for path, afters := range map[string][]string{
		"/admin/v1/budgets": {"x", "all", "YQ", "****", "JXp6JiZh"}, "/admin/v1/raises": {"raise_1", afterOf("soon", "raise_1"), afterOf("1")}, "/admin/v1/limits?team=a": {"day", afterOf("day")},
	} {
		for _, after := range afters {
			u, err := url.Parse(path)
			if err != nil {
				t.Fatal(err)
			}
			q := u.Query()
			q.Set("after", after)
			status, body := h.operate(t, http.MethodGet, u.Path+"?"+q.Encode(), "")
			if status != 400 || !strings.Contains(body, "after: write the next of the page before.") {
				t.Errorf("GET %s after %q = %d %s, want a 400", path, after, status, body)
			}
		}
	}
}

// raiseFor raises a limit for a time.
func (h *testServer) raiseFor(t *testing.T, until string) {
	t.Helper()
	if _, err := h.raise(t.Context(), admin.RaiseSpec{Scope: "team:x", Unit: llm.UnitUSD, Window: "day", By: "1", Until: until}, "test"); err != nil {
		t.Fatal(err)
	}
}

// TestWhatHasGoneIsNoBadAfter: the last entry of a page may be gone when the next is asked for.
func TestWhatHasGoneIsNoBadAfter(t *testing.T) {
	t.Parallel()
	h := openLists(t)
	h.raiseFor(t, "+1h")
	h.raiseFor(t, "+2h")
	entries, next, _ := h.entriesOf(t, "/admin/v1/raises?limit=1", "raises")
	var first Raise
	if err := json.Unmarshal(entries[0], &first); err != nil {
		t.Fatal(err)
	}
	if _, err := h.endRaise(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	if entries, _, _ := h.entriesOf(t, "/admin/v1/raises?limit=1&after="+next, "raises"); len(entries) != 1 {
		t.Errorf("after a raise that was ended there are %d, want the other one", len(entries))
	}
	for path, member := range map[string]string{
		"/admin/v1/budgets?after=" + afterOf("all", "usd", "day"): "budgets", "/admin/v1/targets?after=up/4": "targets", "/admin/v1/plugins?after=zzz": "plugins",
		"/admin/v1/limits?team=a&after=" + afterOf("z", "", "", "", "", ""): "limits",
	} {
		if entries, next, _ := h.entriesOf(t, path, member); len(entries) > 0 || next != "" {
			t.Errorf("GET %s has %s and next %q, want an empty page", path, entries, next)
		}
	}
}

// TestChangesReplyWithWhatTheyChange, and not with the whole list.
func TestChangesReplyWithWhatTheyChange(t *testing.T) {
	t.Parallel()
	h := openLists(t)
	for i := range 3 {
		h.countOn(t, llm.Limit{Scope: fmt.Sprintf("team:%d", i), Unit: llm.UnitUSD, Window: "year", Max: int64(llm.USD)}, llm.Amounts{USD: 1})
	}
	for _, change := range []struct{ path, body, member, of, want string }{
		{"/admin/v1/budgets", `{"scope":"team:1","unit":"usd","window":"year","used":0.5}`, "budgets", "scope", "team:1"},
		{"/admin/v1/targets/open", `{"id":"up/2"}`, "targets", "target", "up/2"},
		{"/admin/v1/targets/close", `{"id":"up/2"}`, "targets", "target", "up/2"},
		{"/admin/v1/targets/open", `{"id":"up#a"}`, "targets", "target", "up/1 up/2 up/3"},
		{"/admin/v1/targets/close", `{"id":"up#a"}`, "targets", "target", "up/1 up/2 up/3"},
	} {
		status, body := h.operate(t, http.MethodPost, change.path, change.body)
		var list map[string][]map[string]any
		if err := json.Unmarshal([]byte(body), &list); err != nil || status != 200 {
			t.Fatalf("POST %s = %d %s", change.path, status, body)
		}
		var names []string
		for _, entry := range list[change.member] {
			names = append(names, fmt.Sprint(entry[change.of]))
		}
		if got := strings.Join(names, " "); got != change.want {
			t.Errorf("POST %s %s replies with %s, want %s", change.path, change.body, got, change.want)
		}
	}
}

// TestPagesWhileCountersComeAndGo: pages neither repeat nor skip what is there throughout.
func TestPagesWhileCountersComeAndGo(t *testing.T) {
	t.Parallel()
	h := openLists(t)
	const stays = 300
	for i := range stays {
		h.countOn(t, llm.Limit{Scope: fmt.Sprintf("c:%d", i*7919%stays), Unit: llm.UnitRequests, Window: "year", Max: 9}, llm.Amounts{Requests: 1})
	}
	done := make(chan struct{})
	var workers sync.WaitGroup
	for w := range 2 {
		workers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				scope := fmt.Sprintf("%c:%d.%d", "bcd"[i%3], w, i%500) // before, among and after the others
				h.countOn(t, llm.Limit{Scope: scope, Unit: llm.UnitConcurrent, Max: 9}, llm.Amounts{Requests: 1})
				if i%100 == 0 {
					h.meter.Sweep(time.Now())
				}
			}
		})
	}
	for range 5 {
		seen, last := map[string]int{}, ""
		list, _ := h.walk(t, "/admin/v1/budgets", "budgets", 20)
		for _, text := range list {
			var b Budget
			if err := json.Unmarshal([]byte(text), &b); err != nil {
				t.Fatal(err)
			}
			if b.Scope <= last {
				t.Errorf("%s follows %s", b.Scope, last)
			}
			if last = b.Scope; b.Window != "" {
				seen[b.Scope]++
			}
		}
		if len(seen) != stays {
			t.Errorf("the pages have %d of %d counters that stay", len(seen), stays)
		}
	}
	close(done)
	workers.Wait()
}

// BenchmarkBudgets lists counters of a gateway that has 100,000, as JSON, and finds those that the
// dashboard shows.
func BenchmarkBudgets(b *testing.B) {
	m := meter.New(time.Now, nil, meter.Options{})
	for i := range 100_000 {
		limit := llm.Limit{Scope: fmt.Sprintf("session:%08x", uint32(i)*2654435761), Unit: llm.UnitUSD, Window: "day", Max: int64(llm.USD)}
		if _, _, err := m.Reserve("r", []llm.Limit{limit}, llm.Exactly(llm.Amounts{USD: 1})); err != nil {
			b.Fatal(err)
		}
		m.Settle("r", llm.Amounts{USD: llm.USD * llm.NanoUSD(i) / 100_000})
	}
	s := &Server{meter: m}
	list := func(q admin.BudgetsQuery) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				page, err := s.budgets(q)
				if err != nil || len(page.Budgets) != q.Limit {
					b.Fatal(err, len(page.Budgets))
				}
				if _, err := json.Marshal(page); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("first 50", list(admin.BudgetsQuery{Page: admin.Page{Limit: 50}}))
	b.Run("middle 50", list(admin.BudgetsQuery{Page: admin.Page{Limit: 50, After: afterOf("session:8", "usd", "day")}}))
	b.Run("50 over 80 %", list(admin.BudgetsQuery{Full: 0.8, Unit: llm.UnitUSD, Page: admin.Page{Limit: 50}}))
	b.Run("first 1000", list(admin.BudgetsQuery{Page: admin.Page{Limit: 1000}}))
	b.Run("whole", list(admin.BudgetsQuery{Page: admin.Page{Limit: 100_000}}))
	b.Run("dashboard", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if list, all := (pages{s}).Fullest("*", 100); len(list) != 100 || all != 100_000 {
				b.Fatal(len(list), all)
			}
		}
	})
}

// allBudgets returns all counters as operators see them.
func (h *testServer) allBudgets(t *testing.T) (all []Budget) {
	t.Helper()
	list, _ := h.walk(t, "/admin/v1/budgets", "budgets", 1000)
	for _, text := range list {
		var b Budget
		if err := json.Unmarshal([]byte(text), &b); err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}
