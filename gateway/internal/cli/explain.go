package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/httpapi/tags"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) explainCommand() *cobra.Command {
	var file, output string
	var as askerFlags
	cmd := &cobra.Command{
		Use:   "explain [REQUEST-ID]",
		Short: "Say why a request went where it did, or where one would go",
		Long: "With the id from the x-penstock-request-id header, explain shows the record of that request.\n" +
			"With -f, it makes every decision about the request in a file, calls no provider and spends nothing. The flags say who\n" +
			"would ask, with which tags and when; without them nobody in particular asks, now.",
		Example: "  penstock explain req_01k9zq6m3c8v7e2x5d4r1t0wbn\n" +
			"  penstock explain -f request.json\n" +
			"  penstock explain -f request.json --key search-bot --tag usecase=support --at 23:30",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (file != "") {
				return &usageError{hint.Add(fmt.Errorf("explain takes a request id, or -f with a file"), "penstock explain --help shows examples")}
			}
			if len(args) == 1 && as.given() {
				return &usageError{hint.Add(fmt.Errorf("--key, --team, --user, --tag and --at go with -f only"), "the record of a request says who asked and when")}
			}
			record, err := e.recordFor(cmd, args, file, &as)
			if err != nil {
				return fmt.Errorf("explain %s: %w", strings.Join(append(args, file), ""), plainly(err))
			}
			if output == "json" {
				return e.printJSON(record)
			}
			return tell(e.stdout, record)
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "file with a chat-completions request; - is standard input")
	fl := cmd.Flags()
	fl.StringVar(&as.Key, "key", "", "with -f: id or name of the virtual key that asks")
	fl.StringVar(&as.Team, "team", "", "with -f: team of the caller, in place of the key's")
	fl.StringVar(&as.User, "user", "", "with -f: user of the caller, in place of the key's")
	fl.StringArrayVar(&as.tags, "tag", nil, "with -f: NAME=VALUE, a tag that the caller sends; may be repeated")
	fl.StringVar(&as.At, "at", "", "with -f: when, such as 23:30 or \"2026-12-25 23:30\", in the configured time zone")
	addOutput(cmd, &output, "text", "json")
	return cmd
}

func (e *environment) recordFor(cmd *cobra.Command, args []string, file string, as *askerFlags) (*llm.Record, error) {
	if len(args) == 1 {
		l, err := e.options.OpenLedger(cmd.Context())
		if err != nil {
			return nil, err
		}
		defer l.Close()
		return l.Get(cmd.Context(), args[0])
	}
	asker, err := as.parse()
	if err != nil {
		return nil, err
	}
	body, err := e.readInput(cmd, file)
	if err != nil {
		return nil, err
	}
	return e.dryRun(cmd.Context(), body, asker)
}

// dryRun makes every decision about a chat-completions request as a gateway with this
// configuration would.
func (e *environment) dryRun(ctx context.Context, body []byte, as admin.Asker) (*llm.Record, error) {
	c, err := e.options.Load(ctx)
	if err != nil {
		return nil, err
	}
	s, err := server.OpenDry(ctx, e.options, c)
	if err != nil {
		return nil, err
	}
	defer s.Close(ctx)
	return s.Explain(ctx, body, as)
}

// askerFlags are the command line's form of an asker.
type askerFlags struct {
	admin.Asker
	tags []string
}

// parse reads the tags, each NAME=VALUE; a name alone is "true", as in x-penstock-tags.
func (f *askerFlags) parse() (admin.Asker, error) {
	as := f.Asker
	as.Tags = make(map[string]string, len(f.tags))
	for _, tag := range f.tags {
		name, value, ok := strings.Cut(tag, "=")
		if !ok {
			value = "true"
		}
		if strings.TrimSpace(name) == "" {
			return as, &usageError{fmt.Errorf("--tag %q: write NAME=VALUE", tag)}
		}
		as.Tags[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return as, tags.Check(as.Tags)
}

func (f *askerFlags) given() bool {
	return len(f.tags) > 0 || f.Key != "" || f.Team != "" || f.User != "" || f.At != ""
}

// tell writes a record for people, in the order in which things happened.
func tell(out io.Writer, r *llm.Record) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintln(w, cells(name, fmt.Sprintf(format, args...)))
	}
	line("request", "%s%s", r.ID, dry(r))
	line("time", "%s", r.Time.Format(time.RFC3339))
	line("model", "%s → route %s", r.Model, dash(r.Route))
	line("caller", "key %s, team %s, user %s, tags %s", dash(r.KeyName), dash(r.Team), dash(r.User), dash(joinTags(r.Tags)))
	if r.Dialect != "" {
		line("", "speaks the wire format of plugin %s", r.Dialect)
	}
	tellDecision(line, r)
	line("cache", "%s", r.Cache)
	tellTargets(line, r)
	tellAttempts(line, r)
	if !r.Dry {
		tellBill(line, r)
	}
	if n := len(r.RequestText) + len(r.ReplyText); n > 0 {
		cut := ""
		if r.TextCut {
			cut = " (cut)"
		}
		line("text", "%d bytes of the request and %d of the reply%s; -o json shows them", len(r.RequestText), len(r.ReplyText), cut)
	}
	return w.Flush()
}

func dry(r *llm.Record) string {
	if r.Dry {
		return " (dry run: nothing was sent or spent)"
	}
	return ""
}

func tellDecision(line func(string, string, ...any), r *llm.Record) {
	if first := r.FirstDecision; first != nil {
		o := first.Obligations
		line("policy", "sent on from %s to %s by revision %s, which was asked about that too", r.Model, cmp.Or(o.Route, o.Model), first.Revision)
	}
	if v := r.Decision; v != nil {
		word := "allowed"
		if !v.Allow {
			word = "denied"
		}
		line("policy", "%s by revision %s", word, v.Revision)
		for _, reason := range v.Reasons {
			line("", "%s: %s %s", reason.Code, reason.Message, reason.Rule)
		}
		for _, warning := range v.Warnings {
			line("", "warning: %s", warning)
		}
		if o, _ := json.Marshal(v.Obligations); len(o) > 2 {
			line("", "obligations: %s", o)
		}
	}
	for _, s := range r.Limits {
		line("limit", "%s: %s %s per %s, used %s, reserved %s", s.Name, s.Scope, amount(s.Unit, s.Max), dash(s.Window), amount(s.Unit, s.Before), amount(s.Unit, s.Reserved))
	}
	if v := r.Decision; v != nil && len(r.Limits) == 0 {
		for _, l := range v.Limits {
			line("limit", "%s: %s %s per %s", l.Name, l.Scope, amount(l.Unit, l.Max), dash(l.Window))
		}
	}
}

func amount(u llm.Unit, n int64) string {
	if u == llm.UnitUSD {
		return llm.NanoUSD(n).String()
	}
	return fmt.Sprintf("%d %s", n, strings.ReplaceAll(string(u), "_", " "))
}

func tellTargets(line func(string, string, ...any), r *llm.Record) {
	if k := r.Ranking; k != nil {
		note := k.Reason
		if k.Fault != "" {
			note = "its opinion was not taken: " + k.Fault
		}
		line("router", "%s, %d instructions %s", k.Router, k.Fuel, note)
	}
	for _, c := range r.Candidates {
		switch {
		case c.Refused != "":
			line("target", "%s refused: %s", c.Target, c.Refused)
		case c.Score != nil:
			line("target", "%s score %.4g, %s", c.Target, *c.Score, atMost(c))
		default:
			line("target", "%s %s", c.Target, atMost(c))
		}
		if len(c.Dropped) > 0 && c.Refused == "" {
			line("", "has no equivalent for %s", strings.Join(c.Dropped, ", "))
		}
	}
}

// atMost says what a request costs at a target at most.
func atMost(c llm.Considered) string {
	switch {
	case c.Unpriced:
		return "without a known price"
	case c.EstCost == 0:
		return "free"
	}
	return "at most " + c.EstCost.String()
}

func tellAttempts(line func(string, string, ...any), r *llm.Record) {
	for _, a := range r.Attempts {
		outcome := "ok"
		if a.Fault != llm.FaultNone {
			outcome = fmt.Sprintf("%s: %s", a.Fault, a.Error)
		}
		line("attempt", "%s try %d at %s ms, %s ms, status %d, %s", a.Target, a.Try, a.Start.AppendJSON(nil), a.Duration.AppendJSON(nil), a.Status, outcome)
		if len(a.Dropped) > 0 {
			line("", "has no equivalent for %s", strings.Join(a.Dropped, ", "))
		}
		for _, p := range a.Transforms {
			line("", "plugin %s: %s", p.Plugin, applied(p))
		}
	}
}

// applied says in words what a transform did.
func applied(p llm.Applied) string {
	what := "left the " + p.Hook + " as it was"
	if p.Changed {
		what = "changed the " + p.Hook
	}
	if p.Fault != "" {
		what += ", and failed: " + p.Fault
	}
	return fmt.Sprintf("%s (%d instructions)", what, p.Fuel)
}

func tellBill(line func(string, string, ...any), r *llm.Record) {
	line("result", "status %d %s, finish %s, %s ms (%s ms upstream)", r.Status, r.Code, dash(r.Finish), r.Duration.AppendJSON(nil), r.Upstream.AppendJSON(nil))
	if r.Error != "" {
		line("", "%s", r.Error)
	}
	estimated := ""
	if r.Usage.Estimated {
		estimated = ", estimated"
	}
	line("usage", "%d tokens in (%d from the provider's cache), %d out%s", r.Usage.Input, r.Usage.CacheRead, r.Usage.Output, estimated)
	if r.Usage.Searches > 0 {
		line("", "%d web searches", r.Usage.Searches)
	}
	if r.Usage.Advisor > 0 {
		line("", "%d tokens of other models that the provider consulted, which are not in the cost", r.Usage.Advisor)
	}
	switch {
	case r.Target == "":
	case strings.HasSuffix(r.Price.Row, "@local"):
		line("cost", "free: %s is a server of your own, and no price is set for it", r.Target)
	case r.Price.Known:
		line("cost", "%s by %s", r.Cost, r.Price.Row)
	default:
		line("cost", "unknown: no price known for %s", r.Target)
	}
	if r.Saved > 0 {
		line("saved", "%s by the cache", r.Saved)
	}
}
