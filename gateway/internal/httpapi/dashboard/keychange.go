package dashboard

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// keyForm is what the form of a new key holds.
type keyForm struct{ Name, Team, User, Models, Role, Budget, Window, Expires, For string }

// madeKey is a new key, which is shown once.
type madeKey struct {
	Key    keys.Key
	Secret string
	// Snippets are how clients use it; For is the one that was asked for.
	Snippets []clientSnippet
	For      string
}

// change makes a change for a session, and keeps it in the audit log whatever its outcome.
func (d *Dashboard) change(r *http.Request, action, object string, do func(context.Context) error) error {
	x := sessionOf(r)
	address, _, _ := net.SplitHostPort(r.RemoteAddr) // empty for what is none
	t := &audit.Trail{Entry: audit.Entry{Key: x.who.KeyID, User: x.who.User, Address: address, Action: "dashboard: " + action, Object: object}}
	err := do(audit.With(r.Context(), t))
	if entry, left := t.Rest(err); left {
		d.gateway.Audit(context.WithoutCancel(r.Context()), entry)
	}
	return err
}

// changed answers a change: back to the page, or the page with the error.
func (d *Dashboard) changed(w http.ResponseWriter, r *http.Request, part string, err error) {
	if err != nil {
		d.notChanged(w, r, keysView{}, err)
		return
	}
	secure(w.Header())
	http.Redirect(w, r, "/keys#"+part, http.StatusSeeOther)
}

func (d *Dashboard) notChanged(w http.ResponseWriter, r *http.Request, v keysView, err error) {
	e := llm.AsError(err)
	if e.HTTPStatus() >= http.StatusInternalServerError {
		d.log.Error("change keys by the dashboard", "path", r.URL.Path, "err", err)
	}
	v.Error = e.Message
	d.renderKeys(w, r, e.HTTPStatus(), v)
}

// createKey serves POST /keys.
func (d *Dashboard) createKey(w http.ResponseWriter, r *http.Request) {
	f := keyForm{}
	for name, to := range map[string]*string{"name": &f.Name, "team": &f.Team, "user": &f.User, "models": &f.Models, "role": &f.Role, "budget": &f.Budget, "window": &f.Window, "expires": &f.Expires, "for": &f.For} {
		*to = strings.TrimSpace(r.PostForm.Get(name))
	}
	spec, err := f.spec(d.now())
	if err != nil {
		d.notChanged(w, r, keysView{Form: f}, err)
		return
	}
	d.showNewKey(w, r, "create key", "", f, func(ctx context.Context) (keys.Key, keys.Token, error) {
		return d.access(sessionOf(r)).Create(ctx, spec)
	})
}

// spec returns the key that a form describes.
func (f *keyForm) spec(now time.Time) (s keys.Spec, err error) {
	s = keys.Spec{Name: f.Name, Team: f.Team, User: f.User, Models: words(f.Models), Roles: words(f.Role)}
	if f.Budget != "" {
		if s.Budget, err = keys.ParseBudget(strings.TrimPrefix(f.Budget, "$") + "usd/" + f.Window); err != nil {
			return s, badField("budget", err)
		}
	}
	if f.Expires != "" {
		if s.Expires, err = keys.ParseExpiry(f.Expires, now); err != nil {
			return s, badField("expires", err)
		}
	}
	return s, nil
}

func badField(name string, err error) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: name, Message: err.Error() + "."}
}

// rotateKey serves POST /keys/{id}/rotate.
func (d *Dashboard) rotateKey(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	overlap, err := time.ParseDuration(r.PostForm.Get("overlap"))
	if err != nil || overlap < 0 || overlap > 31*24*time.Hour {
		d.notChanged(w, r, keysView{}, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "overlap", Message: "The old key works on for 0h to 744h."})
		return
	}
	d.showNewKey(w, r, "rotate key", "key "+id, keyForm{}, func(ctx context.Context) (keys.Key, keys.Token, error) {
		return d.access(sessionOf(r)).Rotate(ctx, id, overlap)
	})
}

// showNewKey makes a key and shows it, once.
func (d *Dashboard) showNewKey(w http.ResponseWriter, r *http.Request, action, object string, f keyForm, make func(context.Context) (keys.Key, keys.Token, error)) {
	var made madeKey
	err := d.change(r, action, object, func(ctx context.Context) error {
		key, token, err := make(ctx)
		made = madeKey{Key: key, Secret: token.Reveal(), For: f.For}
		return err
	})
	if err != nil {
		d.notChanged(w, r, keysView{Form: f}, err)
		return
	}
	model := "MODEL"
	if models := d.gateway.ChatModels(made.Key.Principal()); len(models) > 0 {
		model = models[0]
	}
	made.Snippets = clientSnippets(d.gateway.BaseURL(), made.Secret, model)
	d.renderKeys(w, r, http.StatusOK, keysView{Made: &made})
}

// revokeKey serves POST /keys/{id}/revoke.
func (d *Dashboard) revokeKey(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	d.changed(w, r, "keys", d.change(r, "revoke key", "key "+id, func(ctx context.Context) error {
		_, err := d.access(sessionOf(r)).Revoke(ctx, id)
		return err
	}))
}

// raise serves POST /raises.
func (d *Dashboard) raise(w http.ResponseWriter, r *http.Request) {
	f := r.PostForm
	meter := strings.SplitN(f.Get("limit"), "\n", 3)
	if len(meter) != 3 {
		d.notChanged(w, r, keysView{}, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "limit", Message: "Choose the limit to raise."})
		return
	}
	ask := RaiseAsk{Scope: meter[0], Unit: meter[1], Window: meter[2], By: f.Get("by"), Until: f.Get("until"), Reason: f.Get("reason")}
	d.changed(w, r, "budgets", d.adminChange(r, "raise limits", ask.Scope, func(ctx context.Context) error {
		return d.gateway.Raise(ctx, ask, operatorName(sessionOf(r)))
	}))
}

// endRaise serves POST /raises/{id}/end.
func (d *Dashboard) endRaise(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	d.changed(w, r, "budgets", d.adminChange(r, "end raise", "raise "+id, func(ctx context.Context) error { return d.gateway.EndRaise(ctx, id) }))
}

// adminChange is change for what only admins may.
func (d *Dashboard) adminChange(r *http.Request, action, object string, do func(context.Context) error) error {
	return d.change(r, action, object, func(ctx context.Context) error {
		if !sessionOf(r).admin() {
			return &llm.Error{Code: llm.CodeForbidden, Status: http.StatusForbidden, Message: "This needs the role admin."}
		}
		return do(ctx)
	})
}

// operatorName names who makes a change.
func operatorName(x *session) string {
	if x.who.KeyID == "" {
		return "operator"
	}
	return "key " + x.who.KeyID + " (" + x.who.Name + ")"
}

// createTeam serves POST /teams, createUser POST /users.
func (d *Dashboard) createTeam(w http.ResponseWriter, r *http.Request) {
	f := r.PostForm
	t := keys.Team{Name: strings.TrimSpace(f.Get("name")), Models: words(f.Get("models")), Members: map[string]string{}}
	for _, m := range words(f.Get("members")) {
		user, role, _ := strings.Cut(m, ":")
		if role == "" {
			role = roleMember
		}
		t.Members[user] = role
	}
	d.changed(w, r, "teams", d.change(r, "create team", "team "+t.Name, func(ctx context.Context) error {
		_, err := d.access(sessionOf(r)).CreateTeam(ctx, t)
		return err
	}))
}

func (d *Dashboard) createUser(w http.ResponseWriter, r *http.Request) {
	u := keys.User{Name: strings.TrimSpace(r.PostForm.Get("name")), Roles: words(r.PostForm.Get("role"))}
	d.changed(w, r, "users", d.change(r, "create user", "user "+u.Name, func(ctx context.Context) error {
		_, err := d.access(sessionOf(r)).CreateUser(ctx, u)
		return err
	}))
}

// blockTeam serves POST /teams/{id}/block, blockUser POST /users/{id}/block: with the value
// blocked=true they block, else they let work again.
func (d *Dashboard) blockTeam(w http.ResponseWriter, r *http.Request) {
	name, blocked := r.PathValue("id"), r.PostForm.Get("blocked") == "true"
	d.changed(w, r, "teams", d.change(r, "block team", "team "+name, func(ctx context.Context) error {
		_, err := d.access(sessionOf(r)).ChangeTeam(ctx, name, keys.TeamChange{Blocked: &blocked})
		return err
	}))
}

func (d *Dashboard) blockUser(w http.ResponseWriter, r *http.Request) {
	name, blocked := r.PathValue("id"), r.PostForm.Get("blocked") == "true"
	d.changed(w, r, "users", d.change(r, "block user", "user "+name, func(ctx context.Context) error {
		_, err := d.access(sessionOf(r)).ChangeUser(ctx, name, keys.UserChange{Blocked: &blocked})
		return err
	}))
}

// auditView is what the audit log's page shows.
type auditView struct {
	Entries []audit.Entry
	// Next is the link to older entries; empty when there are none.
	Next string
}

// audit serves GET /audit.
func (d *Dashboard) audit(w http.ResponseWriter, r *http.Request) {
	if !sessionOf(r).admin() {
		d.fail(w, r, &llm.Error{Code: llm.CodeForbidden, Status: http.StatusForbidden, Message: "The audit log needs the role admin."})
		return
	}
	list, next, err := d.gateway.AuditLog().List(r.Context(), audit.Query{After: r.URL.Query().Get("after"), Limit: maxListed})
	if err != nil {
		d.fail(w, r, err)
		return
	}
	v := auditView{Entries: list}
	if next != "" {
		v.Next = "?after=" + url.QueryEscape(next)
	}
	d.render(w, r, http.StatusOK, "audit.html", "Audit log", v)
}
