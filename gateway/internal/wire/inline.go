package wire

import (
	"context"
	"errors"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Inline puts the data of media that x.Sent names by URL into it, as if the client had sent
// it, where the target takes no URLs. x.Media keeps what was fetched. The error is the
// caller's: with FaultUnsupported another target may still take the request.
func (d *Dialects) Inline(ctx context.Context, x *llm.Exchange) error {
	req, err := d.canonicalWithMedia(ctx, x)
	if req == nil || err != nil {
		return err
	}
	all, err := mediaOf(req.Body)
	if err != nil {
		return err
	}
	native := isNative(x)
	var needed []remoteMedium
	for _, m := range all {
		if need := needOf(x.Target, &m, native); need == must || need == prefer && d.Fetch != nil {
			needed = append(needed, m)
		}
	}
	if len(needed) == 0 {
		return nil
	}
	if err := d.fetchAll(ctx, x, needed); err != nil {
		return err
	}
	edits, err := d.inlined(x, needed, native)
	if err != nil {
		return err
	}
	return d.replaceMedia(x, req, edits)
}

// canonicalWithMedia is x.Sent in the canonical form; nil if it holds no media or is sent in
// another form.
func (d *Dialects) canonicalWithMedia(ctx context.Context, x *llm.Exchange) (req *llm.Request, err error) {
	if x.Request.Endpoint != llm.ChatCompletions && x.Request.Endpoint != "" {
		return nil, nil
	}
	if req = x.Sent; !passes(req, x.Target) {
		if req, err = inCanonical(ctx, req); err != nil {
			return nil, err
		}
	}
	f := &req.Facts
	switch {
	case req.Form != "" || f.Features&(llm.Vision|llm.AudioIn|llm.FileIn) == 0 && f.Unbounded == "":
		return nil, nil
	case isNative(x) && takesByURL(x.Target, llm.Vision) != noURL:
		return nil, nil
	}
	return req, nil
}

// isNative reports whether the client and the target speak OpenAI's format, so that what the
// client sent passes.
func isNative(x *llm.Exchange) bool { return x.Request.Form == "" && x.Request.PassesTo(x.Target) }

// Inlines reports whether Inline puts the media of a request, whose size is not known, into it
// for a target wherever they lie. Then their size will be known.
func (d *Dialects) Inlines(req *llm.Request, t *llm.Target) bool {
	if d.Fetch == nil {
		return false
	}
	var takes byURL
	switch req.Facts.Unbounded {
	case llm.RemoteImage:
		takes = takesByURL(t, llm.Vision)
	case llm.RemoteSound:
		takes = takesByURL(t, llm.AudioIn)
	case llm.RemoteFile:
		takes = takesByURL(t, llm.FileIn)
	}
	return takes == noURL || takes >= someURL && !req.PassesTo(t)
}

// inlined returns the edits that put the media into the request. One that the configuration
// does not let the gateway fetch is left to a target that may do so itself.
func (d *Dialects) inlined(x *llm.Exchange, needed []remoteMedium, native bool) (edits []edit, err error) {
	size := int64(0) // counted before anything is written: a request may name one medium many times
	for _, m := range needed {
		got, _ := x.Media.Get(m.key())
		size += int64(len(got.Base64))
		switch e := (*llm.Error)(nil); {
		case size > d.maxBody():
			return nil, d.tooLargeInline()
		case got.Err == nil:
			edits = m.inline(edits, &got)
		case errors.As(got.Err, &e) && e.Code == llm.CodeForbidden && needOf(x.Target, &m, native) == prefer:
		default:
			return nil, m.failed(x.Target, got.Err)
		}
	}
	return edits, nil
}

// replaceMedia sets x.Sent to the request with the edits made, and its facts.
func (d *Dialects) replaceMedia(x *llm.Exchange, req *llm.Request, edits []edit) error {
	if len(edits) == 0 {
		return nil
	}
	made := *req
	made.Body = apply(req.Body, edits)
	if int64(len(made.Body)) > d.maxBody() {
		return d.tooLargeInline()
	}
	facts, err := scanAgain(made.Body)
	if err != nil {
		return &llm.Error{Code: llm.CodeInternal, Status: http.StatusBadGateway, Fault: llm.FaultTransform,
			Message: "The gateway could not put the media that the request names by URL into it.", Err: err}
	}
	made.Facts, x.Sent = facts, &made
	return nil
}
