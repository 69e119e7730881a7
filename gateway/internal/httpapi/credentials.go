package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// credentialHeaders are the places where the SDKs put a key, canonical form.
var credentialHeaders = [...]string{"Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"}

// queryKey is the parameter in which Gemini's REST clients send a key.
const queryKey = "key"

// credential is the one key that a request shows, or empty when it shows none. Two that
// differ are refused: whoever reads the request next might believe the other one. What
// is shown in a form that carries no key is refused, too: the caller meant to be known.
func credential(r *http.Request) (string, error) {
	token := ""
	for _, value := range shownKeys(r) {
		switch {
		case value == "" || value == token:
		case token == "":
			token = value
		default:
			return "", &llm.Error{Code: "ambiguous_credentials", Status: http.StatusBadRequest,
				Message: "The request shows two different keys: send one, as \"Authorization: Bearer …\", x-api-key, x-goog-api-key or api-key."}
		}
	}
	for _, value := range r.Header["Authorization"] {
		if _, ok := bearer(value); !ok {
			return "", &llm.Error{Code: llm.CodeUnauthenticated, Status: http.StatusUnauthorized,
				Message: "The Authorization header holds no key that can be read: write it as \"Authorization: Bearer …\"."}
		}
	}
	return token, nil
}

// shownKeys are the values in all places where a key may stand.
func shownKeys(r *http.Request) []string {
	var found []string
	for _, name := range credentialHeaders {
		for _, value := range r.Header[name] {
			if name == "Authorization" {
				value, _ = bearer(value)
			}
			found = append(found, strings.TrimSpace(value))
		}
	}
	if r.URL.RawQuery == "" {
		return found
	}
	query, _ := url.ParseQuery(r.URL.RawQuery) // what is malformed in it is left out
	return append(found, query[queryKey]...)
}

// bearer is the token of an Authorization header. Other schemes carry none, and a key
// without a scheme is not taken for one; an empty header is good, and empty.
func bearer(value string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(strings.TrimSpace(value), " ")
	return token, scheme == "" || strings.EqualFold(scheme, "Bearer")
}

// identify finds out who asks, as Options.Keys demands.
func (a *API) identify(x *exchange) error {
	mode := a.o.Keys()
	if mode == KeysOff {
		return nil
	}
	token, err := credential(x.r)
	if err != nil {
		return a.notLetIn(x, err)
	}
	if token == "" && mode == KeysOptional {
		return nil
	}
	return a.authenticate(x, token)
}

func (a *API) authenticate(x *exchange, token string) error {
	if token == "" {
		a.o.Refused(RefusedMissing)
		return &llm.Error{Code: llm.CodeUnauthenticated, Status: http.StatusUnauthorized,
			Message: "A key is needed: send it as \"Authorization: Bearer …\". `penstock keys create` makes one."}
	}
	who, err := a.o.Authenticate(x.r.Context(), token)
	x.who = who
	return a.notLetIn(x, err)
}

// notLetIn counts a key that is not good and slows down who sent it. Other errors, and
// none, pass through.
func (a *API) notLetIn(x *exchange, err error) error {
	if err == nil || llm.AsError(err).HTTPStatus() != http.StatusUnauthorized {
		return err
	}
	a.o.Refused(RefusedBad)
	from := network(x.r.RemoteAddr)
	if n := a.refusals.toTell(x.received); n > 0 {
		a.log.Warn("refused callers whose key is not good", "count", n, "last", from, "path", shown(x.r.URL.Path))
	}
	a.refusals.wait(x.r.Context(), a.refusals.pause(from, x.received))
	return err
}

// admit lets operators in.
func (a *API) admit(x *exchange) error {
	if a.o.AdminAuth == AdminLoopback {
		return atThisMachine(x.r)
	}
	token, err := credential(x.r)
	if err != nil {
		return a.notLetIn(x, err)
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
