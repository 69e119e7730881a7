package cli

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/keys"
)

// keyChangeFlags are the flags of penstock keys change.
type keyChangeFlags struct {
	name, budget, expires string
	models, tags          []string
	allModels, noTags     bool
}

func (e *environment) keysChangeCommand() *cobra.Command {
	var f keyChangeFlags
	var output string
	cmd := &cobra.Command{
		Use:   "change ID",
		Short: "Change a key's name, models, tags, budget or expiry",
		Long:  "Only what a flag names is changed. A key never holds more than who made it, nor less than the keys made with it.",
		Example: "  penstock keys change h4Gk2mPq --budget 10usd/day\n" +
			"  penstock keys change h4Gk2mPq --models gpt-5,gpt-5-mini --expires never",
		Args: exactly(1, "the id of a key, as penstock keys list shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := f.body(cmd)
			if err != nil {
				return &usageError{err}
			}
			change, err := body.Parse(time.Now())
			if err != nil {
				return &usageError{flagError(err)}
			}
			key, err := callIdentity(cmd.Context(), e, identityCall{http.MethodPatch, keyPath, args[0], nil, body}, func(ctx context.Context, a keys.Access) (admin.Key, error) {
				key, err := a.Change(ctx, args[0], change)
				return admin.KeyOf(&key), err
			})
			if err != nil {
				return hint.Add(err, keysHint)
			}
			return e.printKey(output, key)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.name, "name", "", "what the key is for")
	fl.StringSliceVar(&f.models, "models", nil, "models that may be asked for, with *, in place of those before")
	fl.BoolVar(&f.allModels, "all-models", false, "let every model be asked for")
	fl.StringArrayVar(&f.tags, "tag", nil, "NAME=VALUE, in place of the tags before")
	fl.BoolVar(&f.noTags, "no-tags", false, "remove the tags")
	fl.StringVar(&f.budget, "budget", "", "spending limit, such as 5usd/day, or none")
	fl.StringVar(&f.expires, "expires", "", "when it stops working, such as 30d or 2027-01-31, or never")
	cmd.MarkFlagsMutuallyExclusive("models", "all-models")
	cmd.MarkFlagsMutuallyExclusive("tag", "no-tags")
	addOutput(cmd, &output, "table", "json")
	return cmd
}

// body returns what the flags that were given change.
func (f *keyChangeFlags) body(cmd *cobra.Command) (c admin.KeyChange, err error) {
	given := cmd.Flags().Changed
	if given("name") {
		c.Name = &f.name
	}
	if given("models") || f.allModels {
		c.Models = &f.models
	}
	if given("tag") || f.noTags {
		tags, err := parseTags(f.tags)
		if err != nil {
			return c, err
		}
		c.Tags = &tags
	}
	if given("budget") {
		c.Budget = &f.budget
	}
	if given("expires") {
		c.Expires = &f.expires
	}
	if c == (admin.KeyChange{}) {
		return c, hint.Add(fmt.Errorf("nothing is to be changed"), "name it with a flag, such as --budget 10usd/day")
	}
	return c, nil
}
