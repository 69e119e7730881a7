package config

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Demo is the name of the built-in provider. It is always there and cannot be
// configured; "demo/demo" may be in any list of targets.
const Demo = "demo"

// Known describes a well-known provider. Its Name is also the provider's name in the
// catalogue.
type Known struct {
	Name    string
	Dialect llm.Dialect
	// Also are further wire formats that it speaks at the same address.
	Also    []llm.Dialect
	BaseURL string
	// Other are the addresses at which it speaks other wire formats.
	Other map[llm.Dialect]string
	// Env are the environment variables that may hold the key, the usual one first. A
	// provider without any needs no key.
	Env []string
	// Private marks a provider that runs on the user's own machine.
	Private bool
	// Probed marks a private one that discovery looks for at its usual port.
	Probed bool
	// URLForm is what the address looks like of a provider that has none for everybody; then
	// BaseURL is empty.
	URLForm string
}

// KnownProviders returns the providers that need only a key, in the order of discovery.
func KnownProviders() []Known {
	hosted := func(name, url string, env ...string) Known {
		return Known{Name: name, Dialect: llm.OpenAI, BaseURL: url, Env: env}
	}
	local := func(name string, port int) Known {
		return Known{Name: name, Dialect: llm.OpenAI, BaseURL: fmt.Sprintf("http://127.0.0.1:%d/v1", port), Private: true}
	}
	withResponses := func(k Known) Known {
		k.Also = append(k.Also, llm.Responses)
		return k
	}
	// For all their models, and without a switch to another address. OpenAI and Azure have
	// completions for a few models only, DeepSeek at its beta address, Alibaba for its coders.
	withCompletions := func(k Known) Known {
		k.Also = append(k.Also, llm.Completions)
		return k
	}
	return []Known{
		withResponses(hosted("openai", "https://api.openai.com/v1", "OPENAI_API_KEY")),
		{Name: "anthropic", Dialect: llm.Anthropic, BaseURL: "https://api.anthropic.com/v1", Env: []string{"ANTHROPIC_API_KEY"}},
		{Name: "gemini", Dialect: llm.Gemini, BaseURL: "https://generativelanguage.googleapis.com/v1beta", Env: []string{"GEMINI_API_KEY", "GOOGLE_API_KEY"},
			Other: map[llm.Dialect]string{llm.OpenAI: "https://generativelanguage.googleapis.com/v1beta/openai"}},
		hosted("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
		withResponses(hosted("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY")),
		withResponses(hosted("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY")),
		withResponses(withCompletions(hosted("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"))),
		withResponses(hosted("xai", "https://api.x.ai/v1", "XAI_API_KEY")),
		withCompletions(hosted("together", "https://api.together.xyz/v1", "TOGETHER_API_KEY")),
		withCompletions(hosted("fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY")),
		withCompletions(hosted("cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY")),
		hosted("perplexity", "https://api.perplexity.ai", "PERPLEXITY_API_KEY"),
		{Name: "cohere", Dialect: llm.Cohere, BaseURL: "https://api.cohere.com/v2", Env: []string{"COHERE_API_KEY", "CO_API_KEY"},
			Other: map[llm.Dialect]string{llm.OpenAI: "https://api.cohere.ai/compatibility/v1"}},
		withCompletions(hosted("deepinfra", "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY")),
		hosted("moonshot", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"),
		hosted("zai", "https://api.z.ai/api/paas/v4", "ZAI_API_KEY", "ZHIPU_API_KEY"),
		hosted("alibaba", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),
		{Name: "minimax", Dialect: llm.OpenAI, BaseURL: "https://api.minimax.io/v1", Env: []string{"MINIMAX_API_KEY"},
			Other: map[llm.Dialect]string{llm.Anthropic: "https://api.minimax.io/anthropic/v1"}},
		hosted("sambanova", "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
		hosted("nvidia", "https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY"),
		hosted("github-models", "https://models.github.ai/inference", "GITHUB_MODELS_TOKEN", "GITHUB_TOKEN"),
		hosted("voyage", "https://api.voyageai.com/v1", "VOYAGE_API_KEY"),
		withCompletions(hosted("nebius", "https://api.tokenfactory.nebius.com/v1", "NEBIUS_API_KEY")),
		withResponses(hosted("huggingface", "https://router.huggingface.co/v1", "HF_TOKEN")),
		withCompletions(Known{Name: "ollama", Dialect: llm.OpenAI, BaseURL: "http://127.0.0.1:11434/v1", Private: true, Probed: true,
			Other: map[llm.Dialect]string{llm.Ollama: "http://127.0.0.1:11434/api"}}),
		withCompletions(local("vllm", 8000)),
		withCompletions(local("llamacpp", 8080)),
		withCompletions(local("lmstudio", 1234)),
		withCompletions(local("sglang", 30000)),
		withCompletions(local("tgi", 3000)),
		withResponses(Known{Name: azure, Dialect: llm.OpenAI, Env: []string{"AZURE_OPENAI_API_KEY", "AZURE_API_KEY"},
			URLForm: "https://RESOURCE.openai.azure.com/openai/v1"}),
	}
}

// known finds a well-known provider by name; else by address; else, where there is no
// address, by the dialect that has its name.
func known(name string, p Provider) (Known, bool) {
	all := KnownProviders()
	match := func(ok func(Known) bool) (Known, bool) {
		i := slices.IndexFunc(all, ok)
		if i < 0 {
			return Known{}, false
		}
		return all[i], true
	}
	if k, ok := match(func(k Known) bool { return k.Name == name }); ok {
		return k, true
	}
	if p.BaseURL != "" {
		return match(func(k Known) bool { return k.isAt(p.BaseURL) || k.Name == azure && p.AtAzure() })
	}
	return match(func(k Known) bool { return p.Dialect != "" && k.Name == string(p.Dialect) })
}

// azure is the well-known provider whose address is one of many.
const azure = "azure"

// AtAzure reports whether the provider is a resource of Azure OpenAI, which has the key in a
// header of its own.
func (p *Provider) AtAzure() bool {
	u, err := url.Parse(p.BaseURL)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	for _, domain := range [...]string{".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com"} {
		if strings.HasSuffix(host, domain) {
			return true
		}
	}
	return false
}

// APIVersion is a date such as 2024-10-21, or one with -preview behind it.
type APIVersion string

func (v *APIVersion) set(s string) error {
	if s == "" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" {
		return &hintedError{fmt.Sprintf("invalid API version %q", s), "write a date as Azure has it, such as 2024-10-21"}
	}
	*v = APIVersion(s)
	return nil
}

// isAt reports whether an address is one of the provider's.
func (k *Known) isAt(url string) bool {
	url = strings.TrimRight(url, "/")
	return url != "" && url == k.BaseURL || slices.Contains(slices.Collect(maps.Values(k.Other)), url)
}

// dialectAt is what the provider speaks at an address.
func (k *Known) dialectAt(url string) llm.Dialect {
	for dialect, other := range k.Other {
		if other == strings.TrimRight(url, "/") {
			return dialect
		}
	}
	return k.Dialect
}

// fill completes a provider with the settings of a well-known one.
func (p *Provider) fill(k Known) {
	if p.Dialect == "" {
		p.Dialect = k.dialectAt(p.BaseURL)
	}
	if p.BaseURL == "" {
		p.BaseURL = cmp.Or(k.Other[p.Dialect], k.BaseURL)
		p.AllowPrivate = p.AllowPrivate || k.Private
	}
	if p.Also == nil && p.Dialect == k.Dialect && p.APIVersion == "" {
		p.Also = k.Also
	}
	if p.Catalog == "" {
		p.Catalog = k.Name
	}
}
