package dashboard

import (
	"strconv"
	"strings"
)

// clientSnippet is how one client uses a key.
type clientSnippet struct{ Name, Text string }

// clientNames are the clients of clientSnippets, in their order.
func clientNames() []string {
	return []string{"OpenAI Python", "Anthropic Python", "Gemini Python", "Claude Code", "Codex"}
}

// clientSnippets returns how clients use a key of a gateway whose base URL ends in /v1.
func clientSnippets(base, key, model string) []clientSnippet {
	root := strings.TrimSuffix(base, "/v1")
	texts := []string{
		`from openai import OpenAI

client = OpenAI(base_url={BASE}, api_key={KEY})
reply = client.chat.completions.create(model={MODEL}, messages=[{"role": "user", "content": "hi"}])
print(reply.choices[0].message.content)
`, `from anthropic import Anthropic

client = Anthropic(base_url={ROOT}, api_key={KEY})
reply = client.messages.create(model={MODEL}, max_tokens=256, messages=[{"role": "user", "content": "hi"}])
print(reply.content[0].text)
`, `from google import genai

client = genai.Client(api_key={KEY}, http_options={"base_url": {ROOT}})
print(client.models.generate_content(model={MODEL}, contents="hi").text)
`, `export ANTHROPIC_BASE_URL={ROOT}
export ANTHROPIC_AUTH_TOKEN={KEY}
export ANTHROPIC_MODEL={MODEL} ANTHROPIC_DEFAULT_HAIKU_MODEL={MODEL}
export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1
claude
`, `export PENSTOCK_KEY={KEY}

# ~/.codex/config.toml
model = {MODEL}
model_provider = "penstock"

[model_providers.penstock]
name = "Penstock"
base_url = {BASE}
env_key = "PENSTOCK_KEY"
wire_api = "responses"
`}
	fill := strings.NewReplacer("{BASE}", strconv.Quote(base), "{ROOT}", strconv.Quote(root), "{KEY}", strconv.Quote(key), "{MODEL}", strconv.Quote(model))
	var list []clientSnippet
	for i, name := range clientNames() {
		list = append(list, clientSnippet{name, fill.Replace(texts[i])})
	}
	return list
}
