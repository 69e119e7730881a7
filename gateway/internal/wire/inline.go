package wire

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// MediaFetcher fetches what requests name by URL, of a kind: llm.Vision, llm.AudioIn or
// llm.FileIn. What it keeps in memory is counted by hold. Its errors are *llm.Error whose
// message is the reason; those with llm.CodeForbidden are due to the configuration. It must be
// safe for concurrent use.
type MediaFetcher func(ctx context.Context, url string, kind llm.Features, hold func(int64) error) (mediaType string, data []byte, err error)

const (
	// maxMedia bounds the media that are fetched for one request, fetchAtOnce how many at a
	// time.
	maxMedia    = 16
	fetchAtOnce = 4
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
	kind, remote := map[string]llm.Features{"a remote image": llm.Vision, "a remote sound": llm.AudioIn, "a remote file": llm.FileIn}[req.Facts.Unbounded]
	takes := takesByURL(t, kind)
	return d.Fetch != nil && remote && (takes == noURL || takes >= someURL && !req.PassesTo(t))
}

// fetchAll fetches what x.Media does not have yet. It returns only when every fetch has ended.
func (d *Dialects) fetchAll(ctx context.Context, x *llm.Exchange, needed []remoteMedium) error {
	var missing []remoteMedium
	asked := map[llm.MediaKey]bool{}
	for _, m := range needed {
		asked[m.key()] = true
		if len(asked) > maxMedia {
			return m.refuse("a request may name at most %d media by URL for this target: send the others as base64 data: URLs", maxMedia)
		}
		if _, known := x.Media.Get(m.key()); !known && !has(missing, m.key()) {
			missing = append(missing, m)
		}
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, fetchAtOnce)
	count := d.counter(x.Request)
	for _, m := range missing {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if got := d.fetch(ctx, x, &m, count); ctx.Err() == nil {
				x.Media.Put(m.key(), got)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func has(list []remoteMedium, k llm.MediaKey) bool {
	for i := range list {
		if list[i].key() == k {
			return true
		}
	}
	return false
}

func (m *remoteMedium) key() llm.MediaKey { return llm.MediaKey{URL: m.url, Kind: m.kind} }

// counter counts what a request's media take in memory. Together they may not be more than a
// client could have sent.
func (d *Dialects) counter(req *llm.Request) func(int64) error {
	var total atomic.Int64
	return func(n int64) error {
		// What is read takes up to twice its size while it grows, and is written in base64.
		if total.Add(n) > 2*d.maxBody() {
			return d.bodyTooLarge()
		}
		if req.Hold == nil {
			return nil
		}
		return req.Hold(n)
	}
}

func (d *Dialects) bodyTooLarge() *llm.Error {
	return &llm.Error{Code: llm.CodeTooLarge, Status: http.StatusBadRequest, Fault: llm.FaultUnsupported,
		Message: fmt.Sprintf("with the media that it names by URL, the request is larger than %d bytes (server.max_body)", d.maxBody())}
}

func (d *Dialects) maxBody() int64 {
	if d.MaxBody > 0 {
		return d.MaxBody
	}
	return 32 << 20
}

// fetch fetches one medium. For a request that is only explained nothing is fetched: an
// example stands for it.
func (d *Dialects) fetch(ctx context.Context, x *llm.Exchange, m *remoteMedium, count func(int64) error) llm.Medium {
	switch {
	case d.Fetch == nil:
		return llm.Medium{Err: &llm.Error{Code: llm.CodeForbidden, Status: http.StatusBadRequest, Fault: llm.FaultUnsupported,
			Message: "the gateway fetches nothing unless its operator sets media: {fetch: true}"}}
	case x.Request.Dry:
		return examples[m.kind]
	}
	mediaType, data, err := d.Fetch(ctx, m.url, m.kind, count)
	if err == nil {
		err = count(int64(base64.StdEncoding.EncodedLen(len(data))))
	}
	if err != nil {
		return llm.Medium{Err: err}
	}
	return llm.Medium{Type: mediaType, Base64: base64.StdEncoding.AppendEncode(nil, data)}
}

// examples stand for media that are not fetched.
var examples = map[llm.Features]llm.Medium{
	llm.Vision:  {Type: "image/png", Base64: []byte("iVBORw0KGgo=")},
	llm.AudioIn: {Type: "audio/wav", Base64: []byte("UklGRgAAAABXQVZF")},
	llm.FileIn:  {Type: "application/pdf", Base64: []byte("JVBERi0x")},
}

// inlined returns the edits that put the media into the request. One that the configuration
// does not let the gateway fetch is left to a target that may do so itself.
func (d *Dialects) inlined(x *llm.Exchange, needed []remoteMedium, native bool) (edits []edit, err error) {
	for _, m := range needed {
		got, _ := x.Media.Get(m.key())
		switch e := (*llm.Error)(nil); {
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
		e := d.bodyTooLarge()
		e.Message = strings.ToUpper(e.Message[:1]) + e.Message[1:] + "."
		return e
	}
	facts, err := scanAgain(made.Body)
	if err != nil {
		return &llm.Error{Code: llm.CodeInternal, Status: http.StatusBadGateway, Fault: llm.FaultTransform,
			Message: "The gateway could not put the media that the request names by URL into it.", Err: err}
	}
	made.Facts, x.Sent = facts, &made
	return nil
}

// failed is the error for a medium that could not be fetched. It shows no more of the URL
// than its host: the rest of it may be a credential.
func (m *remoteMedium) failed(t *llm.Target, err error) error {
	var e *llm.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Fault != llm.FaultUnsupported { // of who counts memory
		return e
	}
	out := *e
	out.Param = m.path
	out.Message = fmt.Sprintf("%s: %s needs the data of what is at %s, which was not fetched: %s. Send it as a base64 data: URL.",
		m.path, t.ID, hostOf(m.url), e.Message)
	return &out
}

// refuse is an error that names the medium's part.
func (m *remoteMedium) refuse(format string, args ...any) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: m.path, Fault: llm.FaultUnsupported,
		Message: m.path + ": " + fmt.Sprintf(format, args...) + "."}
}

// hostOf is the host of a URL as a message may show it.
func hostOf(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || len(u.Hostname()) > 253 {
		return "its URL"
	}
	return llm.Quote(u.Hostname())
}

// inline appends the edits that put a medium in the place of its URL.
func (m *remoteMedium) inline(edits []edit, got *llm.Medium) []edit {
	dataURL := func() []byte {
		return append(append([]byte(`"data:`+got.Type+`;base64,`), got.Base64...), '"')
	}
	sound := func() []byte {
		return append(append([]byte(`{"data":"`), got.Base64...), `","format":"`+strings.TrimPrefix(got.Type, "audio/")+`"}`...)
	}
	switch m.form {
	case asURL:
		return append(edits, edit{m.at, dataURL()})
	case asFileData:
		return append(edits, edit{m.at, append([]byte(`"file_data":`), dataURL()...)})
	case asFile:
		file := append([]byte(`"file":{"file_data":`), dataURL()...)
		if m.name != nil {
			file = append(append(file, `,"filename":`...), m.name...)
		}
		return append(edits, edit{m.typeAt, []byte(`"file"`)}, edit{m.at, append(file, '}')})
	case asAudio:
		return append(edits, edit{m.at, sound()})
	}
	return append(edits, edit{m.typeAt, []byte(`"input_audio"`)}, edit{m.at, append([]byte(`"input_audio":`), sound()...)})
}
