package config

import (
	"strings"
	"testing"
)

// TestAzure knows a resource of Azure by its address, and asks for that.
func TestAzure(t *testing.T) {
	c := parseText(t, "providers:\n  cloud: {base_url: 'https://r.openai.azure.com/openai/v1', api_key: env:OPENAI_API_KEY}\n  other: {base_url: 'https://openai.azure.com.example.com/v1', api_key: env:OPENAI_API_KEY}\n")
	if p := c.Providers["cloud"]; p.Catalog != "azure" || !p.AtAzure() || len(p.Also) != 1 {
		t.Errorf("cloud = %+v", p)
	}
	if p := c.Providers["other"]; p.Catalog != "" || p.AtAzure() {
		t.Errorf("other = %+v", p)
	}
	_, err := Parse("penstock.yaml", []byte("providers: {azure: {api_key: env:KEY}}"), func(string) string { return "secret-0123" })
	if f, ok := err.(Faults); !ok || len(f) != 1 || f[0].Hint != "write base_url: https://RESOURCE.openai.azure.com/openai/v1" {
		t.Errorf("azure without an address: %v", err)
	}
}

func TestAPIVersion(t *testing.T) {
	const azure = "providers: {azure: {api_key: env:OPENAI_API_KEY, base_url: 'https://r.openai.azure.com/openai', "
	if p := parseText(t, azure+"api_version: 2024-10-21}}").Providers["azure"]; p.APIVersion != "2024-10-21" || len(p.Also) != 0 {
		t.Errorf("azure = %+v", p)
	}
	for settings, want := range map[string]string{
		"api_version: 'a&b'}}":                          "providers.azure.api_version: invalid API version",
		"api_version: 2024-10-21, dialect: anthropic}}": "providers.azure.api_version: only providers with the dialect openai",
	} {
		_, err := Parse("penstock.yaml", []byte(azure+settings), func(string) string { return "secret-0123" })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", settings, err, want)
		}
	}
}
