package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const hello = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`

// scan is a stand-in for the door: it takes any JSON object.
func scan(body []byte) (llm.Facts, llm.CacheControl, error) {
	var in struct {
		Model    string            `json:"model"`
		Stream   bool              `json:"stream"`
		Metadata map[string]string `json:"metadata"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return llm.Facts{}, llm.CacheControl{}, &llm.Error{Code: llm.CodeInvalidJSON, Status: 400, Message: "not JSON"}
	}
	return llm.Facts{Model: in.Model, Stream: in.Stream, Metadata: in.Metadata}, llm.CacheControl{}, nil
}

// authenticate knows the keys "member" and "admin".
func authenticate(_ context.Context, token string) (llm.Principal, error) {
	switch token {
	case "member":
		return llm.Principal{KeyID: "k1", Team: "search", Tags: map[string]string{"team": "search", "env": "dev"}}, nil
	case "admin":
		return llm.Principal{KeyID: "k2", Roles: []string{httpapi.RoleAdmin}}, nil
	}
	return llm.Principal{}, &llm.Error{Code: llm.CodeUnauthenticated, Status: 401, Message: "This key is not known."}
}

// plain answers every request with one JSON event.
func plain(_ context.Context, req *llm.Request, w httpapi.Writer) error {
	if err := w.Start(llm.Head{Status: 200, Header: http.Header{"X-Penstock-Model": {req.Facts.Model}, "X-Request-Id": {"the provider's"}}}); err != nil {
		return err
	}
	return w.Event(llm.Event{Frame: []byte(`{"ok":true}`), Final: true})
}

func options() httpapi.Options {
	return httpapi.Options{Serve: plain, Scan: scan, Authenticate: authenticate}
}

// start serves the data handler on a loopback port until the test ends.
func start(t testing.TB, o httpapi.Options) string {
	t.Helper()
	return startOn(t, o, context.Background())
}

// startOn is start with a context that ends all requests.
func startOn(t testing.TB, o httpapi.Options, base context.Context) string {
	t.Helper()
	return startAPI(t, o, base, func(a *httpapi.API) http.Handler { return a.Data })
}

func startAdmin(t testing.TB, o httpapi.Options) string {
	t.Helper()
	return startAPI(t, o, context.Background(), func(a *httpapi.API) http.Handler { return a.Admin })
}

func startAPI(t testing.TB, o httpapi.Options, base context.Context, pick func(*httpapi.API) http.Handler) string {
	t.Helper()
	a, err := httpapi.New(o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := a.NewServer(pick(a))
	s.BaseContext = func(net.Listener) context.Context { return base }
	done := make(chan error, 1)
	go func() { done <- s.Serve(a.Listener(l)) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve = %v", err)
		}
	})
	return l.Addr().String()
}

// call sends one request; headers are name, value pairs.
func call(t testing.TB, method, addr, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	// A client of its own, so that no idle connection outlives the test.
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read reply: %v", err)
	}
	return resp, string(b)
}

// fault decodes an error in OpenAI's shape and insists on its four members.
func fault(t testing.TB, body string) (message, kind, code, param string) {
	t.Helper()
	var in struct {
		Error map[string]*string `json:"error"`
	}
	if err := json.Unmarshal([]byte(body), &in); err != nil || len(in.Error) != 4 {
		t.Fatalf("not an error in OpenAI's shape: %q %v", body, err)
	}
	at := func(name string) string {
		if v, ok := in.Error[name]; !ok {
			t.Errorf("no %s in %s", name, body)
		} else if v != nil {
			return *v
		}
		return ""
	}
	return at("message"), at("type"), at("code"), at("param")
}
