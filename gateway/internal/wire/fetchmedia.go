package wire

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
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

// bodyTooLarge is why one more medium is not read.
func (d *Dialects) bodyTooLarge() *llm.Error {
	return &llm.Error{Code: llm.CodeTooLarge, Status: http.StatusBadRequest, Fault: llm.FaultUnsupported,
		Message: fmt.Sprintf("with it the request would be larger than %d bytes (server.max_body)", d.maxBody())}
}

// tooLargeInline is the error of a request that its media make too large.
func (d *Dialects) tooLargeInline() *llm.Error {
	return &llm.Error{Code: llm.CodeTooLarge, Status: http.StatusBadRequest, Fault: llm.FaultUnsupported,
		Message: fmt.Sprintf("With the media that it names by URL, the request is larger than %d bytes (server.max_body): name fewer or smaller ones.", d.maxBody())}
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
