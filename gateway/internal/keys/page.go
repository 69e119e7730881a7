package keys

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Filter selects keys. Empty members select all.
type Filter struct {
	Team, User string
	// State is one of States.
	State string
	// After is the ID of the last key of the page before.
	After string
	// Limit is the most keys to return.
	Limit int
}

// States are the states that keys can have.
func States() []string { return []string{"active", "blocked", "expired", "replaced", "revoked"} }

// conditions collects the conditions of a query with their arguments.
type conditions struct {
	all  []string
	args []any
}

// add adds a condition, in which each ? becomes the next argument.
func (c *conditions) add(condition string, args ...any) {
	for _, arg := range args {
		c.args = append(c.args, arg)
		condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(c.args)), 1)
	}
	c.all = append(c.all, "("+condition+")")
}

func (c *conditions) String() string {
	return strings.Join(append([]string{"1 = 1"}, c.all...), " AND ")
}

// Page returns the keys that the caller may see and the filter selects, the oldest first.
// next is the Filter.After of the next page, empty on the last one.
func (a Access) Page(ctx context.Context, f Filter) (list []Key, next string, err error) {
	c, err := a.conditions(ctx, &f)
	if err != nil {
		return nil, "", err
	}
	c.args = append(c.args, f.Limit+1)
	list, err = selectKeys(ctx, a.k.db, c.String()+" ORDER BY created, id LIMIT $"+strconv.Itoa(len(c.args)), c.args...)
	if err != nil {
		return nil, "", fmt.Errorf("list keys: %w", err)
	}
	if len(list) > f.Limit {
		list = list[:f.Limit]
		next = list[f.Limit-1].ID
	}
	for i := range list {
		a.k.uses.overlay(&list[i])
	}
	return list, next, nil
}

func (a Access) conditions(ctx context.Context, f *Filter) (*conditions, error) {
	c := &conditions{}
	if f.Team != "" {
		c.add("team = ?", f.Team)
	}
	if f.User != "" {
		c.add("user_name = ?", f.User)
	}
	if !a.seesAll() {
		c.add("origin = ? AND ? <> '' OR made_by = ? AND ? <> '' OR user_name = ? AND ? <> '' OR team IN (SELECT team FROM team_members WHERE user_name = ? AND role = 'admin')",
			a.who.KeyID, a.who.KeyID, a.who.KeyID, a.who.KeyID, a.who.User, a.who.User, a.who.User)
	}
	if err := a.addState(c, f.State); err != nil {
		return nil, err
	}
	if f.After == "" {
		return c, nil
	}
	last, err := a.Get(ctx, f.After)
	if err != nil {
		return nil, badParam("after", "write the next of the page before")
	}
	c.add("created > ? OR created = ? AND id > ?", millis(last.Created), millis(last.Created), last.ID)
	return c, nil
}

// addState adds a condition for a state; see Key.State.
func (a Access) addState(c *conditions, state string) error {
	if state == "" {
		return nil
	}
	if !slices.Contains(States(), state) {
		return badParam("state", llm.Quote(state)+" is none of "+strings.Join(States(), ", "))
	}
	if state == "revoked" {
		c.add("revoked <> 0")
		return nil
	}
	now := millis(a.k.now())
	if state == "expired" {
		c.add("revoked = 0 AND expires <> 0 AND expires <= ?", now)
		return nil
	}
	c.add("revoked = 0 AND (expires = 0 OR expires > ?)", now)
	switch state {
	case "blocked":
		c.add("(" + blocked + ") = 1")
	case "replaced":
		c.add("(" + blocked + ") = 0 AND replaced_by <> ''")
	case "active":
		c.add("(" + blocked + ") = 0 AND replaced_by = ''")
	}
	return nil
}

func badParam(name, message string) *llm.Error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: name, Message: name + ": " + message + "."}
}
