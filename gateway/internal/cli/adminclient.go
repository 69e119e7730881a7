package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/server"
)

// adminKey is the environment variable with the key for the admin API.
const adminKey = "PENSTOCK_ADMIN_KEY"

// adminTimeout bounds a call of the admin API, maxAdminReply its reply in bytes.
const (
	adminTimeout  = 10 * time.Second
	maxAdminReply = 32 << 20
)

// callAdmin calls the admin API that a flag names, or that of the gateway that runs with
// this configuration, and returns the body of the reply. A nil body sends none.
func (e *environment) callAdmin(ctx context.Context, method, path string, body any) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, adminTimeout)
	defer stop()
	resp, err := e.openAdmin(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer resp.Close()
	return readReply(resp)
}

func readReply(r io.Reader) ([]byte, error) {
	reply, err := io.ReadAll(io.LimitReader(r, maxAdminReply))
	if err != nil {
		return nil, fmt.Errorf("read the gateway's answer: %w", err)
	}
	return reply, nil
}

// openAdmin is callAdmin for a reply that is read as it comes. The caller closes it.
func (e *environment) openAdmin(ctx context.Context, method, path string, body any) (io.ReadCloser, error) {
	base, pair, err := e.adminBase(ctx)
	if err != nil {
		return nil, err
	}
	req, err := newRequest(ctx, method, base+path, body)
	if err != nil {
		return nil, err
	}
	if key := e.options.Getenv(adminKey); key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	t, err := transport(pair)
	if err != nil {
		return nil, err
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return nil, hint.Add(fmt.Errorf("no gateway answers at %s: %w", base[strings.Index(base, "//")+2:], err), "start it with penstock serve, or name its configuration with -c")
	}
	if resp.StatusCode < 300 {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	reply, err := readReply(resp.Body)
	if err != nil {
		return nil, err
	}
	return nil, adminError(resp.StatusCode, reply)
}

// adminBase returns the address of the admin API, without a slash at its end, and the files of
// its certificate if the configuration names it.
func (e *environment) adminBase(ctx context.Context) (base string, pair config.KeyPair, err error) {
	if e.adminURL == "" {
		c, err := e.options.LoadWithoutSecrets(ctx)
		if err != nil {
			return "", pair, err
		}
		return server.Reachable(c.Admin.Listen, c.Admin.TLS.Enabled()), c.Admin.TLS, nil
	}
	u, err := url.Parse(e.adminURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", pair, &usageError{fmt.Errorf("--admin: write the address of the admin API, such as http://127.0.0.1:8081")}
	}
	return strings.TrimSuffix(u.String(), "/"), pair, nil
}

func newRequest(ctx context.Context, method, url string, body any) (*http.Request, error) {
	if body == nil {
		return http.NewRequestWithContext(ctx, method, url, nil)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(text))
	if err == nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, err
}

// adminError returns the error in a reply of the admin API.
func adminError(status int, reply []byte) error {
	var body struct{ Error struct{ Message string } }
	if err := json.Unmarshal(reply, &body); err != nil || body.Error.Message == "" {
		return fmt.Errorf("the gateway answers with status %d", status)
	}
	err := errors.New(body.Error.Message)
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		return hint.Add(err, "put a key with the role that it needs into %s; penstock keys create --role admin makes one for everything", adminKey)
	}
	return err
}
