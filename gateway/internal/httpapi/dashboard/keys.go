package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard/chart"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Budgets are what the page of keys and budgets needs of the gateway.
type Budgets interface {
	// Keys are the virtual keys, teams and users.
	Keys() *keys.Keys
	// Count returns what is used of one limit; false if nothing is counted there now.
	Count(scope string, u llm.Unit, window string) (Count, bool)
	// Fullest lists at most n limits whose scope fits a pattern, in which * stands for any text:
	// those that are used most, the fullest first. all is how many fit.
	Fullest(scope string, n int) (list []Count, all int)
	// Raises lists the temporary raises in force; Raise makes one for an operator, and EndRaise
	// ends one.
	Raises() []Raise
	Raise(ctx context.Context, ask RaiseAsk, operator string) error
	EndRaise(ctx context.Context, id string) error
	// AuditLog is where changes by operators are kept; Audit adds one.
	AuditLog() *audit.Log
	Audit(ctx context.Context, e audit.Entry)
}

// Count is what is used of a limit. Amounts are in nano-USD for the unit usd, else counts; a
// Max of 0 is unknown. Resets is zero for requests in flight. Starts is when the window began; zero
// for requests in flight and for rolling windows.
type Count struct {
	Scope          string
	Unit           llm.Unit
	Window         string
	Used, Reserved int64
	Max            int64
	Starts, Resets time.Time
	// Raised says that a raise is part of Max.
	Raised bool
}

// Raise is a temporary raise of limits.
type Raise struct {
	ID, Scope, Window, Reason, Operator string
	Unit                                llm.Unit
	By                                  int64
	Until                               time.Time
}

// RaiseAsk asks for a raise: by an amount, until a time, as an operator has typed them.
type RaiseAsk struct{ Scope, Unit, Window, By, Until, Reason string }

// keysView is what the page shows.
type keysView struct {
	Keys   []keyView
	Filter keys.Filter
	// Next is the link to the next keys; empty on the last page.
	Next string
	Made *madeKey
	// Error says why a change was not made; Form is what was typed.
	Error string
	Form  keyForm
	// Creates says that the user may make keys.
	Creates bool
	// Scope is the pattern of the scopes of Budgets, which are the fullest of all AllBudgets that
	// fit.
	Scope      string
	Budgets    []budgetView
	AllBudgets int
	// Raises are the first to end of all AllRaises.
	Raises    []Raise
	AllRaises int
	Teams     []keys.Team
	Users     []keys.User
	// NextTeams and NextUsers are the links to more of them; empty on the last page. TeamsAfter and
	// UsersAfter are the names that these begin after.
	NextTeams, NextUsers, TeamsAfter, UsersAfter string
}

// keyView is a row of the table of keys.
type keyView struct {
	keys.Key
	State  string
	Budget *budgetView
	// Changes says that the user may change the key.
	Changes bool
}

// budgetView is a limit with a bar.
type budgetView struct {
	Count
	Bar template.HTML
	// Left is when the window ends, Pace what will have been used then, in words.
	Left, Pace string
}

// maxListed is how many keys, teams, users, limits and raises one page lists.
const maxListed = 100

// access returns the keys as a session may see and change them.
func (d *Dashboard) access(x *session) keys.Access {
	if x.who.KeyID == "" {
		return d.gateway.Keys().Access
	}
	return d.gateway.Keys().As(x.who)
}

// keys serves GET /keys.
func (d *Dashboard) keys(w http.ResponseWriter, r *http.Request) {
	d.renderKeys(w, r, http.StatusOK, keysView{})
}

func (d *Dashboard) renderKeys(w http.ResponseWriter, r *http.Request, status int, v keysView) {
	if err := d.fillKeys(r, &v); err != nil {
		d.fail(w, r, err)
		return
	}
	d.render(w, r, status, "keys.html", "Keys and budgets", v)
}

// fillKeys adds to a view what does not depend on the change that was made.
func (d *Dashboard) fillKeys(r *http.Request, v *keysView) (err error) {
	x, q, now := sessionOf(r), r.URL.Query(), d.now()
	a := d.access(x)
	v.Filter = keys.Filter{Team: q.Get("team"), User: q.Get("user"), State: q.Get("state"), After: q.Get("after"), Limit: maxListed}
	list, next, err := a.Page(r.Context(), v.Filter)
	if err != nil {
		return err
	}
	if next != "" {
		q.Set("after", next)
		v.Next = "?" + q.Encode()
	}
	v.Creates = x.admin() || slices.Contains(x.who.Roles, roleMember)
	for i := range list {
		v.Keys = append(v.Keys, keyView{Key: list[i], State: list[i].State(now), Budget: d.budgetOf(&list[i], now), Changes: v.Creates && list[i].Revoked.IsZero()})
	}
	if x.reads() {
		d.fillBudgets(v, q.Get("scope"), now)
	}
	q = r.URL.Query()
	v.TeamsAfter, v.UsersAfter = q.Get("teams_after"), q.Get("users_after")
	if v.Teams, next, err = a.Teams(r.Context(), v.TeamsAfter, maxListed); err != nil {
		return err
	}
	if next != "" {
		v.NextTeams = changed(q, "teams_after", next) + "#teams"
	}
	if v.Users, next, err = a.Users(r.Context(), v.UsersAfter, maxListed); err != nil {
		return err
	}
	if next != "" {
		v.NextUsers = changed(q, "users_after", next) + "#users"
	}
	return nil
}

// fillBudgets adds the limits and raises to a view.
func (d *Dashboard) fillBudgets(v *keysView, scope string, now time.Time) {
	v.Scope = scope
	var fullest []Count
	fullest, v.AllBudgets = d.gateway.Fullest(cmp.Or(scope, "*"), maxListed)
	for _, c := range fullest {
		v.Budgets = append(v.Budgets, newBudgetView(c, now))
	}
	v.Raises = d.gateway.Raises()
	v.AllRaises = len(v.Raises)
	v.Raises = v.Raises[:min(len(v.Raises), maxListed)]
}

// budgetOf returns the budget of a key with what is used of it; nil without one.
func (d *Dashboard) budgetOf(k *keys.Key, now time.Time) *budgetView {
	if k.Budget.Max <= 0 {
		return nil
	}
	c := Count{Scope: "key:" + k.Origin, Unit: llm.UnitUSD, Window: k.Budget.Window, Max: int64(k.Budget.Max)}
	if found, ok := d.gateway.Count(c.Scope, c.Unit, c.Window); ok {
		c.Used, c.Reserved, c.Starts, c.Resets, c.Raised = found.Used, found.Reserved, found.Starts, found.Resets, found.Raised
		c.Max = max(c.Max, found.Max)
	}
	v := newBudgetView(c, now)
	return &v
}

func newBudgetView(c Count, now time.Time) budgetView {
	v := budgetView{Count: c, Pace: paceOf(&c, now).words(&c, now)}
	if c.Max > 0 {
		title := fmt.Sprintf("%s used and %s reserved of %s", amount(c.Unit, c.Used), amount(c.Unit, c.Reserved), amount(c.Unit, c.Max))
		v.Bar = chart.Budget(title, float64(c.Used)/float64(c.Max), float64(c.Reserved)/float64(c.Max))
	}
	if !c.Resets.IsZero() {
		v.Left = within(c.Resets.Sub(now))
	}
	return v
}

// within writes how long it is until a time.
func within(d time.Duration) string {
	switch {
	case d <= 0:
		return "now"
	case d < time.Minute:
		return "within a minute"
	case d < time.Hour:
		return fmt.Sprintf("in %d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("in %d h", int(d.Hours()))
	}
	return fmt.Sprintf("in %d days", int(d.Hours()/24))
}

// words splits a list that was typed with commas or spaces.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
}
