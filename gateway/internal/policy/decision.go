package policy

import (
	"fmt"
	"math"

	"github.com/penstock/penstock/gateway/internal/llm"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Bounds of a decision.
const (
	maxItems  = 64   // reasons, warnings, limits, targets, tags, headers: each
	maxText   = 2000 // bytes of a message
	maxLabel  = 256  // bytes of a name, scope or code
	maxSecond = 366 * 24 * 3600
)

// decodeDecision parses a decision strictly.
func decodeDecision(decision ast.Value) (*llm.Decision, error) {
	v, err := decisionFields.decode(part{"decision", decision})
	switch {
	case err != nil:
		return nil, err
	case v.Allow && len(v.Reasons) > 0:
		return nil, fmt.Errorf("decision: allow is true, yet there are reasons against it (%s)", v.Reasons[0].Code)
	}
	return withReason(&v), nil
}

func decisionDocument() document {
	return document{"https://penstock.dev/schema/policy-decision-1.json", "Penstock policy decision, version 1",
		decisionFields.shape("What data.penstock.decision must be. Anything else is a policy error, and an error denies. Texts have no control characters; messages and warnings may have line breaks and tabs.")}
}

var decisionFields = fields[llm.Decision]{
	{required("allow", booleanShape("Whether the request is allowed.")),
		into(func(v *llm.Decision) *bool { return &v.Allow }, part.boolean)},
	{optional("reasons", listShape("Why it is not, most important first. Only with allow: false.", reasonFields.shape("")).atMost(maxItems)),
		into(func(v *llm.Decision) *[]llm.Reason { return &v.Reasons }, listOf(reasonFields.decode))},
	{optional("warnings", listShape("What the caller is told in x-penstock-warning.", textShape("").within(maxText)).atMost(maxItems)),
		into(func(v *llm.Decision) *[]string { return &v.Warnings }, listOf(part.message))},
	{optional("limits", listShape("The limits that the request counts against. Those with the same scope, unit and window share one meter.", limitShape()).atMost(maxItems)),
		into(func(v *llm.Decision) *[]llm.Limit { return &v.Limits }, listOf(part.limit))},
	{optional("obligations", obligationFields.shape("What comes with the answer.")),
		into(func(v *llm.Decision) *llm.Obligations { return &v.Obligations }, part.obligations)},
}

// withReason adds a reason to a refusal without one. It denies a request whose
// allow_targets is empty: no target is permitted.
func withReason(v *llm.Decision) *llm.Decision {
	o := v.Obligations
	switch {
	case v.Allow && o.AllowTargets != nil && len(o.AllowTargets) == 0:
		v.Allow = false
		v.Reasons = []llm.Reason{{Code: string(llm.CodeNoTarget), Message: "The admission policy permits none of the targets that could serve this request."}}
	case !v.Allow && len(v.Reasons) == 0:
		v.Reasons = []llm.Reason{{Code: string(llm.CodeDenied), Message: "The admission policy refuses this request."}}
	}
	return v
}

var reasonFields = fields[llm.Reason]{
	{required("code", textShape("Lower-case letters, digits and _, such as model_not_allowed. It is the error's code.").within(maxLabel)),
		into(func(r *llm.Reason) *string { return &r.Code }, part.code)},
	{required("message", textShape("What the caller is told.").within(maxText)),
		into(func(r *llm.Reason) *string { return &r.Message }, part.filledMessage)},
	{optional("status", integerShape("The HTTP status; 403 unless given.").from(400).upTo(599)),
		into(func(r *llm.Reason) *int { return &r.Status }, smallInt(400, 599))},
	{optional("retry_after_s", integerShape("When a retry may succeed, in seconds.").from(0).upTo(maxSecond)),
		into(func(r *llm.Reason) *int { return &r.RetryAfterS }, smallInt(0, maxSecond))},
}

// limitDraft is a limit before its maximum is read, which depends on its unit.
type limitDraft struct {
	llm.Limit
	max part
}

var limitFields = fields[limitDraft]{
	{required("name", textShape("What refusals call it.").within(maxLabel)),
		into(func(l *limitDraft) *string { return &l.Name }, part.label)},
	{required("scope", textShape("Whom it counts for: any text, such as team:search or tag:usecase=support.").within(maxLabel)),
		into(func(l *limitDraft) *string { return &l.Scope }, part.label)},
	{required("unit", oneOfShape("", llm.Units()...)),
		into(func(l *limitDraft) *llm.Unit { return &l.Unit }, oneOf(llm.Units()...))},
	{optional("window", textShape("Such as day, month, 5h, rolling 24h, or year from 04-01 in Europe/London. Left out for concurrent, required for every other unit.").within(maxLabel)),
		into(func(l *limitDraft) *string { return &l.Window }, part.window)},
	{required("max", numberShape("US dollars to nine decimals for usd, otherwise a whole number.").from(0)),
		into(func(l *limitDraft) *part { return &l.max }, func(p part) (part, error) { return p, nil })},
	{optional("on_exceed", oneOfShape("deny refuses the request and is the default, warn only says so, cut also ends streams that take more than there is room for.", "deny", string(llm.ExceedWarn), string(llm.ExceedCut))),
		into(func(l *limitDraft) *llm.OnExceed { return &l.OnExceed }, part.onExceed)},
}

func limitShape() shape { return limitFields.shape("") }

// onExceed parses what happens when a limit is exceeded.
func (p part) onExceed() (llm.OnExceed, error) {
	action, err := oneOf("deny", llm.ExceedWarn, llm.ExceedCut)(p)
	if action == "deny" {
		action = llm.ExceedDeny
	}
	return action, err
}

func (p part) limit() (llm.Limit, error) {
	l, err := limitFields.decode(p)
	switch {
	case err != nil:
		return l.Limit, err
	case l.Unit == llm.UnitConcurrent && l.Window != "":
		return l.Limit, fmt.Errorf("%s.window: a limit on concurrent requests has none", p.path)
	case l.Unit != llm.UnitConcurrent && l.Window == "":
		return l.Limit, missing(p, "window", "")
	case l.Unit == llm.UnitUSD:
		l.Max, err = l.max.usd()
	default:
		l.Max, err = l.max.integer(0, math.MaxInt64)
	}
	return l.Limit, err
}

func missing(p part, name, got string) error {
	if got != "" {
		return nil
	}
	return fmt.Errorf("%s.%s: missing", p.path, name)
}
