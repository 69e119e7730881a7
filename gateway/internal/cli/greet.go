package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/server"
)

// greet prints the addresses and a first command to try.
func (e *environment) greet(s *server.Server, took time.Duration) {
	api, admin := s.Addrs()
	fmt.Fprintf(e.stdout, "penstock ready in %d ms\n", took.Milliseconds())
	base := server.APIURL(s.Config(), api)
	fmt.Fprintf(e.stdout, "  api        %s/v1        (OpenAI SDKs: set base_url to this)\n", base)
	fmt.Fprintf(e.stdout, "  dashboard  %s\n", server.Reachable(admin, s.Config().Admin.TLS.Enabled())+s.SignInPath())
	fmt.Fprintf(e.stdout, "  found      %s\n", strings.Join(s.Providers(), ", "))
	fmt.Fprintf(e.stdout, "  try        %s\n", e.tryLine(s, base))
	for _, warning := range append(s.Config().Warnings(), s.Deprecations()...) {
		fmt.Fprintf(e.stderr, "warning: %s\n", warning)
	}
}

// tryLine returns a command that sends a first request. It works in a shell in the folder
// where the gateway was started.
func (e *environment) tryLine(s *server.Server, api string) string {
	model := config.Demo
	if list := s.Models(); e.options.ConfigPath() != "" && len(list) > 0 {
		model = list[0].ID
	}
	name, _ := json.Marshal(model) // a string always encodes
	body := `{"model":` + string(name) + `,"messages":[{"role":"user","content":"hi"}]}`
	return "curl " + api + "/v1/chat/completions -H 'content-type: application/json'" + e.keyFlag(s.Config()) + " -d " + hint.ShellWord(body)
}

// keyFlag returns the flag for curl that sends a new key, empty if no key is required.
func (e *environment) keyFlag(c *config.Config) string {
	if c.Keys != config.KeysRequired {
		return ""
	}
	command := hint.ShellWord(os.Args[0]) + " keys create"
	if path := e.options.ConfigPath(); path != "" {
		command += " -c " + hint.ShellWord(path)
	}
	return ` -H "authorization: Bearer $(` + command + ` --name me)"`
}
