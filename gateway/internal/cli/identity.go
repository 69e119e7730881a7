package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// addAdmin adds the flag that names a running gateway to a command and those below it.
func (e *environment) addAdmin(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&e.adminURL, "admin", "",
		"admin API of a running gateway to work on, such as http://127.0.0.1:8081, with the key in "+adminKey)
}

// identityCall is a call of the admin API about keys, teams and users.
type identityCall struct {
	method, pattern string
	// id takes the place of {id} in the pattern.
	id    string
	query url.Values
	body  any // nil for none
}

// callIdentity makes a call at the gateway that --admin names. Without one, local does the
// same in the ledger of the configuration, as the operator, with an entry in the audit log.
func callIdentity[T any](ctx context.Context, e *environment, c identityCall, local func(context.Context, keys.Access) (T, error)) (out T, err error) {
	if e.adminURL == "" {
		return callLedger(ctx, e, c, local)
	}
	path := strings.Replace(c.pattern, "{id}", url.PathEscape(c.id), 1)
	for name, values := range c.query {
		if values[0] == "" {
			c.query.Del(name)
		}
	}
	if len(c.query) > 0 {
		path += "?" + c.query.Encode()
	}
	reply, err := e.callAdmin(ctx, c.method, path, c.body)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(reply, &out); err != nil {
		return out, fmt.Errorf("read the gateway's answer: %w", err)
	}
	return out, nil
}

func callLedger[T any](ctx context.Context, e *environment, c identityCall, local func(context.Context, keys.Access) (T, error)) (out T, err error) {
	k, log, l, err := e.options.OpenKeys(ctx)
	if err != nil {
		return out, err
	}
	defer l.Close()
	if c.method == http.MethodGet {
		return local(ctx, k.Access)
	}
	t := &audit.Trail{Entry: audit.Entry{User: e.options.Getenv("USER"), Address: "command line", Action: c.method + " " + c.pattern, Object: c.id}}
	out, err = local(audit.With(ctx, t), k.Access)
	if entry, left := t.Rest(err); left {
		err = errors.Join(err, log.Add(ctx, entry))
	}
	return out, err
}

// flagError is the error of a value as its flag has it.
func flagError(err error) error {
	e := llm.AsError(err)
	return fmt.Errorf("--%s", strings.TrimSuffix(e.Message, "."))
}

// listPage is how many entries one call asks for.
const listPage = 1000

// everyPage returns the entries of all pages, or of the limit if it is above 0.
func everyPage[T any](limit int, after string, page func(after string, limit int) ([]T, string, error)) ([]T, error) {
	all := []T{}
	for {
		size := listPage
		if limit > 0 {
			size = min(size, limit-len(all))
		}
		list, next, err := page(after, size)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if next == "" || limit > 0 && len(all) >= limit {
			return all, nil
		}
		after = next
	}
}

// everyAdminPage returns the entries of all pages of a list of the admin API. entries returns those
// of one page, with the after of the next.
func everyAdminPage[L, T any](ctx context.Context, e *environment, path string, query url.Values, entries func(L) ([]T, string)) ([]T, error) {
	return everyPage(0, "", func(after string, limit int) ([]T, string, error) {
		query.Set("after", after)
		query.Set("limit", strconv.Itoa(limit))
		list, err := askAdmin[L](ctx, e, path+"?"+query.Encode())
		if err != nil {
			return nil, "", err
		}
		page, next := entries(list)
		return page, next, nil
	})
}

func addPaging(cmd *cobra.Command, limit *int, after *string) {
	cmd.Flags().IntVar(limit, "limit", 0, "the most to list; 0 for all")
	cmd.Flags().StringVar(after, "after", "", "list those that follow this one")
}

// listCommand is a verb that lists objects: page returns one page of them, with where the next
// begins, and print prints all as a table.
func listCommand[T any](e *environment, short, example string, page func(ctx context.Context, after string, query url.Values, limit int) ([]T, string, error), print func([]T) error) *cobra.Command {
	var output, after string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   short,
		Example: example,
		Args:    exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := everyPage(limit, after, func(after string, limit int) ([]T, string, error) {
				return page(cmd.Context(), after, url.Values{"after": {after}, "limit": {strconv.Itoa(limit)}}, limit)
			})
			if err != nil {
				return err
			}
			if output == "json" {
				return e.printJSON(list)
			}
			return print(list)
		},
	}
	addPaging(cmd, &limit, &after)
	addOutput(cmd, &output, "table", "json")
	return cmd
}
