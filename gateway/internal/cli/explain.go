package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/httpapi/tags"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) explainCommand() *cobra.Command {
	var file, output string
	var as askerFlags
	cmd := &cobra.Command{
		Use:   "explain [REQUEST-ID]",
		Short: "Explain why a request went to its target, or where one would go",
		Long: "With the id from the x-penstock-request-id header, explain shows the record of that request.\n" +
			"With -f, it makes every decision about the request in a file, calls no provider and spends nothing. The request\n" +
			"may be one of chat completions, Anthropic's Messages, OpenAI's Responses or Gemini. The flags name the caller, its tags and\n" +
			"the time; the default is an anonymous caller, now.",
		Example: "  penstock explain req_01k9zq6m3c8v7e2x5d4r1t0wbn\n" +
			"  penstock explain -f request.json\n" +
			"  penstock explain -f request.json --key search-bot --tag usecase=support --at 23:30\n" +
			"  penstock explain -f message.json --endpoint messages --session s-17\n" +
			"  penstock explain -f gemini.json --endpoint /v1beta/models/smart:streamGenerateContent",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (file != "") {
				return &usageError{hint.Add(fmt.Errorf("explain takes a request id, or -f with a file"), "penstock explain --help shows examples")}
			}
			if len(args) == 1 && as.set() {
				return &usageError{hint.Add(fmt.Errorf("--key, --team, --user, --tag, --session, --at and --endpoint go with -f only"), "the record of a request has its caller and time")}
			}
			record, err := e.recordFor(cmd, args, file, &as)
			if err != nil {
				return fmt.Errorf("explain %s: %w", strings.Join(append(args, file), ""), messageOnly(err))
			}
			if output == "json" {
				return e.printJSON(record)
			}
			return printRecord(e.stdout, record)
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "file with a request of any client; - is standard input")
	fl := cmd.Flags()
	fl.StringVar(&as.Key, "key", "", "with -f: id or name of the virtual key that asks, or oidc:ISSUER:SUBJECT")
	fl.StringVar(&as.Team, "team", "", "with -f: team of the caller, in place of the key's")
	fl.StringVar(&as.User, "user", "", "with -f: user of the caller, in place of the key's")
	fl.StringArrayVar(&as.tags, "tag", nil, "with -f: NAME=VALUE, a tag that the caller sends; may be repeated")
	fl.StringVar(&as.Session, "session", "", "with -f: session that the caller names")
	fl.StringVar(&as.At, "at", "", "with -f: when, such as 23:30 or \"2026-12-25 23:30\", in the configured time zone")
	fl.StringVar(&as.Endpoint, "endpoint", "", "with -f: where it is sent, such as messages or /v1beta/models/NAME:generateContent; guessed when left out")
	addOutput(cmd, &output, "text", "json")
	return cmd
}

// recordFor returns the record of the request with an id, or of a dry run.
func (e *environment) recordFor(cmd *cobra.Command, args []string, file string, as *askerFlags) (*llm.Record, error) {
	if len(args) == 1 {
		l, err := e.options.OpenLedger(cmd.Context())
		if err != nil {
			return nil, err
		}
		defer l.Close()
		r, err := l.Record(cmd.Context(), args[0])
		if err == nil {
			e.nameRules(cmd, r)
		}
		return r, err
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

// nameRules adds to a record the rules behind its decision, where the policy of now made it. A
// policy that cannot be read any more leaves the record as it is.
func (e *environment) nameRules(cmd *cobra.Command, r *llm.Record) {
	source, err := e.policySource(cmd, nil)
	if err == nil {
		err = policy.Recorded(cmd.Context(), source, r)
	}
	if err != nil {
		fmt.Fprintf(e.stderr, "the rules behind the decision are not known: %v\n", err)
	}
}

// dryRun makes every decision about a request as a gateway with this
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
	r, err := s.Explain(ctx, body, as)
	if err == nil && r.Similar != nil && r.Similar.Skipped == "" {
		r.Similar.Skipped = "only the gateway has stored replies; its POST /admin/v1/explain looks"
	}
	return r, err
}

// askerFlags are the flags that make an asker.
type askerFlags struct {
	admin.Asker
	tags []string
}

// parse parses the tags, each NAME=VALUE. A name alone has the value "true", as in
// x-penstock-tags.
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

// set reports whether a flag was given.
func (f *askerFlags) set() bool {
	return len(f.tags) > 0 || f.Key != "" || f.Team != "" || f.User != "" || f.Session != "" || f.At != "" || f.Endpoint != ""
}
