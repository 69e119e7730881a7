package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// addOutput gives a verb its -o flag; the first form is the default.
func addOutput(cmd *cobra.Command, output *string, forms ...string) {
	cmd.Flags().VarP(&form{output, forms}, "output", "o", "form of the output: "+strings.Join(forms, ", "))
	*output = forms[0]
}

// form is a flag that takes one of a few words.
type form struct {
	value *string
	forms []string
}

func (f *form) String() string {
	if f.value == nil {
		return ""
	}
	return *f.value
}

func (f *form) Type() string { return "FORM" }

func (f *form) Set(s string) error {
	if !slices.Contains(f.forms, s) {
		return fmt.Errorf("there is %s", strings.Join(f.forms, ", "))
	}
	*f.value = s
	return nil
}

// printJSON writes a value for machines, and for people who look.
func (e *environment) printJSON(v any) error {
	j := json.NewEncoder(e.stdout)
	j.SetIndent("", "  ")
	j.SetEscapeHTML(false)
	return j.Encode(v)
}

// plainly is an error as a terminal shows it: of an llm.Error, only the message.
func plainly(err error) error {
	var e *llm.Error
	if errors.As(err, &e) {
		return errors.New(e.Message)
	}
	return err
}
