package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// printRecord prints a record as a tree, in the order in which things happened.
func printRecord(out io.Writer, r *llm.Record) error {
	t := &tree{root: oneLine(r.ID) + dry(r)}
	line := t.line
	line("time", "%s", r.Time.Format(time.RFC3339))
	line("model", "%s → route %s", r.Model, dash(r.Route))
	for _, step := range r.Chosen {
		line("", "%s sends it on to %s by %s, line %d: %s", step.Model, step.Use, step.By, step.Line, step.Why)
	}
	if r.MirrorOf != "" {
		line("", "is a copy of request %s, billed to nobody", r.MirrorOf)
	}
	line("caller", "key %s, team %s, user %s, tags %s", dash(r.KeyName), dash(r.Team), dash(r.User), dash(joinTags(r.Tags)))
	if r.Dialect != "" {
		line("", "uses the wire format %s", r.Dialect)
	}
	printDecision(t, r)
	line("cache", "%s%s", r.Cache, ofRequest(r.CacheSource))
	printSimilar(line, r.Similar)
	if c := r.Classified; c != nil {
		line("class", "%s", classOf(c))
	}
	if e := r.Escalated; e != nil {
		line("checks", "%s", checksOf(e))
	}
	printRouter(line, r)
	var candidates strings.Builder
	if err := printCandidates(&candidates, r); err != nil {
		return err
	}
	t.block("candidates", candidates.String())
	printAttempts(t, r)
	if m := r.Mirrored; m != nil {
		line("mirror", "%s: %s", m.To, cmp.Or(m.Skipped, "request "+m.ID))
	}
	switch {
	case !r.Dry:
		printBill(t, r)
	case r.Error != "":
		line("result", "would be refused: status %s", statusOf(r))
		t.mark(red)
		line("", "%s", r.Error)
	}
	if n := len(r.RequestText) + len(r.ReplyText); n > 0 {
		cut := ""
		if r.TextCut {
			cut = " (cut)"
		}
		line("text", "%d bytes of the request and %d of the reply%s; -o json shows them", len(r.RequestText), len(r.ReplyText), cut)
	}
	for _, f := range r.Feedback {
		line("feedback", "score %s by key %s, label %s %s", exactNumber(f.Score), dash(f.KeyID), dash(f.Label), f.Comment)
	}
	return t.print(out)
}

// printSimilar prints what became of the request in the similarity cache.
func printSimilar(line func(name, format string, args ...any), s *llm.SimilarLookup) {
	switch {
	case s == nil:
	case s.Skipped != "":
		line("similar", "%s: not looked up, because %s", s.Mode, s.Skipped)
	case s.ID == "":
		line("similar", "%s: no similar text", s.Mode)
	case s.Refused != "":
		line("similar", "%s: entry %s is similar by %.4f, refused by the guard %q", s.Mode, s.ID, s.Similarity, s.Refused)
	case s.Agreement != nil:
		line("similar", "%s: entry %s is similar by %.4f; its reply agrees with the target's by %.2f", s.Mode, s.ID, s.Similarity, *s.Agreement)
	default:
		line("similar", "%s: entry %s is similar by %.4f", s.Mode, s.ID, s.Similarity)
	}
}

// dry marks the record of a dry run.
func dry(r *llm.Record) string {
	if r.Dry {
		return " (dry run: nothing was sent or spent)"
	}
	return ""
}

// ofRequest names the request whose reply was shared.
func ofRequest(id string) string {
	if id == "" {
		return ""
	}
	return ", the reply to request " + id
}

func printDecision(t *tree, r *llm.Record) {
	line := t.line
	if first := r.FirstDecision; first != nil {
		o := first.Obligations
		line("policy", "sent on from %s to %s by revision %s, which decided about that as well", r.Model, cmp.Or(o.Route, o.Model), first.Revision)
	}
	if v := r.Decision; v != nil {
		word, look := "allowed", green
		if !v.Allow {
			word, look = "denied", red
		}
		line("policy", "%s by revision %s", word, v.Revision)
		t.mark(look)
		for _, reason := range v.Reasons {
			line("", "%s: %s %s", reason.Code, reason.Message, reason.Rule)
		}
		for _, warning := range v.Warnings {
			line("", "warning: %s %s", warning, v.RuleOf(llm.PartWarning, warning))
		}
		if o, _ := json.Marshal(v.Obligations); len(o) > 2 {
			line("", "obligations: %s", o)
		}
		for _, r := range v.Rules {
			if r.Part != llm.PartWarning {
				line("", "%s %s comes from %s", r.Part, r.Name, r.Rule)
			}
		}
	}
	for _, s := range r.Limits {
		line("limit", "%s: %s %s%s per %s, used %s, reserved %s, after %s%s", s.Name, s.Scope, amount(s.Unit, s.Max), raisedBy(&s.Limit), dash(s.Window), amount(s.Unit, s.Before), amount(s.Unit, s.Reserved), amount(s.Unit, afterRequest(r, &s)), resetsAt(&s))
	}
	if v := r.Decision; v != nil && len(r.Limits) == 0 {
		for _, l := range v.Limits {
			line("limit", "%s: %s %s per %s", l.Name, l.Scope, amount(l.Unit, l.Max), dash(l.Window))
		}
	}
}

// afterRequest is what the limit's counter had after the request: before it, and what it was
// charged.
func afterRequest(r *llm.Record, s *llm.LimitState) int64 {
	for _, c := range r.Charges {
		if c.Scope == s.Scope && c.Unit == s.Unit && c.Window == s.Window {
			return s.Before + c.Amount
		}
	}
	return s.Before
}

func resultStyle(r *llm.Record) style {
	if r.Status >= 400 || r.Code != "" {
		return red
	}
	return green
}

// raisedBy says how much of a maximum an operator's raise is.
func raisedBy(l *llm.Limit) string {
	if l.Raised == 0 {
		return ""
	}
	return " (raised by " + amount(l.Unit, l.Raised) + ")"
}

func resetsAt(s *llm.LimitState) string {
	if s.ResetsAt == 0 {
		return ""
	}
	return ", resets " + time.UnixMilli(s.ResetsAt).UTC().Format(time.RFC3339)
}

func amount(u llm.Unit, n int64) string {
	if u == llm.UnitUSD {
		return llm.NanoUSD(n).String()
	}
	return fmt.Sprintf("%d %s", n, strings.ReplaceAll(string(u), "_", " "))
}

func printRouter(line func(string, string, ...any), r *llm.Record) {
	k := r.Ranking
	if k == nil {
		return
	}
	note := ""
	if k.Reason != "" {
		note = ", " + k.Reason
	}
	if k.Fault != "" {
		note = ", its ranking was not used: " + k.Fault
	}
	line("router", "%s, %d instructions%s", k.Router, k.Fuel, note)
}

// classOf says how a request was labelled, or why it was not.
func classOf(c *llm.Classified) string {
	switch {
	case c.Label == "":
		return "none, from " + c.By + ": " + c.Fault
	case c.Cached:
		return c.Label + ", from " + c.By + " a moment ago"
	case c.Usage == (llm.Usage{}):
		return fmt.Sprintf("%s, from %s in %s ms", c.Label, c.By, c.Duration.AppendJSON(nil))
	}
	return fmt.Sprintf("%s, from %s in %s ms, %d tokens in, %d out: %s", c.Label, c.By, c.Duration.AppendJSON(nil), c.Usage.Input, c.Usage.Output, c.Cost)
}

// checksOf says which checks answers undergo, and what came of them.
func checksOf(e *llm.Escalated) string {
	on := make([]string, len(e.On))
	for i, c := range e.On {
		on[i] = string(c)
	}
	text := strings.Join(on, ", ")
	switch {
	case e.Unchecked != "":
		text += ": not made, since " + e.Unchecked
	case e.Passed:
		text += ": the answer failed one, and no target gave a better one"
	}
	return text
}

func printAttempts(t *tree, r *llm.Record) {
	line := t.line
	for _, a := range r.Attempts {
		outcome := "ok"
		if a.Fault != llm.FaultNone {
			outcome = fmt.Sprintf("%s: %s", a.Fault, a.Error)
		}
		target := a.Target
		if a.Credential != "" {
			target += " with " + a.Credential
		}
		line("attempt", "%s try %d at %s ms, %s ms, status %d, %s", target, a.Try, a.Start.AppendJSON(nil), a.Duration.AppendJSON(nil), a.Status, outcome)
		if a.Fault != llm.FaultNone {
			t.mark(amber)
		}
		if how := howMade(&a); how != "" {
			line("", "%s", how)
		}
		if a.Failed != "" && a.Fault == llm.FaultNone {
			line("", "its answer failed the check %s", a.Failed)
		}
		if a.Scored != nil {
			line("", "%s", scoredBy(a.Scored))
		}
		if len(r.Attempts) > 1 && a.Usage != (llm.Usage{}) {
			line("", "used %d tokens in, %d out: %s", a.Usage.Input, a.Usage.Output, a.Cost)
		}
		if len(a.Dropped) > 0 {
			line("", "has no equivalent for %s", strings.Join(a.Dropped, ", "))
		}
		for _, p := range a.Transforms {
			line("", "plugin %s: %s", p.Plugin, applied(p))
		}
	}
}

// scoredBy says how an answer was scored, or why it was not.
func scoredBy(s *llm.Scored) string {
	if s.Score == nil {
		return "no score by " + s.By + ": " + s.Fault
	}
	return fmt.Sprintf("score %s by %s in %s ms, %d tokens in, %d out: %s", exactNumber(*s.Score), s.By, s.Duration.AppendJSON(nil), s.Usage.Input, s.Usage.Output, s.Cost)
}

// howMade says why there was an attempt beside or behind another one; empty for any other.
func howMade(a *llm.Attempt) string {
	switch {
	case a.Hedge:
		return "was asked beside a slow target"
	case a.Resumes == llm.ResumedByRestart:
		return "went on with the stream that broke off: it answered anew, without what was sent"
	case a.Resumes == llm.ResumedByPrefill:
		return "went on with the stream that broke off: it continued the text"
	}
	return ""
}

// applied describes what a transform did.
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

// statusOf is the status of a reply, with the code of its error.
func statusOf(r *llm.Record) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", r.Status, r.Code))
}

func printBill(t *tree, r *llm.Record) {
	line := t.line
	line("result", "status %s, finish %s, %s ms (%s ms upstream)", statusOf(r), dash(r.Finish), r.Duration.AppendJSON(nil), r.Upstream.AppendJSON(nil))
	t.mark(resultStyle(r))
	if r.Queued > 0 {
		line("queued", "%s ms, priority %s", r.Queued.AppendJSON(nil), r.Priority)
	}
	if r.Error != "" {
		line("", "%s", r.Error)
	}
	estimated := ""
	if r.Usage.Estimated {
		estimated = ", estimated"
	}
	line("usage", "%d tokens in (%d from the provider's cache), %d out%s", r.Usage.Input, r.Usage.CacheRead, r.Usage.Output, estimated)
	if r.Usage.BilledInput > 0 || r.Usage.BilledOutput > 0 {
		line("", "charged for %d tokens in, %d out", r.Usage.BilledInput, r.Usage.BilledOutput)
	}
	if r.Usage.Searches > 0 {
		line("", "%d web searches", r.Usage.Searches)
	}
	if r.Usage.Advisor > 0 {
		line("", "%d tokens of other models that the provider consulted, which are not in the cost", r.Usage.Advisor)
	}
	if r.Target != "" && r.Price.Known && !strings.HasSuffix(r.Price.Row, "@local") {
		line("price", "%s in, %s out for a million tokens", r.Price.Input, r.Price.Output)
	}
	switch {
	case r.Target == "":
	case strings.HasSuffix(r.Price.Row, "@local"):
		line("cost", "free: %s is your own server, and no price is set for it", r.Target)
	case r.Price.Known:
		line("cost", "%s by %s%s", r.Cost, r.Price.Row, tierOf(r.Price.Tier))
	default:
		line("cost", "unknown: no price known for %s", r.Target)
	}
	if r.Usage.Tier != "" && r.Price.Tier == "" {
		line("", "served in the tier %s, which has no price of its own: charged as standard", r.Usage.Tier)
	}
	if r.PromptSaved != 0 {
		line("prompt cache", "saved %s at the provider", r.PromptSaved)
	}
	if r.Saved > 0 {
		line("saved", "%s by the cache", r.Saved)
	}
}

// tierOf names the service tier of a price.
func tierOf(t llm.Tier) string {
	if t == "" {
		return ""
	}
	return ", tier " + string(t)
}
