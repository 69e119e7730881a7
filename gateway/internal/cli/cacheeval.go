package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/server"
	"github.com/penstock/penstock/gateway/internal/similar"
)

// apiKey is the environment variable with the virtual key for calls of the API.
const apiKey = "PENSTOCK_API_KEY"

// embedTimeout bounds the embedding of one text.
const embedTimeout = 30 * time.Second

func (e *environment) cacheEvalCommand() *cobra.Command {
	settings := similar.Settings{Embedder: similar.Lexical, Threshold: similar.DefaultThreshold, MaxChars: similar.DefaultMaxChars}
	var output string
	cmd := &cobra.Command{
		Use:   "eval PAIRS.jsonl",
		Short: "Measure the similarity cache on labeled pairs of texts",
		Long: "PAIRS.jsonl has one pair in each line: {\"a\": \"…\", \"b\": \"…\", \"same\": true, \"kind\": \"…\"}. \"same\" says whether one reply\n" +
			"answers both texts, \"kind\" groups the pairs in the report and may be left out. The report gives precision, the share of\n" +
			"the hits that are the same, and recall, the share of the same that hit, with their 95 % confidence intervals.\n\n" +
			"The embedder lexical needs nothing. Another one is a model of the running gateway, as requests to /v1/embeddings name it;\n" +
			"if that needs a key, put one into " + apiKey + ".",
		Example: "  penstock cache eval pairs.jsonl\n  penstock cache eval pairs.jsonl --embedder openai/text-embedding-3-small --threshold 0.97 -o json",
		Args:    exactly(1, "a file of pairs"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if t := settings.Threshold; !(t > 0 && t <= 1) {
				return &usageError{fmt.Errorf("--threshold must be above 0 and at most 1")}
			}
			if settings.MaxChars <= 0 {
				return &usageError{fmt.Errorf("--max-chars must be more than 0")}
			}
			return e.evalCache(cmd.Context(), args[0], settings, output)
		},
	}
	cmd.Flags().StringVar(&settings.Embedder, "embedder", settings.Embedder, "lexical, or a model of the running gateway")
	cmd.Flags().Float64Var(&settings.Threshold, "threshold", settings.Threshold, "least cosine of a hit")
	cmd.Flags().IntVar(&settings.MaxChars, "max-chars", settings.MaxChars, "longest text that is looked up, in characters")
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) evalCache(ctx context.Context, file string, s similar.Settings, output string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	pairs, err := similar.ReadPairs(f)
	if err != nil {
		return hint.Add(fmt.Errorf("read %s:\n%w", file, err), `a line is {"a": "…", "b": "…", "same": true, "kind": "…"}`)
	}
	if s.Embed, err = e.embedder(ctx, s.Embedder); err != nil {
		return err
	}
	report, err := similar.Evaluate(ctx, pairs, s)
	if err != nil {
		return fmt.Errorf("%s, %w", file, err)
	}
	if output == "json" {
		return e.printJSON(report)
	}
	return e.printEvaluation(&report)
}

// embedder returns the built-in embedder, or one that asks the running gateway.
func (e *environment) embedder(ctx context.Context, name string) (similar.Embedder, error) {
	if name == similar.Lexical {
		return similar.EmbedLexical, nil
	}
	c, err := e.options.LoadWithoutSecrets(ctx)
	if err != nil {
		return nil, err
	}
	transport, err := transport(c.TLS.Files())
	if err != nil {
		return nil, err
	}
	transport.DisableKeepAlives = false
	return func(ctx context.Context, text string) ([]float32, error) {
		ctx, stop := context.WithTimeout(ctx, embedTimeout)
		defer stop()
		req, err := newRequest(ctx, http.MethodPost, server.APIURL(c, c.Listen)+"/v1/embeddings", map[string]any{"model": name, "input": text, "encoding_format": "float"})
		if err != nil {
			return nil, err
		}
		if key := e.options.Getenv(apiKey); key != "" {
			req.Header.Set("Authorization", "Bearer "+key)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return nil, hint.Add(fmt.Errorf("no gateway answers at %s: %w", c.Listen, err), "start it with penstock serve, or name its configuration with -c")
		}
		defer resp.Body.Close()
		return readEmbedding(resp)
	}, nil
}

// readEmbedding reads the vector from a reply of /v1/embeddings.
func readEmbedding(resp *http.Response) ([]float32, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, similar.MaxEmbedding))
	if err != nil {
		return nil, fmt.Errorf("read the gateway's answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		var fault struct{ Error struct{ Message string } }
		if json.Unmarshal(body, &fault) != nil || fault.Error.Message == "" {
			fault.Error.Message = string(bytes.TrimSpace(body))
		}
		return nil, fmt.Errorf("the gateway answered %d: %s", resp.StatusCode, fault.Error.Message)
	}
	return similar.ParseEmbedding(body)
}

func (e *environment) printEvaluation(r *similar.Evaluation) error {
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "precision\t%s\tof the hits are the same\n", share(r.Precision))
	fmt.Fprintf(w, "recall\t%s\tof the same hit\n", share(r.Recall))
	fmt.Fprintf(w, "traps\t%s\tof the others hit\n\n", share(r.Traps))
	fmt.Fprintln(w, "SAME\tKIND\tHITS")
	for _, k := range r.Kinds {
		fmt.Fprintf(w, "%v\t%s\t%s\n", k.Same, cells(dash(k.Kind)), share(k.Hits))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	e.printJudged("wrong hits", r.WrongHits)
	e.printJudged("missed", r.Missed)
	return nil
}

// share formats a share with its confidence interval.
func share(s similar.Share) string {
	if s.Of == 0 {
		return "- (0 of 0)"
	}
	return fmt.Sprintf("%.3f (%d of %d, 95 %% interval %.3f to %.3f)", s.Value, s.Count, s.Of, s.Low, s.High)
}

func (e *environment) printJudged(title string, list []similar.Judged) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(e.stdout, "\n%s, the first %d:\n", title, len(list))
	for _, j := range list {
		why := ""
		if j.Refused != "" {
			why = ", refused by " + j.Refused
		}
		fmt.Fprintf(e.stdout, "  line %d: %s / %s (similarity %.3f%s)\n", j.Line, strings.Join(strings.Fields(cells(j.A)), " "), strings.Join(strings.Fields(cells(j.B)), " "), j.Similarity, why)
	}
}
