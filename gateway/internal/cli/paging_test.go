package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestListsFollowPages: commands print what all pages have, and ask for each with their filters.
func TestListsFollowPages(t *testing.T) {
	t.Parallel()
	var asked []string
	e, _ := tlsGateway(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI())
		switch after := r.URL.Query().Get("after"); {
		case r.URL.Path == "/readyz" || r.URL.Path == "/admin/v1/requests":
			fmt.Fprint(w, "{}")
		case after == "":
			fmt.Fprint(w, page("one", `"next":"a&b",`))
		case after == "a&b":
			fmt.Fprint(w, page("two", ""))
		default:
			t.Errorf("the page after %q was asked for", after)
		}
	})
	for _, c := range []struct {
		command *cobra.Command
		args    []string
		path    string
	}{
		{e.budgetListCommand(), nil, "/admin/v1/budgets?after=&limit=1000"},
		{e.budgetListCommand(), []string{"--scope", "team:*", "--unit", "usd", "--full", "0.8", "-o", "json"}, "/admin/v1/budgets?after=&full=0.8&limit=1000&scope=team%3A%2A&unit=usd"},
		{e.budgetRaisesCommand(), nil, "/admin/v1/raises?after=&limit=1000"},
		{e.targetsListCommand(), nil, "/admin/v1/targets?after=&limit=1000"},
		{e.limitsShowCommand(), []string{"--team", "search"}, "/admin/v1/limits?after=&limit=1000&team=search"},
		{e.topCommand(), []string{"--once"}, "/admin/v1/targets?after=&limit=1000"},
	} {
		out := new(bytes.Buffer)
		e.stdout, asked = out, nil
		c.command.SetArgs(c.args)
		if err := c.command.ExecuteContext(t.Context()); err != nil {
			t.Fatalf("%s: %v", c.path, err)
		}
		if text := out.String(); strings.Count(text, "one") != 1 || strings.Count(text, "two") != 1 {
			t.Errorf("%s prints, want one and two:\n%s", c.path, text)
		}
		if next := strings.Replace(c.path, "after=", "after=a%26b", 1); !slices.Contains(asked, c.path) || !slices.Contains(asked, next) {
			t.Errorf("asked for %q, want %s and %s", asked, c.path, next)
		}
	}
}

// page is a page of each list, with one entry.
func page(name, next string) string {
	return fmt.Sprintf(`{%s"budgets":[{"scope":%[2]q,"used":0,"reserved":0}],"raises":[{"scope":%[2]q,"by":1}],"targets":[{"target":%[2]q}],"limits":[{"name":"n","scope":%[2]q,"used":0,"reserved":0}]}`, next, name)
}
