package keys

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/llm"
	"pgregory.net/rapid"
)

// wantStatus checks that an error is an *llm.Error with a status; 0 is for no error.
func wantStatus(t testing.TB, what string, err error, status int) {
	t.Helper()
	if status == 0 && err == nil {
		return
	}
	if err == nil || llm.AsError(err).Status != status {
		t.Errorf("%s: %v, want status %d", what, err, status)
	}
}

// as returns the access of the holder of a token.
func as(t testing.TB, k *Keys, token Token) Access {
	t.Helper()
	who, err := k.Authenticate(t.Context(), token.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return k.As(who)
}

func TestWhatIsMadeInheritsFromItsMaker(t *testing.T) {
	c := newClock()
	k := open(t, database(t), c)
	maker, token := create(t, k, Spec{Name: "maker", Team: "search", User: "alice", Roles: []string{"member", "batch"}, Models: []string{"gpt-*"},
		Tags: map[string]string{"cost": "42"}, Budget: llm.Budget{Max: 5 * llm.USD, Window: "day"}, Expires: c.now().Add(time.Hour)})
	alice := as(t, k, token)
	got, _, err := alice.Create(t.Context(), Spec{Name: "child", Tags: map[string]string{"use": "x"}})
	if err != nil {
		t.Fatal(err)
	}
	want := maker.Spec
	want.Name, want.Roles, want.Tags = "child", nil, map[string]string{"cost": "42", "use": "x"}
	if d := cmp.Diff(want, got.Spec); d != "" || got.MadeBy != maker.ID {
		t.Errorf("the child, made by %s (-want +got):\n%s", got.MadeBy, d)
	}
	for what, s := range map[string]Spec{
		"a role":         {Roles: []string{"admin"}},
		"another role":   {Roles: []string{"other"}},
		"a wider model":  {Models: []string{"*"}},
		"a tag":          {Tags: map[string]string{"cost": "43"}},
		"a budget":       {Budget: llm.Budget{Max: 6 * llm.USD, Window: "day"}},
		"another window": {Budget: llm.Budget{Max: 5 * llm.USD, Window: "1h"}},
		"a later expiry": {Expires: c.now().Add(2 * time.Hour)},
		"another team":   {Team: "other"},
		"another user":   {User: "bob"},
	} {
		s.Name = "greedy"
		_, _, err := alice.Create(t.Context(), s)
		wantStatus(t, what, err, 403)
	}
	_, _, err = alice.Create(t.Context(), Spec{Name: "fits", Roles: []string{"batch"}, Models: []string{"gpt-5*", "gpt-4"}, Budget: llm.Budget{Max: llm.USD, Window: "month"}, Expires: c.now().Add(time.Minute)})
	wantStatus(t, "what fits", err, 0)
}

func TestZeroAccessDoesNothing(t *testing.T) {
	k := open(t, database(t), newClock())
	key, _ := create(t, k, Spec{Name: "ci"})
	for _, who := range []llm.Principal{{}, {KeyID: "unknown0"}, {Roles: []string{"viewer"}}, {Roles: []string{"Admin", "members"}}} {
		a := k.As(who)
		_, _, err := a.Create(t.Context(), Spec{Name: "x"})
		wantStatus(t, "Create", err, 403)
		_, err = a.Revoke(t.Context(), key.ID)
		wantStatus(t, "Revoke", err, 404)
		_, _, err = a.Rotate(t.Context(), key.ID, 0)
		wantStatus(t, "Rotate", err, 404)
		_, err = a.Change(t.Context(), key.ID, Change{Name: new(string)})
		wantStatus(t, "Change", err, 404)
		_, err = a.CreateTeam(t.Context(), Team{Name: "x"})
		wantStatus(t, "CreateTeam", err, 403)
		_, err = a.CreateUser(t.Context(), User{Name: "x"})
		wantStatus(t, "CreateUser", err, 403)
	}
}

func TestOwnership(t *testing.T) {
	k := open(t, database(t), newClock())
	if _, err := k.CreateTeam(t.Context(), Team{Name: "search", Members: map[string]string{"alice": "admin", "bob": "member"}}); err != nil {
		t.Fatal(err)
	}
	member := []string{"member"}
	alices, aliceToken := create(t, k, Spec{Name: "alice", Team: "search", User: "alice", Roles: member})
	bobs, bobToken := create(t, k, Spec{Name: "bob", Team: "search", User: "bob", Roles: member})
	service, serviceToken := create(t, k, Spec{Name: "service", Team: "search", Roles: member})
	foreign, viewerToken := create(t, k, Spec{Name: "foreign", Team: "other", Roles: []string{"viewer"}})
	made, _, err := as(t, k, serviceToken).Create(t.Context(), Spec{Name: "made"})
	if err != nil {
		t.Fatal(err)
	}
	all := []string{alices.ID, bobs.ID, service.ID, foreign.ID, made.ID}
	for what, c := range map[string]struct {
		a    Access
		owns []string
	}{
		"the team's admin": {as(t, k, aliceToken), []string{alices.ID, bobs.ID, service.ID, made.ID}},
		"a member":         {as(t, k, bobToken), []string{bobs.ID}},
		"a service":        {as(t, k, serviceToken), []string{service.ID, made.ID}},
		"a viewer":         {as(t, k, viewerToken), all},
		"the operator":     {k.Access, all},
		"nobody":           {k.As(llm.Principal{Roles: member}), nil},
	} {
		list, _, err := c.a.Page(t.Context(), Filter{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, key := range list {
			got = append(got, key.ID)
		}
		if d := cmp.Diff(sorted(c.owns), sorted(got)); d != "" {
			t.Errorf("%s sees (-want +got):\n%s", what, d)
		}
		for _, id := range all {
			_, err := c.a.Get(t.Context(), id)
			want := 404
			if slices.Contains(c.owns, id) {
				want = 0
			}
			wantStatus(t, what+" gets "+id, err, want)
		}
	}
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// TestRotatingAStrongerKeyIsRefused has a key of alice with more than the one that she uses:
// its token would be an escalation.
func TestRotatingAStrongerKeyIsRefused(t *testing.T) {
	k := open(t, database(t), newClock())
	strong, strongToken := create(t, k, Spec{Name: "strong", User: "alice", Roles: []string{"member", "admin"}})
	_, weakToken := create(t, k, Spec{Name: "weak", User: "alice", Roles: []string{"member"}, Models: []string{"gpt-5"}})
	weak := as(t, k, weakToken)
	_, _, err := weak.Rotate(t.Context(), strong.ID, 0)
	wantStatus(t, "rotate", err, 403)
	name := "mine"
	_, err = weak.Change(t.Context(), strong.ID, Change{Name: &name})
	wantStatus(t, "change", err, 403)
	if _, err := k.Authenticate(t.Context(), strongToken.Reveal()); err != nil {
		t.Error(err)
	}
	_, err = weak.Revoke(t.Context(), strong.ID)
	wantStatus(t, "revoke", err, 0)
}

func TestChange(t *testing.T) {
	c := newClock()
	k := open(t, database(t), c)
	key, token := create(t, k, Spec{Name: "ci", Roles: []string{"member"}})
	mine := as(t, k, token)
	child, childToken, err := mine.Create(t.Context(), Spec{Name: "child"})
	if err != nil {
		t.Fatal(err)
	}
	narrow := Change{Models: &[]string{"gpt-5*"}}
	_, err = k.Change(t.Context(), key.ID, narrow)
	wantStatus(t, "narrowing below what was made with it", err, 409)
	if _, err := k.Change(t.Context(), child.ID, Change{Models: &[]string{"gpt-5-mini"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Change(t.Context(), key.ID, narrow); err != nil {
		t.Fatal(err)
	}
	if who, err := k.Authenticate(t.Context(), childToken.Reveal()); err != nil || !slices.Equal(who.Models, []string{"gpt-5-mini"}) {
		t.Errorf("Authenticate = %v, %v, want the new models at once", who.Models, err)
	}
	_, err = k.Change(t.Context(), child.ID, Change{Models: &[]string{"gpt-*"}})
	wantStatus(t, "more than its maker, by the operator", err, 403)
	past := c.now().Add(-time.Second)
	_, err = k.Change(t.Context(), key.ID, Change{Expires: &past})
	wantStatus(t, "an expiry in the past", err, 400)
	_, err = k.Change(t.Context(), key.ID, Change{Budget: &llm.Budget{Max: -1, Window: "day"}})
	wantStatus(t, "a negative budget", err, 400)
	_, err = k.Change(t.Context(), "unknown0", Change{})
	wantStatus(t, "an unknown key", err, 404)

	// The key that a rotation replaced changes with the new one.
	next, _, err := k.Rotate(t.Context(), key.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Change(t.Context(), key.ID, Change{Models: &[]string{}})
	wantStatus(t, "a replaced key", err, 409)
	soon := c.now().Add(time.Minute)
	_, err = k.Change(t.Context(), next.ID, Change{Expires: &soon})
	wantStatus(t, "an expiry before that of a key made with it", err, 409)
	if _, err := k.Revoke(t.Context(), child.ID); err != nil {
		t.Fatal(err)
	}
	name, budget := "renamed", llm.Budget{Max: llm.USD, Window: "day"}
	if _, err := k.Change(t.Context(), next.ID, Change{Name: &name, Expires: &soon, Budget: &budget}); err != nil {
		t.Fatal(err)
	}
	old, err := k.Get(t.Context(), key.ID)
	if err != nil || old.Budget != budget || !old.Expires.Equal(soon) || old.Name != name {
		t.Errorf("the replaced key is %+v, %v, want the change of its successor", old.Spec, err)
	}
	if _, err := k.Revoke(t.Context(), next.ID); err != nil {
		t.Fatal(err)
	}
	_, err = k.Change(t.Context(), next.ID, Change{Name: &name})
	wantStatus(t, "a revoked key", err, 409)
}

func TestRevokingEndsWhatWasMade(t *testing.T) {
	k := open(t, database(t), newClock())
	first, firstToken := create(t, k, Spec{Name: "first", Roles: []string{"member"}})
	second, secondToken, err := as(t, k, firstToken).Create(t.Context(), Spec{Name: "second", Roles: []string{"member"}})
	if err != nil {
		t.Fatal(err)
	}
	third, thirdToken, err := as(t, k, secondToken).Create(t.Context(), Spec{Name: "third"})
	if err != nil {
		t.Fatal(err)
	}
	next, _, err := k.Rotate(t.Context(), first.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if ended, err := k.Revoke(t.Context(), first.ID); err != nil || !slices.Equal(ended, []string{first.ID}) {
		t.Errorf("Revoke of a replaced key ends %v, %v, want only it", ended, err)
	}
	if ended, err := k.Revoke(t.Context(), next.ID); err != nil || !slices.Equal(ended, []string{next.ID, second.ID, third.ID}) {
		t.Errorf("Revoke of the last key ends %v, %v, want all that were made with it", ended, err)
	}
	wantRefusal(t, k, thirdToken.Reveal(), "revoked")

	chief, chiefToken := create(t, k, Spec{Name: "chief", Roles: []string{"admin"}})
	_, kept, err := as(t, k, chiefToken).Create(t.Context(), Spec{Name: "kept"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Revoke(t.Context(), chief.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Authenticate(t.Context(), kept.Reveal()); err != nil {
		t.Errorf("a key that an admin made ended with the admin's: %v", err)
	}
}

func TestPages(t *testing.T) {
	c := newClock()
	k := open(t, database(t), c)
	var want []string
	for i := range 7 {
		key, _ := create(t, k, Spec{Name: fmt.Sprint(i), Team: []string{"a", "b"}[i%2]})
		want = append(want, key.ID) // all at the same time
	}
	slices.Sort(want)
	var got []string
	for after := ""; ; {
		list, next, err := k.Page(t.Context(), Filter{After: after, Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range list {
			got = append(got, key.ID)
		}
		if after = next; after == "" {
			break
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("pages (-want +got):\n%s", d)
	}
	if list, _, err := k.Page(t.Context(), Filter{Team: "b", Limit: 10}); err != nil || len(list) != 3 {
		t.Errorf("%d keys of b, %v, want 3", len(list), err)
	}
	for _, after := range []string{"x", "' OR 1=1 --", "unknown0", "\x00"} {
		_, _, err := k.Page(t.Context(), Filter{After: after, Limit: 3})
		wantStatus(t, "after "+after, err, 400)
	}
}

func TestStatesCanBeListed(t *testing.T) {
	c := newClock()
	k := open(t, database(t), c)
	want := map[string]string{}
	note := func(key Key, state string) { want[state] = key.ID }
	active, _ := create(t, k, Spec{Name: "active"})
	note(active, "active")
	expired, _ := create(t, k, Spec{Name: "expired", Expires: c.now().Add(time.Second)})
	note(expired, "expired")
	replaced, _ := create(t, k, Spec{Name: "replaced"})
	note(replaced, "replaced")
	revoked, _ := create(t, k, Spec{Name: "revoked"})
	note(revoked, "revoked")
	blockedKey, _ := create(t, k, Spec{Name: "blocked", Team: "search"})
	note(blockedKey, "blocked")
	c.advance(time.Second)
	next, _, err := k.Rotate(t.Context(), replaced.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Revoke(t.Context(), revoked.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := k.CreateTeam(t.Context(), Team{Name: "search", Blocked: true}); err != nil {
		t.Fatal(err)
	}
	for _, state := range States() {
		list, _, err := k.Page(t.Context(), Filter{State: state, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		list = slices.DeleteFunc(list, func(key Key) bool { return key.ID == next.ID })
		if len(list) != 1 || list[0].ID != want[state] || list[0].State(c.now()) != state {
			t.Errorf("state %s lists %+v, want %s", state, list, want[state])
		}
	}
	_, _, err = k.Page(t.Context(), Filter{State: "odd", Limit: 10})
	wantStatus(t, "an unknown state", err, 400)
}

// TestNoKeyHoldsMoreThanItsMaker makes, changes, rotates and revokes keys, each call by the
// operator or the holder of one of the keys, and checks after each that every key that works
// is within the one that made it, whatever was answered.
func TestNoKeyHoldsMoreThanItsMaker(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newClock()
		db, err := sql.Open("sqlite", "file::memory:")
		if err != nil {
			rt.Fatal(err)
		}
		defer db.Close()
		db.SetMaxOpenConns(1) // a query outside of the transaction would wait for it for ever
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		k, err := Open(ctx, db, Options{Now: c.now})
		if err != nil {
			rt.Fatal(err)
		}
		if _, err := k.CreateTeam(ctx, Team{Name: "t", Models: []string{"a*", "b"}, Tags: map[string]string{"team": "t"}, Members: map[string]string{"u": "admin", "v": "member"}}); err != nil {
			rt.Fatal(err)
		}
		if _, err := k.CreateUser(ctx, User{Name: "v", Roles: []string{llm.RoleMember}}); err != nil {
			rt.Fatal(err)
		}
		tokens := map[string]Token{}
		var ids []string
		pick := func() string { return rapid.SampledFrom(append([]string{"unknown0"}, ids...)).Draw(rt, "key") }
		// caller returns who asks, and what it holds; nil for the operator.
		caller := func() (Access, *llm.Principal) {
			id := rapid.SampledFrom(append([]string{""}, ids...)).Draw(rt, "caller")
			if id == "" {
				return k.Access, nil
			}
			who, err := k.Authenticate(ctx, tokens[id].Reveal())
			if err != nil {
				return k.As(llm.Principal{}), &llm.Principal{}
			}
			return k.As(who), &who
		}
		made := func(key Key, token Token, err error) {
			if err == nil {
				tokens[key.ID] = token
				ids = append(ids, key.ID)
			}
		}
		for range 3 {
			s := specs(c).Draw(rt, "spec")
			s.Team, s.User, s.Roles = "", "u", []string{llm.RoleMember}
			made(k.Create(ctx, s))
		}
		rt.Repeat(map[string]func(*rapid.T){
			"create": func(rt *rapid.T) {
				a, who := caller()
				key, token, err := a.Create(ctx, specs(c).Draw(rt, "spec"))
				made(key, token, err)
				if err == nil && who != nil {
					checkWithin(ctx, rt, k, &key, who)
				}
			},
			"rotate": func(rt *rapid.T) {
				a, who := caller()
				key, token, err := a.Rotate(ctx, pick(), time.Duration(rapid.IntRange(0, 3).Draw(rt, "overlap"))*time.Hour)
				made(key, token, err)
				if err == nil && who != nil {
					checkWithin(ctx, rt, k, &key, who)
				}
			},
			"change": func(rt *rapid.T) {
				a, who := caller()
				s := specs(c).Draw(rt, "spec")
				change := Change{}
				if rapid.Bool().Draw(rt, "models") {
					change.Models = &s.Models
				}
				if rapid.Bool().Draw(rt, "tags") {
					change.Tags = &s.Tags
				}
				if rapid.Bool().Draw(rt, "budget") {
					change.Budget = &s.Budget
				}
				if rapid.Bool().Draw(rt, "expires") {
					change.Expires = &s.Expires
				}
				key, err := a.Change(ctx, pick(), change)
				if err == nil && who != nil {
					checkWithin(ctx, rt, k, &key, who)
				}
			},
			"revoke":  func(*rapid.T) { a, _ := caller(); _, _ = a.Revoke(ctx, pick()) },
			"advance": func(*rapid.T) { c.advance(time.Hour) },
			"": func(rt *rapid.T) {
				list, err := k.List(ctx)
				if err != nil {
					rt.Fatal(err)
				}
				for i := range list {
					checkMaker(rt, &list[i], list, c.now())
				}
			},
		})
	})
}

// specs generates grants of few values, so that they are often within each other.
func specs(c *clock) *rapid.Generator[Spec] {
	return rapid.Custom(func(rt *rapid.T) Spec {
		s := Spec{Name: "x",
			Team:   rapid.SampledFrom([]string{"", "t", "other"}).Draw(rt, "team"),
			User:   rapid.SampledFrom([]string{"", "u", "v", "w"}).Draw(rt, "user"),
			Roles:  rapid.SampledFrom([][]string{nil, {"member"}, {"member"}, {"member", "own"}, {"viewer"}, {"admin"}}).Draw(rt, "roles"),
			Models: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"*", "a*", "a", "ab*", "b"}), 0, 2, rapid.ID).Draw(rt, "models"),
		}
		if rapid.Bool().Draw(rt, "tagged") {
			s.Tags = map[string]string{"k": rapid.SampledFrom([]string{"1", "2"}).Draw(rt, "tag")}
		}
		if rapid.Bool().Draw(rt, "limited") {
			s.Budget = llm.Budget{Max: llm.NanoUSD(rapid.IntRange(1, 3).Draw(rt, "max")) * llm.USD, Window: rapid.SampledFrom([]string{"day", "month", "5h"}).Draw(rt, "window")}
		}
		if hours := rapid.IntRange(0, 5).Draw(rt, "hours"); hours > 0 {
			s.Expires = c.now().Add(time.Duration(hours) * time.Hour)
		}
		return s
	})
}

// checkWithin fails if a key holds more than the caller who has just made, rotated or
// changed it, both as their teams and users let them be.
func checkWithin(ctx context.Context, rt *rapid.T, k *Keys, key *Key, who *llm.Principal) {
	got, err := k.Admit(ctx, key.Principal())
	if err != nil {
		return // it holds nothing
	}
	if why := holdsMore(&got, who); why != "" {
		rt.Errorf("%+v was made by %+v: %s", key.Spec, who, why)
	}
	if !slices.Contains(who.Roles, llm.RoleAdmin) && (!slices.Contains(who.Roles, llm.RoleMember) || key.Team != who.Team && who.Team != "") {
		rt.Errorf("%+v was made by %+v, who manages no such keys", key.Spec, who)
	}
}

// checkMaker fails if a key that works holds more than the newest key of the rotation that
// made it.
func checkMaker(rt *rapid.T, key *Key, list []Key, now time.Time) {
	if key.MadeBy == "" || !key.lives(now) || key.MadeBy == key.Origin {
		return
	}
	for _, maker := range slices.Backward(list) {
		if maker.Origin != key.MadeBy || !maker.lives(now) || maker.ReplacedBy != "" {
			continue
		}
		holds, held := key.Principal(), maker.Principal()
		if why := holdsMore(&holds, &held); why != "" {
			rt.Errorf("%+v was made with %+v: %s", key.Spec, maker.Spec, why)
		}
		return
	}
}

// holdsMore is what Spec.exceeds finds out, in another way: models are compared by names
// that tell the patterns of specs apart.
func holdsMore(p, maker *llm.Principal) string {
	fits := func(models []string, name string) bool {
		return len(models) == 0 || slices.ContainsFunc(models, func(m string) bool { return llm.MatchName(m, name) })
	}
	for _, name := range []string{"a", "ab", "ac", "abc", "b", "bc", "c"} {
		if fits(p.Models, name) && !fits(maker.Models, name) {
			return "model " + name
		}
	}
	for _, role := range p.Roles {
		if !slices.Contains(maker.Roles, role) && !slices.Contains(maker.Roles, llm.RoleAdmin) {
			return "role " + role
		}
	}
	for name, value := range maker.Tags {
		if p.Tags[name] != value {
			return "tag " + name
		}
	}
	if b := p.Budget; maker.Budget.Max > 0 {
		longer := b.Window == maker.Budget.Window || b.Window == "month" && maker.Budget.Window == "day"
		if b.Max == 0 || b.Max > maker.Budget.Max || !longer {
			return "budget"
		}
	}
	if !maker.Expires.IsZero() && (p.Expires.IsZero() || p.Expires.After(maker.Expires)) {
		return "expiry"
	}
	return ""
}

// TestChangesAreAuditedInTheirTransaction has the entry fail: then the change is not made.
func TestChangesAreAuditedInTheirTransaction(t *testing.T) {
	db := database(t)
	k := open(t, db, newClock())
	log, err := audit.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	trail := &audit.Trail{Entry: audit.Entry{Action: "create"}}
	key, _, err := k.Create(audit.With(t.Context(), trail), Spec{Name: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := log.List(t.Context(), audit.Query{Limit: 10})
	if err != nil || len(list) != 1 || list[0].Object != "key "+key.ID {
		t.Errorf("audit log %+v, %v", list, err)
	}
	if _, left := trail.Rest(nil); left {
		t.Error("the entry is to be written again")
	}
	if _, err := db.Exec("DROP TABLE admin_audit"); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Revoke(audit.With(t.Context(), &audit.Trail{}), key.ID); err == nil {
		t.Error("a change without its entry is made")
	}
	if key, err := k.Get(t.Context(), key.ID); err != nil || !key.Revoked.IsZero() {
		t.Errorf("the key is %+v, %v, want it as before", key, err)
	}
}

func TestOddSpecs(t *testing.T) {
	c := newClock()
	k := open(t, database(t), c)
	for what, s := range map[string]Spec{
		"a control character": {Name: "a\x1b[0m"}, "a null": {Name: "x", Models: []string{"\x00"}}, "a bidi override": {Name: "x\u202ey"}, "invalid UTF-8": {Name: "x", Team: "\xff"},
		"an empty model": {Name: "x", Models: []string{""}}, "an empty role": {Name: "x", Roles: []string{""}}, "an unnamed tag": {Name: "x", Tags: map[string]string{"": "v"}},
		"a far expiry": {Name: "x", Expires: c.now().AddDate(101, 0, 0)}, "many models": {Name: "x", Models: slices.Repeat([]string{"m"}, 101)},
	} {
		_, _, err := k.Create(t.Context(), s)
		wantStatus(t, what, err, 400)
	}
	name := "'; DROP TABLE virtual_keys; --"
	key, _ := create(t, k, Spec{Name: name, Team: `"$1"`, User: "日本 % _"})
	if list, _, err := k.Page(t.Context(), Filter{Team: `"$1"`, User: "日本 % _", Limit: 5}); err != nil || len(list) != 1 || list[0].ID != key.ID || list[0].Name != name {
		t.Errorf("Page = %+v, %v", list, err)
	}
}
