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

// addOutput adds the flag -o to a verb. The first form is the default.
func addOutput(cmd *cobra.Command, output *string, forms ...string) {
	cmd.Flags().VarP(&form{output, forms}, "output", "o", "form of the output: "+strings.Join(forms, ", "))
	*output = forms[0]
}

// addWord adds a flag that takes one of a few words. The first is the default.
func addWord(cmd *cobra.Command, value *string, name, usage string, words ...string) {
	cmd.Flags().Var(&form{value, words}, name, usage+": "+strings.Join(words, ", "))
	*value = words[0]
}

// form is the value of a flag that takes one of a few words.
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
		return fmt.Errorf("must be one of %s", strings.Join(f.forms, ", "))
	}
	*f.value = s
	return nil
}

// printJSON prints a value as indented JSON.
func (e *environment) printJSON(v any) error {
	j := json.NewEncoder(e.stdout)
	j.SetIndent("", "  ")
	j.SetEscapeHTML(false)
	return j.Encode(v)
}

// messageOnly returns an error without what an llm.Error adds to its message.
func messageOnly(err error) error {
	var e *llm.Error
	if errors.As(err, &e) {
		return errors.New(e.Message)
	}
	return err
}
