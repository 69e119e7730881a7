package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) modelsCommand() *cobra.Command {
	var output string
	var filter server.ModelFilter
	cmd := &cobra.Command{
		Use:   "models",
		Short: "List the models of the catalogue and the configuration with their prices, sizes and capabilities",
		Long: "Prices are in US dollars per million tokens: of the prompt, of its tokens read from the provider's cache (CACHED),\n" +
			"written to it for five minutes (WRITE) or an hour (WRITE 1H), and of the reply. CONTEXT and MAX OUT are in tokens. A \"-\"\n" +
			"is unknown; an unknown price is not 0. A model can do all that its provider is not known to refuse. QUALITY is the\n" +
			"share of Aider's polyglot coding tasks that a model solves, unless the configuration gives one; -o json names the source.\n" +
			"NOTES has prices of long prompts, sound, pictures and service tiers. " +
			"What the configuration says of its targets is shown in place of the catalogue's facts. No gateway has to run.",
		Example: "  penstock models --provider openai,anthropic\n  penstock models --capable vision,tools -o json",
		Args:    exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, all, err := e.options.ModelFacts(cmd.Context(), filter)
			var unknown *server.UnknownNameError
			if errors.As(err, &unknown) {
				return &usageError{err}
			}
			if err != nil {
				return err
			}
			if len(list) == 0 {
				fmt.Fprintf(e.stderr, "No model matches, of %d; penstock models without flags lists them all.\n", all)
			}
			if output == "json" {
				return e.printJSON(append([]server.ModelFacts{}, list...))
			}
			return e.printModels(list)
		},
	}
	cmd.Flags().StringSliceVar(&filter.Providers, "provider", nil, "only models of these providers")
	cmd.Flags().StringSliceVar(&filter.Capable, "capable", nil, "only models that can do all of this: "+llm.Features(^uint32(0)).String())
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) printModels(list []server.ModelFacts) error {
	if len(list) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "MODEL\tINPUT $/M\tCACHED $/M\tWRITE $/M\tWRITE 1H $/M\tOUTPUT $/M\tCONTEXT\tMAX OUT\tQUALITY\tCAPABILITIES\tNOTES")
	for i := range list {
		m := &list[i]
		columns := append([]string{m.Model}, prices(m.Price)...)
		columns = append(columns, tokens(m.Context), tokens(m.MaxOutput), qualityOf(m), dash(strings.Join(m.Capabilities, ",")), dash(notesOn(m)))
		fmt.Fprintln(w, cells(columns...))
	}
	return w.Flush()
}

// prices are the columns of a price: input, cached, cache writes, output.
func prices(p *llm.PriceList) []string {
	if p == nil {
		return []string{"-", "-", "-", "-", "-"}
	}
	return []string{p.Input.String(), p.Cached.String(), p.CacheWrite.String(), p.CacheWriteLong.String(), p.Output.String()}
}

// tokens formats a number of tokens that may be unknown.
func tokens(n int64) string {
	if n <= 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

func qualityOf(m *server.ModelFacts) string {
	if m.Quality == nil {
		return "-"
	}
	return strconv.FormatFloat(*m.Quality, 'g', 3, 64)
}

// notesOn says what no other column has room for.
func notesOn(m *server.ModelFacts) string {
	var notes []string
	if m.Deprecated {
		notes = append(notes, "deprecated")
	}
	if m.Embeds {
		notes = append(notes, "embeddings only")
	}
	if m.Price != nil {
		notes = append(notes, priceNotes(m.Price)...)
	}
	if len(m.Aliases) > 0 {
		notes = append(notes, "served as "+strings.Join(m.Aliases, ", "))
	}
	return strings.Join(notes, "; ")
}

// priceNotes are the prices that have no columns.
func priceNotes(p *llm.PriceList) []string {
	var notes []string
	if p.Long != nil {
		notes = append(notes, fmt.Sprintf("input %s and output %s above %d tokens", p.Long.Input, p.Long.Output, p.LongAbove))
	}
	for _, one := range []struct {
		name  string
		price json.Number
	}{{"audio input", p.AudioInput}, {"audio output", p.AudioOutput}, {"image input", p.ImageInput}, {"image output", p.ImageOutput}, {"each image", p.Image}} {
		if one.price != "" {
			notes = append(notes, one.name+" "+one.price.String())
		}
	}
	for _, t := range llm.PricedTiers() {
		if in := p.Tiers[t]; in != nil {
			notes = append(notes, fmt.Sprintf("%s input %s and output %s", t, in.Input, in.Output))
		}
	}
	return notes
}
