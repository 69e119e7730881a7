package upstream

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// keys are credentials of provider p with these weights.
func keys(weights ...float64) []*Credential {
	list := make([]*Credential, len(weights))
	for i, w := range weights {
		list[i] = NewCredential(fmt.Sprintf("p#%d", i+1), w, Bearer(Secret(fmt.Sprint("sk-", i))))
	}
	return list
}

var (
	refused = Outcome{Fault: llm.FaultAuth, Status: 401, Credential: true}
	broke   = Outcome{Fault: llm.FaultQuota, Status: 402, Credential: true}
	busy    = Outcome{Fault: llm.FaultRateLimited, Status: 429, RetryAfter: 20 * time.Second}
)

// askWith makes calls until one of them is made with the credential, which ends with o, as
// all others succeed.
func (w *testHealth) askWith(id, credential string, o Outcome, all []*Credential) {
	w.t.Helper()
	for range 1000 {
		w.calls++
		f, ok := w.Begin(id, Asking{Request: fmt.Sprint("req", w.calls), Credentials: all})
		if !ok {
			w.t.Fatalf("%s may not be called", id)
		}
		if f.Credential() == credential {
			f.Done(o)
			return
		}
		f.Done(Outcome{})
	}
	w.t.Fatalf("%s is never chosen", credential)
}

// used counts with which credentials calls are made.
func (w *testHealth) used(id string, n int, all []*Credential) map[string]int {
	used := map[string]int{}
	for range n {
		w.calls++
		if f, ok := w.Begin(id, Asking{Request: fmt.Sprint("req", w.calls), Credentials: all}); ok {
			used[f.Credential()]++
			f.Done(Outcome{Fault: llm.FaultCanceled})
		}
	}
	return used
}

func TestCredentialsShareByWeight(t *testing.T) {
	w := newTestHealth(t)
	used := w.used("p/m", 6000, keys(1, 2, 3))
	for i, want := range []int{1000, 2000, 3000} {
		if got := used[fmt.Sprintf("p#%d", i+1)]; got < want*9/10 || got > want*11/10 {
			t.Errorf("credential %d of weights 1, 2 and 3 has %d of 6000 calls", i+1, got)
		}
	}
}

// TestSessionsKeepTheirCredential has sessions move away from a credential that is refused
// and come back, while those of the others stay.
func TestSessionsKeepTheirCredential(t *testing.T) {
	w, all := newTestHealth(t), keys(1, 1, 1)
	of := func(session string) string {
		w.calls++
		f, ok := w.Begin("p/m", Asking{Request: fmt.Sprint("r", w.calls), Session: session, Credentials: all})
		if !ok {
			t.Fatal("the target is cooling down")
		}
		f.Done(Outcome{})
		return f.Credential()
	}
	home := map[string]string{}
	for i := range 60 {
		s := fmt.Sprint("session", i)
		home[s] = of(s)
	}
	w.askWith("p/m", "p#2", busy, all)
	for s, was := range home {
		if now := of(s); (was == "p#2") == (now == was) {
			t.Errorf("%s was with %s and is with %s, while p#2 is refused", s, was, now)
		}
	}
	w.now = w.now.Add(busy.RetryAfter)
	for s, was := range home {
		if now := of(s); now != was {
			t.Errorf("%s was with %s and is with %s afterwards", s, was, now)
		}
	}
}

func TestRefusedCredentialsCoolDownAlone(t *testing.T) {
	for name, tt := range map[string]struct {
		o        Outcome
		requests int // that it takes
		cooling  time.Duration
		provider bool // at all targets
	}{
		"bad key":               {refused, 2, 5 * time.Minute, true},
		"no money":              {broke, 2, 5 * time.Minute, true},
		"quota of a model":      {Outcome{Fault: llm.FaultQuota, Status: 403}, 2, 5 * time.Minute, false},
		"rate limit":            {busy, 1, 20 * time.Second, false},
		"may not use the model": {Outcome{Fault: llm.FaultAuth, Status: 403}, 3, 5 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, all := newTestHealth(t), keys(1, 1)
			for range tt.requests {
				if n := w.used("p/m", 100, all)["p#1"]; n == 0 {
					t.Fatal("it is not used any more")
				}
				refuse(t, w, "p#1", tt.o, all)
			}
			if n := w.used("p/m", 100, all)["p#1"]; n != 0 {
				t.Errorf("it is used for %d of 100 calls", n)
			}
			if why, _ := w.Cooling("p/m", all...); why != "" {
				t.Errorf("the target is cooling down for %q", why)
			}
			if s := w.Stats("p/m", all...); s.CoolingFor != "" || s.ErrorRate != 0 {
				t.Errorf("the target's figures are %+v: the other credential serves", s)
			}
			if n := w.used("p/other", 100, all)["p#1"]; (n == 0) != tt.provider {
				t.Errorf("it is used for %d of 100 calls to another target", n)
			}
			for range tt.requests {
				refuse(t, w, "p#2", tt.o, all)
			}
			if why, until := w.Cooling("p/m", all...); why != string(tt.o.Fault) || until.Sub(w.now) != tt.cooling {
				t.Errorf("with both refused it is cooling down for %q, %v", why, until.Sub(w.now))
			}
			w.now = w.now.Add(tt.cooling)
			if n := w.used("p/m", 100, all); n["p#1"] == 0 || n["p#2"] == 0 {
				t.Errorf("afterwards they are used %v", n)
			}
		})
	}
}

// refuse has one more request be refused with a credential, without any success.
func refuse(t *testing.T, w *testHealth, id string, o Outcome, all []*Credential) {
	t.Helper()
	w.calls++
	a := Asking{Request: fmt.Sprint("refused", w.calls), Credentials: all}
	for _, c := range all {
		if c.ID != id {
			a.Not = append(a.Not, c.ID)
		}
	}
	f, ok := w.Begin("p/m", a)
	if !ok || f.Credential() != id {
		t.Fatalf("Begin = %v with %q, want %s", ok, f.Credential(), id)
	}
	f.Done(o)
}

// TestARefusedKeyIsProbedOnce has one request find out whether a key is accepted again, and
// its refusal alone is enough then.
func TestARefusedKeyIsProbedOnce(t *testing.T) {
	w, all := newTestHealth(t), keys(1, 1)
	refuse(t, w, "p#1", refused, all)
	refuse(t, w, "p#1", refused, all)
	for range 3 {
		w.now = w.now.Add(5 * time.Minute)
		only := Asking{Request: "probe", Credentials: all, Not: []string{"p#2"}}
		f, ok := w.Begin("p/m", only)
		if _, second := w.Begin("p/other", Asking{Request: "b", Credentials: all, Not: only.Not}); !ok || second {
			t.Fatalf("the probe is let through: %v, another call at another target: %v", ok, second)
		}
		f.Done(refused)
		if s := w.CredentialState(all[0]); s.State != Open || s.Until.Sub(w.now) != 5*time.Minute {
			t.Errorf("after a refused probe: %+v", s)
		}
	}
	w.now = w.now.Add(5 * time.Minute)
	refuse(t, w, "p#1", Outcome{}, all)
	if s := w.CredentialState(all[0]); s.State != Closed {
		t.Errorf("after an accepted probe: %+v", s)
	}
}

// TestSpare is whether a request may go on with another credential at once.
func TestSpare(t *testing.T) {
	w, all := newTestHealth(t), keys(1, 1, 1)
	spare := func(not ...string) bool { return w.Spare("p/m", Asking{Request: "r", Credentials: all, Not: not}) }
	if !spare("p#1") || !spare("p#1", "p#2") || spare("p#1", "p#2", "p#3") {
		t.Error("a credential that has not been tried is not spare, or the last one is")
	}
	refuse(t, w, "p#2", Outcome{Fault: llm.FaultRateLimited, Status: 429}, all)
	if spare("p#1", "p#3") {
		t.Error("one with a rate limit is spare")
	}
	if n := w.used("p/m", 100, all)["p#2"]; n != 0 {
		t.Errorf("one with a rate limit is used for %d calls while others are free", n)
	}
	if w.Spare("p/m", Asking{Request: "r", Credentials: all[:1]}) || w.Spare("p/m", Asking{Request: "r"}) {
		t.Error("a single credential is spare")
	}
	w.Open("p/m", Indefinitely())
	if spare("p#1") {
		t.Error("a credential is spare at a target that is open")
	}
}

// TestUsedUpLimitsAreAvoided has a provider say that a credential's limit is used up.
func TestUsedUpLimitsAreAvoided(t *testing.T) {
	w, all := newTestHealth(t), keys(1, 1)
	head := func(left string) Outcome {
		return Outcome{Header: map[string][]string{"X-Ratelimit-Remaining-Requests": {left}, "X-Ratelimit-Reset-Requests": {"30s"}}}
	}
	refuse(t, w, "p#1", head("0"), all)
	refuse(t, w, "p#2", head("140"), all)
	if n := w.used("p/m", 100, all)["p#1"]; n != 0 {
		t.Errorf("the one without requests left is used for %d of 100 calls", n)
	}
	if s := w.Stats("p/m", all...); s.RemainingRequests != 40 {
		t.Errorf("%d requests are left, want those of the other one", s.RemainingRequests)
	}
	_, of := w.State("p/m", all...)
	if of[0].RemainingRequests != 0 || of[1].RemainingRequests != 40 || of[0].RemainingTokens != -1 {
		t.Errorf("the credentials are %+v", of)
	}
	if f, ok := w.Begin("p/m", Asking{Request: "r", Credentials: all, Not: []string{"p#2"}}); !ok || f.Credential() != "p#1" {
		t.Error("it is not used when there is no other")
	}
	w.now = w.now.Add(30 * time.Second)
	if n := w.used("p/m", 100, all)["p#1"]; n == 0 {
		t.Error("it is not used after its limit was reset")
	}
}

// TestInheritedCredentials are those of a reload, by their keys and not by their names.
func TestInheritedCredentials(t *testing.T) {
	w, all := newTestHealth(t), keys(1, 1)
	refuse(t, w, "p#1", refused, all)
	refuse(t, w, "p#1", refused, all)
	later := []*Credential{NewCredential("p#new", 1, nil), NewCredential("p#old", 1, nil)}
	later[1].Inherit(all[0])
	if n := w.used("p/m", 100, later); n["p#old"] != 0 || n["p#new"] != 100 {
		t.Errorf("after the reload they are used %v", n)
	}
	w.Forget("p", later...)
	if n := w.used("p/m", 100, later); n["p#old"] == 0 {
		t.Error("a provider whose address has changed is not forgiven")
	}
	for i := range 10 * MaxCredentials { // reloads while requests are in flight
		w.used("p/m", 1, []*Credential{NewCredential(fmt.Sprint("p#", i), 1, nil)})
	}
	if n := len(w.targets["p/m"].lanes); n > 2*MaxCredentials {
		t.Errorf("%d credentials are remembered", n)
	}
}

// TestOperatorsOpenAndClose takes a target and a credential out of use.
func TestOperatorsOpenAndClose(t *testing.T) {
	w, all := newTestHealth(t), keys(1, 1)
	if !w.Open("p/m", w.now.Add(time.Hour)) || !w.Open("p#1", Indefinitely()) {
		t.Fatal("there is no room")
	}
	for id, want := range map[string][]string{"p/m": nil, "p/other": {"p#2"}} {
		var got []string
		for c := range w.used(id, 100, all) {
			got = append(got, c)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is called with %v, want %v", id, got, want)
		}
	}
	s, of := w.State("p/m", all...)
	if s != (State{Open, llm.CoolingForOperator, w.now.Add(time.Hour)}) || of[0].State.State != Open || of[1].State.State != Closed {
		t.Errorf("state = %+v, %+v", s, of)
	}
	w.Forget("p", all...) // nor does a reload change it
	w.RetainOpenings(func(string) bool { return true })
	if why, _ := w.Cooling("p/m", all...); why != llm.CoolingForOperator {
		t.Errorf("after a reload it is cooling down for %q", why)
	}
	w.now = w.now.Add(time.Hour)
	if n := w.used("p/m", 100, all); n["p#2"] != 100 {
		t.Errorf("after its time the target is called with %v", n)
	}
	w.CloseCredential(all[0])
	if n := w.used("p/m", 100, all); n["p#1"] == 0 {
		t.Errorf("after it was closed, the credential is not used: %v", n)
	}
	for i := range maxOpenings {
		w.Open(fmt.Sprint("p/", i), Indefinitely())
	}
	if w.Open("p/one-more", Indefinitely()) || !w.Open("p/0", Indefinitely()) {
		t.Error("there is no bound, or what is open cannot be opened for longer")
	}
	w.RetainOpenings(func(id string) bool { return id == "p/1" })
	if w.wantAllowed("p/2", true); w.Open("p/2", w.now) {
		w.wantAllowed("p/1", false)
	}
}

// TestCloseForgetsFailures closes what calls have opened.
func TestCloseForgetsFailures(t *testing.T) {
	w, all := newTestHealth(t), keys(1)
	for range 3 {
		w.report(Outcome{Fault: llm.FaultServer})
	}
	w.CloseTarget("p/m")
	w.wantCooldown(0, "")
	if r := w.Stats("p/m").ErrorRate; r != 0 {
		t.Errorf("error rate = %v", r)
	}
	for range 2 {
		w.report(refused)
	}
	w.CloseTarget("p/m") // its only key has no name of its own
	w.wantCooldown(0, "")
	for range 2 {
		refuse(t, w, "p#1", refused, all)
	}
	refused, _ := w.Cooling("p/m", all...)
	w.CloseCredential(all[0])
	if why, _ := w.Cooling("p/m", all...); refused != "auth" || why != "" {
		t.Errorf("before %q, after %q", refused, why)
	}
}
