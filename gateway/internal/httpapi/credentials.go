package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// credentialHeaders are the places where the SDKs put a key, canonical form.
var credentialHeaders = [...]string{"Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"}

// credential is the one key that a request shows, or empty. Two that differ are
// refused: whoever reads the request next might believe the other one.
func credential(h http.Header) (string, error) {
	token := ""
	for _, name := range credentialHeaders {
		for _, value := range h[name] {
			if name == "Authorization" {
				value = bearer(value)
			}
			switch value = strings.TrimSpace(value); {
			case value == "", value == token:
			case token == "":
				token = value
			default:
				return "", &llm.Error{Code: "ambiguous_credentials", Status: http.StatusBadRequest,
					Message: "The request shows two different keys: send one, as \"Authorization: Bearer …\", x-api-key, x-goog-api-key or api-key."}
			}
		}
	}
	return token, nil
}

// bearer is the token of an Authorization header; other schemes carry none.
func bearer(value string) string {
	scheme, token, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}

// identify finds out who asks, as Options.Keys demands.
func (a *API) identify(x *exchange) error {
	token, err := credential(x.r.Header)
	if err != nil {
		return err
	}
	mode := a.o.Keys()
	switch {
	case mode == KeysOff:
		return nil
	case token == "" && mode == KeysOptional:
		return nil
	}
	return a.authenticate(x, token)
}

func (a *API) authenticate(x *exchange, token string) error {
	if token == "" {
		return &llm.Error{Code: llm.CodeUnauthenticated, Status: http.StatusUnauthorized,
			Message: "A key is needed: send it as \"Authorization: Bearer …\". `penstock keys create` makes one."}
	}
	who, err := a.o.Authenticate(x.r.Context(), token)
	x.who = who
	return err
}

// admit lets operators in.
func (a *API) admit(x *exchange) error {
	if a.o.AdminAuth == AdminLoopback {
		return atThisMachine(x.r)
	}
	token, err := credential(x.r.Header)
	if err != nil {
		return err
	}
	if err := a.authenticate(x, token); err != nil {
		return err
	}
	if !slices.Contains(x.who.Roles, RoleAdmin) {
		return &llm.Error{Code: llm.CodeForbidden, Status: http.StatusForbidden,
			Message: "This key may not use the admin API: it lacks the role admin."}
	}
	return nil
}
