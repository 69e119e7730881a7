package policy

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"unicode"

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

// decodeDecision parses a decision strictly: unknown members and wrong types are errors, so
// that a misspelt obligation is not ignored.
func decodeDecision(decision ast.Value) (*llm.Decision, error) {
	v := new(llm.Decision)
	decided := false
	err := part{"decision", decision}.members(func(name string, m part) (err error) {
		switch name {
		case "allow":
			decided = true
			v.Allow, err = m.boolean()
		case "reasons":
			v.Reasons, err = items(m, part.reason)
		case "warnings":
			v.Warnings, err = items(m, part.message)
		case "limits":
			v.Limits, err = items(m, part.limit)
		case "obligations":
			err = m.obligations(v)
		default:
			err = m.unknown("allow", "reasons", "warnings", "limits", "obligations")
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case !decided:
		return nil, fmt.Errorf("decision.allow: missing")
	case v.Allow && len(v.Reasons) > 0:
		return nil, fmt.Errorf("decision: allow is true, yet there are reasons against it (%s)", v.Reasons[0].Code)
	}
	return withReason(v), nil
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

func (p part) reason() (r llm.Reason, err error) {
	err = p.members(func(name string, m part) (err error) {
		switch name {
		case "code":
			r.Code, err = m.code()
		case "message":
			r.Message, err = m.message()
		case "status":
			r.Status, err = smallInt(m, 400, 599)
		case "retry_after_s":
			r.RetryAfterS, err = smallInt(m, 0, maxSecond)
		default:
			err = m.unknown("code", "message", "status", "retry_after_s")
		}
		return err
	})
	return r, cmp.Or(err, missing(p, "code", r.Code), missing(p, "message", r.Message))
}

func (p part) limit() (l llm.Limit, err error) {
	var bound *part
	err = p.members(func(name string, m part) (err error) {
		switch name {
		case "name":
			l.Name, err = m.label()
		case "scope":
			l.Scope, err = m.label()
		case "unit":
			l.Unit, err = oneOf(m, llm.UnitUSD, llm.UnitTokens, llm.UnitInputTokens, llm.UnitOutputTokens, llm.UnitRequests, llm.UnitConcurrent)
		case "window":
			l.Window, err = m.window()
		case "max":
			bound = &m
		case "on_exceed":
			l.OnExceed, err = m.onExceed()
		default:
			err = m.unknown("name", "scope", "unit", "window", "max", "on_exceed")
		}
		return err
	})
	if err := cmp.Or(err, missing(p, "name", l.Name), missing(p, "scope", l.Scope), missing(p, "unit", string(l.Unit))); err != nil {
		return l, err
	}
	return p.bounded(l, bound)
}

// onExceed parses what happens when a limit is exceeded.
func (p part) onExceed() (llm.OnExceed, error) {
	action, err := oneOf(p, "deny", llm.ExceedWarn, llm.ExceedCut)
	if action == "deny" {
		action = llm.ExceedDeny
	}
	return action, err
}

// bounded parses a limit's max, which depends on its unit, and checks its window.
func (p part) bounded(l llm.Limit, bound *part) (_ llm.Limit, err error) {
	switch {
	case bound == nil:
		return l, missing(p, "max", "")
	case l.Unit == llm.UnitConcurrent && l.Window != "":
		return l, fmt.Errorf("%s.window: a limit on concurrent requests has none", p.path)
	case l.Unit != llm.UnitConcurrent && l.Window == "":
		return l, missing(p, "window", "")
	case l.Unit == llm.UnitUSD:
		l.Max, err = bound.usd()
	default:
		l.Max, err = bound.integer(0, math.MaxInt64)
	}
	return l, err
}

func (p part) obligations(v *llm.Decision) error {
	o := &v.Obligations
	return p.members(func(name string, m part) (err error) {
		switch name {
		case "max_output_tokens":
			o.MaxOutputTokens, err = m.integer(1, math.MaxInt64)
		case "allow_targets":
			o.AllowTargets, err = items(m, part.label)
		case "deny_targets":
			o.DenyTargets, err = items(m, part.label)
		case "data_classes":
			o.DataClasses, err = items(m, part.label)
		case "regions":
			o.Regions, err = items(m, part.label)
		case "route":
			o.Route, err = m.label()
		case "model":
			o.Model, err = m.label()
		case "cache":
			o.Cache, err = m.cache()
		case "tags":
			o.Tags, err = m.table(part.label)
		case "headers":
			o.Headers, err = m.headers()
		case "log":
			o.Log, err = oneOf(m, llm.LogNone, llm.LogMetadata, llm.LogFull)
		default:
			err = m.unknown("max_output_tokens", "allow_targets", "deny_targets", "data_classes", "regions", "route", "model", "cache", "tags", "headers", "log")
		}
		return err
	})
}

func (p part) cache() (c llm.CacheObligation, err error) {
	err = p.members(func(name string, m part) (err error) {
		switch name {
		case "mode":
			c.Mode, err = oneOf(m, "default", "bypass", "force")
		case "ttl_s":
			c.TTLSeconds, err = smallInt(m, 0, maxSecond)
		case "scope":
			c.Scope, err = m.label()
		default:
			err = m.unknown("mode", "ttl_s", "scope")
		}
		return err
	})
	return c, err
}

func (p part) headers() (map[string]string, error) {
	headers, err := p.table(part.headerValue)
	if err != nil {
		return nil, err
	}
	for name := range headers {
		if !llm.MayAddHeader(name) {
			return nil, fmt.Errorf("%s: %q is not a header that a policy may set: the gateway sets it itself, or it controls browsers or proxies", p.path, name)
		}
	}
	return headers, nil
}

func (p part) headerValue() (string, error) {
	s, err := p.text(maxText)
	if err == nil && strings.ContainsFunc(s, unicode.IsControl) {
		err = fmt.Errorf("%s: must not contain control characters", p.path)
	}
	return s, err
}
