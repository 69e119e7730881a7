package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard/chart"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/replay"
)

// Policies is what the page of policies and plugins shows.
type Policies interface {
	// Policy returns the policy in force.
	Policy(ctx context.Context) Policy
	// Versions lists the changes of the policy in force, and the reloads that were refused, the
	// latest first.
	Versions(ctx context.Context) ([]PolicyVersion, error)
	// Modules lists the Wasm modules, the built-in one first.
	Modules() []Module
	// WhatIf decides on recorded requests again with the policy in force and changed files,
	// which replace those of the same path.
	WhatIf(ctx context.Context, files map[string]string, since time.Time) (*replay.PolicyReport, error)
}

// Policy is the policy in force.
type Policy struct {
	Revision string
	// Source says where it comes from: a folder, a bundle's address, or "built in".
	Source string
	Files  []string
	Tests  int
	// Hits and Misses count decisions since the start that were remembered, and that were not.
	Hits, Misses uint64
	// Refused says why the last reload was refused; empty if it was not.
	Refused string
	Decided []Decided
}

// Decided is something that decisions of the last 24 hours held.
type Decided struct {
	// Kind is refusal, limit, obligation or warning.
	Kind, Name string
	// Rule is its place, as "file.rego:12"; empty when unknown.
	Rule     string
	Requests int64
	// Last is the id of the latest request.
	Last string
	At   time.Time
}

// PolicyVersion is a change of the policy in force.
type PolicyVersion struct {
	Time time.Time
	// From and To are the revisions before and after, By who has changed it or why it was loaded.
	From, To, By string
	// Fault is why it was refused; empty when it was not.
	Fault string
}

// Module is a Wasm module.
type Module struct {
	Name, Kind, Version, SHA256 string
	Calls, Faults, Rejections   int64
	// Fuel is the mean of a call, in instructions, Time the mean of a call.
	Fuel int64
	Time time.Duration
	// Memory is in bytes.
	Memory    int64
	Instances int
	// Disabled says why it gets no calls; empty when it does.
	Disabled string
}

// policiesView is what the page shows.
type policiesView struct {
	Policy
	MemoRatio float64
	Decided   []decidedView
	Versions  []PolicyVersion
	Modules   []Module
	Form      whatIfForm
	Report    *replay.PolicyReport
	Error     string
}

// decidedView is a row of the table of decisions.
type decidedView struct {
	Decided
	Bar template.HTML
	// Link opens the latest request.
	Link string
}

// whatIfForm is what the form of a change holds.
type whatIfForm struct{ Path, Text, Since string }

// policies serves GET /policies.
func (d *Dashboard) policies(w http.ResponseWriter, r *http.Request) {
	d.renderPolicies(w, r, http.StatusOK, policiesView{Form: whatIfForm{Path: "change.rego", Since: "7d"}})
}

func (d *Dashboard) renderPolicies(w http.ResponseWriter, r *http.Request, status int, v policiesView) {
	v.Policy, v.Modules = d.gateway.Policy(r.Context()), d.gateway.Modules()
	if sessionOf(r).admin() { // it is a part of the audit log
		var err error
		if v.Versions, err = d.gateway.Versions(r.Context()); err != nil {
			d.fail(w, r, err)
			return
		}
	}
	v.MemoRatio = float64(v.Hits) / float64(v.Hits+v.Misses) // NaN without decisions
	var most int64
	for _, p := range v.Policy.Decided {
		most = max(most, p.Requests)
	}
	for _, p := range v.Policy.Decided {
		v.Decided = append(v.Decided, decidedView{p, chart.Share(formatCount(p.Requests)+" requests", float64(p.Requests)/float64(most), 0), "/requests/" + url.PathEscape(p.Last)})
	}
	d.render(w, r, status, "policies.html", "Policies and plugins", v)
}

// whatIf serves POST /policies: how recorded requests would have been treated by a change.
func (d *Dashboard) whatIf(w http.ResponseWriter, r *http.Request) {
	v := policiesView{Form: whatIfForm{Path: r.PostFormValue("path"), Text: r.PostFormValue("text"), Since: r.PostFormValue("since")}}
	report, err := d.decideAgain(r, v.Form)
	status := http.StatusOK
	if err != nil {
		e := llm.AsError(err)
		if status = e.HTTPStatus(); status >= http.StatusInternalServerError && e.Code != llm.CodeOverloaded {
			d.log.Error("compare policies for the dashboard", "err", err)
		}
		v.Error = e.Message
	}
	v.Report = report
	d.renderPolicies(w, r, status, v)
}

func (d *Dashboard) decideAgain(r *http.Request, f whatIfForm) (*replay.PolicyReport, error) {
	if !sessionOf(r).admin() { // recorded requests of everybody are decided on
		return nil, &llm.Error{Code: llm.CodeForbidden, Status: http.StatusForbidden, Message: "Comparing policies needs the role admin."}
	}
	since, err := parseSince(f.Since)
	if err != nil {
		return nil, err
	}
	files, err := changedFiles(r.MultipartForm, f)
	if err != nil {
		return nil, err
	}
	return d.gateway.WhatIf(r.Context(), files, d.now().Add(-since))
}

// parseSince returns the length of a period of the form.
func parseSince(s string) (time.Duration, error) {
	days, err := strconv.Atoi(strings.TrimSuffix(s, "d"))
	if err != nil || days < 1 || days > 365 {
		return 0, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "since", Message: "The period must be from 1d to 365d."}
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

// changedFiles returns the uploaded files, and the pasted one.
func changedFiles(form *multipart.Form, f whatIfForm) (map[string]string, error) {
	files := map[string]string{}
	if strings.TrimSpace(f.Text) != "" {
		files[cmp.Or(strings.TrimSpace(f.Path), "change.rego")] = strings.ReplaceAll(f.Text, "\r\n", "\n")
	}
	if form != nil {
		for _, h := range form.File["files"] {
			text, err := readUpload(h)
			if err != nil {
				return nil, badForm(err)
			}
			if len(text) > 0 {
				files[path.Base(h.Filename)] = text
			}
		}
	}
	if len(files) == 0 {
		return nil, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "text", Message: "Paste a changed file, or choose files to upload."}
	}
	return files, nil
}

func readUpload(h *multipart.FileHeader) (string, error) {
	in, err := h.Open()
	if err != nil {
		return "", fmt.Errorf("open %s: %w", h.Filename, err)
	}
	defer in.Close()
	text, err := io.ReadAll(in)
	return string(text), err
}
