package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestProviderProxy(t *testing.T) {
	env := map[string]string{"PROXY": "http://u:canary@proxy.example:3128", "ODD": "canary.example:3128"}
	for text, want := range map[string]string{
		"http://10.0.0.1:3128":          "",
		"socks5://proxy.example":        "",
		"none":                          "",
		"env:PROXY":                     "",
		"http://u:canary@proxy.example": "a secret must not be in the file itself",
		"env:ODD":                       "must be the address of a proxy",
		"ftp://proxy.example":           "must be the address of a proxy",
		"http://proxy.example/path":     "must be the address of a proxy",
		"yes":                           "must be the address of a proxy",
	} {
		c, err := Parse("penstock.yaml", []byte("providers: {openai: {api_key: env:PROXY, proxy: '"+text+"'}}"), func(name string) string { return env[name] })
		if got := fmt.Sprint(err); (want == "") != (err == nil) || !strings.Contains(got, want) || strings.Contains(got, "canary") {
			t.Errorf("proxy: %s: %v, want %q", text, err, want)
		}
		if c != nil && strings.Contains(fmt.Sprintf("%v %+v %#v", c.Providers, c.Providers, c.Providers), "canary") {
			t.Error("a proxy's password shows")
		}
	}
}
