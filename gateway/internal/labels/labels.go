// Package labels has endpoints label requests: a target, which the caller of Label asks, or
// an HTTP API. It remembers labels for a short time, so that the turns of an agent do not each
// pay for one, and leaves an endpoint alone for a while that keeps failing. It does not know
// what labels mean, and decides nothing about where requests go.
package labels

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/bounded"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// keep is how long a label is remembered, remembered how many are.
const (
	keep       = time.Minute
	remembered = 4096
)

// Labeler asks endpoints. It is safe for concurrent use.
type Labeler struct {
	now      func() time.Time
	client   *http.Client
	labels   bounded.Map[[sha256.Size]byte, kept]
	breakers breakers
}

// kept is a label that was given, and until when it holds.
type kept struct {
	label string
	until time.Time
}

// New returns a Labeler with a clock.
func New(now func() time.Time) *Labeler {
	return &Labeler{now: now, client: newClient(), labels: bounded.Map[[sha256.Size]byte, kept]{Max: remembered}}
}

// Close closes idle connections with APIs.
func (c *Labeler) Close() { c.client.CloseIdleConnections() }

// Label returns the label that an endpoint gives, or why there is none. Ask has the endpoint's
// target answer; an API is asked by the Labeler itself. It takes until ctx ends at most.
func (c *Labeler) Label(ctx context.Context, e *llm.Classify, q llm.Question, ask func() (string, error)) llm.Classified {
	key, now := keyOf(e, q), c.now()
	if k, ok := c.labels.Get(key); ok && now.Before(k.until) {
		return llm.Classified{Label: k.label, Cached: true}
	}
	if wait := c.breakers.wait(e.By(), now); wait > 0 {
		return llm.Classified{Fault: fmt.Sprintf("it has failed %d times in a row and is not asked for %s", failures, wait.Round(time.Second))}
	}
	label, err := c.ask(ctx, e, q, ask)
	if ctx.Err() == context.Canceled { // the caller left, which says nothing about the endpoint
		c.breakers.released(e.By())
		return llm.Classified{Fault: "the caller hung up"}
	}
	c.breakers.done(e.By(), c.now(), err == nil)
	if err != nil {
		return llm.Classified{Fault: reason(ctx, err)}
	}
	c.labels.Put(key, kept{label, c.now().Add(keep)})
	return llm.Classified{Label: label}
}

func (c *Labeler) ask(ctx context.Context, e *llm.Classify, q llm.Question, ask func() (string, error)) (string, error) {
	if e.Target == nil {
		answer, err := c.post(ctx, e, q)
		if err != nil {
			return "", err
		}
		return match(answer, e.Labels)
	}
	answer, err := ask()
	if err != nil {
		return "", err
	}
	return match(answer, e.Labels)
}

// keyOf is what requests have in common that get the same label.
func keyOf(e *llm.Classify, q llm.Question) [sha256.Size]byte {
	h := sha256.New()
	for _, s := range append([]string{e.By(), q.Model, q.Text}, e.Labels...) {
		fmt.Fprintf(h, "%d %s", len(s), s)
	}
	if e.Target == nil { // which gets the tags, too
		fmt.Fprint(h, q.Tags) // in the order of their names
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// match returns the label that an answer names, without quotes and such around it. Without
// labels it is any of at most llm.MaxClass bytes on one line.
func match(answer string, labels []string) (string, error) {
	text := strings.Trim(answer, " \t\r\n\"'`*.")
	i := slices.IndexFunc(labels, func(label string) bool { return strings.EqualFold(label, text) })
	switch {
	case i >= 0:
		return labels[i], nil
	case len(labels) > 0:
		return "", errors.New("its answer is none of the labels") // and not quoted: a record holds no text of a reply
	case text == "" || len(text) > llm.MaxClass || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) || !utf8.ValidString(text):
		return "", fmt.Errorf("its answer is no label of at most %d bytes", llm.MaxClass)
	}
	return text, nil
}

// reason is why there is no label, for the record.
func reason(ctx context.Context, err error) string {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if e := llm.AsError(err); e.Code != llm.CodeInternal {
		return e.Message
	}
	return err.Error()
}
