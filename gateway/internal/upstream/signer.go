package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Signer puts a provider's credentials on calls. It must be safe for concurrent use, and
// must not show its secrets when it is printed.
type Signer interface {
	// Sign puts the credentials on a request in place of any that are there. Everything
	// else about the request is final, and its headers and URL belong to it alone. body is
	// what it will send. Sign may wait, until ctx ends. An *llm.Error keeps its Fault, any
	// other error is one with FaultAuth.
	Sign(ctx context.Context, r *http.Request, body []byte) error
	// Secrets returns what must not show in errors or logs. It is called for each error,
	// since credentials can be renewed, and must not block.
	Secrets() []string
}

// Bearer sends "Authorization: Bearer KEY". It returns nil, which means no credentials,
// for an empty key.
func Bearer(key Secret) Signer { return inHeader("Authorization", "Bearer ", key) }

// XAPIKey sends "x-api-key: KEY", as Anthropic has it, and is otherwise like Bearer.
func XAPIKey(key Secret) Signer { return inHeader("X-Api-Key", "", key) }

// APIKey sends "api-key: KEY", as Azure has it, and is otherwise like Bearer.
func APIKey(key Secret) Signer { return inHeader("Api-Key", "", key) }

// XGoogAPIKey sends "x-goog-api-key: KEY", as Google has it, and is otherwise like Bearer.
func XGoogAPIKey(key Secret) Signer { return inHeader("X-Goog-Api-Key", "", key) }

// headerKey sends a fixed key in one header. It is used as a pointer, so that nothing
// that holds it shows the key when it is printed.
type headerKey struct {
	name, scheme string // the name is in canonical form
	key          Secret
}

func inHeader(name, scheme string, key Secret) Signer {
	if key == "" {
		return nil
	}
	return &headerKey{name, scheme, key}
}

// Sign implements Signer.
func (k *headerKey) Sign(_ context.Context, r *http.Request, _ []byte) error {
	r.Header[k.name] = []string{k.scheme + string(k.key)}
	return nil
}

// Secrets implements Signer.
func (k *headerKey) Secrets() []string { return []string{string(k.key)} }

// String returns the header without the key.
func (k *headerKey) String() string { return k.name + ": " + k.scheme + hidden }

// GoString is String, for %#v.
func (k *headerKey) GoString() string { return k.String() }

// signerOf returns the signer of the credential that a call names; nil when there is none.
func (c *Client) signerOf(call llm.Call) (Signer, error) {
	if len(c.o.Credentials) == 0 {
		return c.o.Signer, nil
	}
	for _, credential := range c.o.Credentials {
		if credential.ID == call.Credential {
			return credential.Signer, nil
		}
	}
	return nil, fmt.Errorf("there is no credential %q", call.Credential)
}

// sign puts the provider's credentials on a request. Its errors are redacted.
func (c *Client) sign(ctx context.Context, r *http.Request, call llm.Call) error {
	signer, err := c.signerOf(call)
	switch {
	case err != nil:
	case signer == nil:
		return nil
	default:
		err = signer.Sign(ctx, r, call.Body)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return failure(ctx, err)
	}
	var own *llm.Error
	if !errors.As(err, &own) {
		own = &llm.Error{Code: llm.CodeUpstream, Status: http.StatusBadGateway, Fault: llm.FaultAuth, Err: err,
			Message: "The gateway could not sign the call to the provider."}
	}
	return c.Redact(own)
}
