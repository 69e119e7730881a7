package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Cascade is the router whose answers are checked by default.
const Cascade = "cascade"

// Escalation returns how the model's answers are checked.
func (m *Model) Escalation() llm.Escalation {
	e := m.Escalate
	if e == nil && m.Router == Cascade {
		e = new(Escalate)
		setDefaults(e)
	}
	if e == nil {
		return llm.Escalation{}
	}
	out := llm.Escalation{Max: e.Max}
	for _, c := range e.On {
		out.On = append(out.On, llm.Check(c))
	}
	if out.Has(llm.CheckSelfScore) {
		s := e.scoring()
		out.Score = llm.SelfScore{Below: s.Below, Timeout: s.Timeout}
	}
	return out
}

// scoring returns the setting self_score, or its defaults.
func (e *Escalate) scoring() *SelfScore {
	if e.SelfScore != nil {
		return e.SelfScore
	}
	s := new(SelfScore)
	setDefaults(s)
	return s
}

func (d *decoder) checkEscalate(c *Config, path string, m Model) {
	e := m.Escalate
	if e == nil {
		return
	}
	if len(e.On) == 0 {
		d.fault(path+".on", nil, "leave escalate out to accept every answer", "is empty")
	}
	if e.Max < 1 || e.Max > 10 {
		d.fault(path+".max", nil, "", "must be between 1 and 10, not %d", e.Max)
	}
	if m.Empty == EmptyPass && slices.Contains(e.On, Check(llm.CheckEmpty)) {
		d.fault(path+".on", nil, "remove one of the two", "has empty, but empty: pass accepts empty answers")
	}
	if len(m.Targets)+len(m.Fallback) == 1 {
		d.fault(path, nil, "add a target, or leave escalate out", "there is no second target to ask")
	}
	d.checkSelfScore(c, path+".self_score", e)
}

// maxScoreTime bounds how long to wait for a score.
const maxScoreTime = 30 * time.Second

func (d *decoder) checkSelfScore(c *Config, path string, e *Escalate) {
	s := e.SelfScore
	if s == nil {
		return
	}
	if !slices.Contains(e.On, Check(llm.CheckSelfScore)) {
		d.fault(path, nil, "add it: on: [empty, refusal, json, self_score]", "is not used, since on does not have self_score")
	}
	if s.Target != nil {
		d.checkTarget(c, path+".target", "", *s.Target)
	}
	if !(s.Below > 0 && s.Below <= 1) {
		d.fault(path+".below", nil, "0.6 asks the next target for answers with a score of less than 6 of 10", "must be more than 0 and at most 1, not %v", s.Below)
	}
	if s.Timeout <= 0 || s.Timeout > maxScoreTime {
		d.fault(path+".timeout", nil, "every answer waits for its score, so keep it short", "must be more than 0 and at most %s", maxScoreTime)
	}
}

// maxLabels bounds a classifier's labels.
const maxLabels = 32

func (d *decoder) checkClassify(c *Config, path string, f *Classify) {
	if f == nil {
		return
	}
	switch {
	case (f.Target == nil) == (f.URL == ""):
		d.fault(path, nil, "name one of them", "needs either a target or a url")
	case f.Target != nil:
		d.checkTarget(c, path+".target", "", *f.Target)
		if !f.APIKey.IsZero() {
			d.fault(path+".api_key", nil, "the provider's own key is used", "goes with url only")
		}
		if len(f.Labels) < 2 {
			d.fault(path+".labels", nil, "name the classes, such as [easy, hard]", "a target chooses between at least two labels")
		}
	default:
		d.checkClassifyURL(path+".url", f.URL)
	}
	d.checkLabels(path+".labels", f.Labels)
	if f.Timeout <= 0 || f.Timeout > 10*time.Second {
		d.fault(path+".timeout", nil, "every request waits for its class, so keep it short", "must be more than 0 and at most 10s")
	}
}

func (d *decoder) checkClassifyURL(path, text string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		d.fault(path, nil, "write https://HOST/PATH", "must be an http or https address")
	case u.User != nil || u.Fragment != "":
		d.fault(path, nil, "credentials belong in api_key", "must have no user and no fragment")
	}
}

func (d *decoder) checkLabels(path string, labels []string) {
	if len(labels) > maxLabels {
		d.fault(path, nil, "", "has %d labels; at most %d are allowed", len(labels), maxLabels)
	}
	for i, label := range labels {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case label == "" || len(label) > llm.MaxClass || strings.TrimSpace(label) != label || strings.ContainsFunc(label, func(r rune) bool { return r < ' ' }):
			d.fault(at, nil, "", "a label has 1 to %d bytes, and no blanks at its ends", llm.MaxClass)
		case slices.ContainsFunc(labels[:i], func(s string) bool { return strings.EqualFold(s, label) }):
			d.fault(at, nil, "labels differ in more than upper and lower case", "%q is given twice", label)
		}
	}
}

func (d *decoder) checkMirror(c *Config, path, alias string, m *Mirror) {
	if m == nil {
		return
	}
	switch {
	case (m.Target == nil) == (m.Use == ""):
		d.fault(path, nil, "name one of them", "needs either a target or use, the name of a model")
	case m.Target != nil:
		d.checkTarget(c, path+".target", alias, *m.Target)
	case m.Use == alias:
		d.fault(path+".use", nil, "name another model", "a model can't be its own mirror")
	default:
		if _, ok := c.Models[m.Use]; !ok {
			d.fault(path+".use", nil, DidYouMean(m.Use, slices.Collect(maps.Keys(c.Models))), "there is no model %q", m.Use)
		}
	}
	if m.Share <= 0 {
		d.fault(path+".share", nil, "leave mirror out to copy none", "must be more than 0")
	}
	if m.MaxInflight < 1 || m.MaxInflight > 1000 {
		d.fault(path+".max_inflight", nil, "", "must be between 1 and 1000, not %d", m.MaxInflight)
	}
	if m.Timeout <= 0 || m.Timeout > time.Hour {
		d.fault(path+".timeout", nil, "leave it out for the default of 2m", "must be more than 0 and at most 1h")
	}
}
