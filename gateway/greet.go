package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
)

// greet prints what a newcomer needs next.
func (a *app) greet(g *gateway, s *servers, took time.Duration) {
	c := g.world.Load().config
	fmt.Fprintf(a.stdout, "penstock ready in %d ms\n", took.Milliseconds())
	fmt.Fprintf(a.stdout, "  api        %s/v1        (OpenAI SDKs: set base_url to this)\n", reachable(s.on.Addr().String()))
	fmt.Fprintf(a.stdout, "  admin      %s\n", reachable(s.adminOn.Addr().String()))
	fmt.Fprintf(a.stdout, "  found      %s\n", strings.Join(g.found(c), ", "))
	fmt.Fprintf(a.stdout, "  try        %s\n", a.tryLine(g, reachable(s.on.Addr().String())))
	for _, warning := range c.Warnings() {
		fmt.Fprintf(a.stderr, "warning: %s\n", warning)
	}
}

// reachable is the URL at which this machine reaches a listener: one that listens on
// every address has none that can be typed.
func reachable(addr string) string {
	at, err := netip.ParseAddrPort(addr)
	if err == nil && at.Addr().Unmap().IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d", at.Port())
	}
	return "http://" + addr
}

// tryLine is a command that asks for an answer. It works when it is pasted into a shell
// in the folder where the gateway was started.
func (a *app) tryLine(g *gateway, api string) string {
	w := g.world.Load()
	model := config.Demo
	if list := w.routes.List(); a.configPath() != "" && len(list) > 0 {
		model = list[0].ID
	}
	name, _ := json.Marshal(model) // a string always encodes
	body := `{"model":` + string(name) + `,"messages":[{"role":"user","content":"hi"}]}`
	return "curl " + api + "/v1/chat/completions -H 'content-type: application/json'" + a.keyFlag(w.config) + " -d " + shellWord(body)
}

// keyFlag shows curl a key that it makes, where keys are required.
func (a *app) keyFlag(c *config.Config) string {
	if c.Keys != config.KeysRequired {
		return ""
	}
	command := shellWord(os.Args[0]) + " keys create"
	if path := a.configPath(); path != "" {
		command += " -c " + shellWord(path)
	}
	return ` -H "authorization: Bearer $(` + command + ` --name me)"`
}

// shellWord is one word of a shell's command line.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
