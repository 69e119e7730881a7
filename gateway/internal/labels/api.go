package labels

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxAnswer bounds what is read of an API's answer, in bytes.
const maxAnswer = 64 << 10

// newClient returns the client for APIs. It follows no redirects, which would take the text
// elsewhere.
func newClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost, t.IdleConnTimeout = 64, 30*time.Second
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// post asks an API and returns the label that it gives. Errors do not quote it, nor its key.
func (c *Labeler) post(ctx context.Context, e *llm.Classify, q llm.Question) (string, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	if key := e.Key(); key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := c.client.Do(r)
	if err != nil {
		var at *url.Error
		if errors.As(err, &at) {
			err = at.Err // without the URL, which may hold a credential
		}
		return "", fmt.Errorf("ask it: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("read its answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("it answered with status %d", resp.StatusCode)
	}
	var answer struct {
		Label *string `json:"label"`
	}
	if json.Unmarshal(text, &answer) != nil || answer.Label == nil {
		return "", errors.New(`its answer is not {"label": TEXT}`)
	}
	return *answer.Label, nil
}
