package httpapi

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// credentialHeaders are the headers in which the SDKs send a key, canonical form.
var credentialHeaders = [...]string{"Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"}

// queryKey is the parameter in which Gemini's REST clients send a key.
const queryKey = "key"

// credential returns the one key that a request carries, empty if it carries none. Two
// different keys are refused: another reader of the request might take the other one. An
// Authorization header that holds no bearer token is refused, too: the caller meant to
// authenticate.
func credential(r *http.Request) (string, error) {
	query, _ := url.ParseQuery(r.URL.RawQuery) // malformed parts are left out
	return oneKey(r, append(keysInHeaders(r), query[queryKey]...))
}

// oneKey returns the one key among those that a request carries.
func oneKey(r *http.Request, sent []string) (string, error) {
	token := ""
	for _, value := range sent {
		switch {
		case value == "" || value == token:
		case token == "":
			token = value
		default:
			return "", &llm.Error{Code: "ambiguous_credentials", Status: http.StatusBadRequest,
				Message: "The request carries two different keys: send one, as \"Authorization: Bearer …\", x-api-key, x-goog-api-key or api-key."}
		}
	}
	for _, value := range r.Header["Authorization"] {
		if _, ok := bearer(value); !ok {
			return "", &llm.Error{Code: llm.CodeUnauthenticated, Status: http.StatusUnauthorized,
				Message: "The Authorization header holds no key: write it as \"Authorization: Bearer …\"."}
		}
	}
	return token, nil
}

// keysInHeaders returns the values of all headers that may hold a key.
func keysInHeaders(r *http.Request) []string {
	var found []string
	for _, name := range credentialHeaders {
		for _, value := range r.Header[name] {
			if name == "Authorization" {
				value, _ = bearer(value)
			}
			found = append(found, strings.TrimSpace(value))
		}
	}
	return found
}

// bearer returns the token of an Authorization header. Another scheme, or a key without
// a scheme, is not ok; an empty header is ok, and its token is empty.
func bearer(value string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(strings.TrimSpace(value), " ")
	return token, scheme == "" || strings.EqualFold(scheme, "Bearer")
}

// authenticateCaller finds out who sends a request, as Service.KeyMode asks.
func (a *API) authenticateCaller(x *exchange) error {
	mode := a.service.KeyMode()
	if mode == KeysOff {
		return nil
	}
	token, err := credential(x.r)
	if err != nil {
		return a.refused(x.r, x.received, err)
	}
	if token == "" && mode == KeysOptional {
		return nil
	}
	return a.authenticate(x, token)
}

func (a *API) authenticate(x *exchange, token string) error {
	if token == "" {
		a.countRefused(RefusedMissing)
		return &llm.Error{Code: llm.CodeUnauthenticated, Status: http.StatusUnauthorized,
			Message: "A key is needed: send it as \"Authorization: Bearer …\". `penstock keys create` makes one."}
	}
	who, err := a.identify(x.r, x.received, token)
	x.who = who
	return err
}

// Authenticate returns the holder of a key that somebody enters on a page. It counts and
// slows down invalid keys as those of requests.
func (a *API) Authenticate(r *http.Request, key string) (llm.Principal, error) {
	return a.identify(r, time.Now(), key)
}

// identify returns the holder of a key, unless its address has sent too many invalid ones.
func (a *API) identify(r *http.Request, received time.Time, token string) (llm.Principal, error) {
	network := clientNetwork(r.RemoteAddr)
	if wait := a.throttle.blocked(network, received); wait > 0 && !a.service.Recognizes(token) {
		a.countRefused(RefusedThrottled)
		return llm.Principal{}, &llm.Error{Code: llm.CodeRateLimited, Status: http.StatusTooManyRequests, RetryAfter: wait,
			Message: "Too many invalid keys were sent from this address. Keys that are in use work on; try another one later."}
	}
	who, err := a.service.Authenticate(r.Context(), token)
	return who, a.refused(r, received, err)
}

// refused counts an invalid key and delays the answer to it. It returns err, whatever
// that is.
func (a *API) refused(r *http.Request, received time.Time, err error) error {
	if err == nil || llm.AsError(err).HTTPStatus() != http.StatusUnauthorized {
		return err
	}
	a.countRefused(RefusedInvalid)
	addr := clientNetwork(r.RemoteAddr)
	if n := a.throttle.toLog(received); n > 0 {
		a.log.Warn("refused callers with an invalid key", "count", n, "last", addr, "path", truncate(r.URL.Path))
	}
	a.throttle.wait(r.Context(), a.throttle.fail(addr, received))
	return err
}

func (a *API) countRefused(reason string) {
	if a.operators != nil {
		a.operators.CountRefused(reason)
	}
}

// authenticateOperator finds out who uses the admin API. Where AdminLoopback lets this
// machine in without a key, a key that is sent counts all the same. Keys are in headers
// only: the query names what is asked for.
func (a *API) authenticateOperator(x *exchange) error {
	if a.adminAuth == AdminLoopback {
		if err := requireLoopback(x.r); err != nil {
			return err
		}
	}
	token, err := oneKey(x.r, keysInHeaders(x.r))
	if err != nil {
		return a.refused(x.r, x.received, err)
	}
	if token == "" && a.adminAuth == AdminLoopback {
		x.operator = true
		return nil
	}
	return a.authenticate(x, token)
}

// authorizePage returns an error unless a request may reach the dashboard.
func (a *API) authorizePage(x *exchange) error {
	if a.adminAuth == AdminLoopback {
		return requireLoopback(x.r)
	}
	if !sameOrigin(x.r) {
		return &llm.Error{Code: llm.CodeForbidden, Status: http.StatusForbidden, Message: "The dashboard refused this request: it comes from a page of another origin."}
	}
	return nil
}
