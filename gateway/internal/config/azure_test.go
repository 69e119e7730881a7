package config

import "testing"

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
