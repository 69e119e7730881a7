// A request of the playground as code, with the key in PENSTOCK_API_KEY.

export function snippet(language, request, base) {
  return writers[language](request, base);
}

const quote = JSON.stringify;
const json = (v) => JSON.stringify(v, null, 2);
// The arguments of a call, one a line.
const members = (r, join, indent) => Object.entries(r).map(([k, v]) => `${indent}${k}${join}${quote(v)},`).join("\n");

const writers = {
  curl: (r, base) => `curl ${base}/chat/completions \\
  -H "Authorization: Bearer $PENSTOCK_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '${json({ ...r, stream: true }).replaceAll("'", `'\\''`)}'
`,
  Python: (r, base) => `import os
from openai import OpenAI

client = OpenAI(base_url=${quote(base)}, api_key=os.environ["PENSTOCK_API_KEY"])
stream = client.chat.completions.create(
${members(r, "=", "    ")}
    stream=True,
)
for event in stream:
    if event.choices:
        print(event.choices[0].delta.content or "", end="", flush=True)
`,
  TypeScript: (r, base) => `import OpenAI from "openai";

const client = new OpenAI({ baseURL: ${quote(base)}, apiKey: process.env.PENSTOCK_API_KEY });
const stream = await client.chat.completions.create({
${members(r, ": ", "  ")}
  stream: true,
});
for await (const event of stream) {
  process.stdout.write(event.choices[0]?.delta?.content ?? "");
}
`,
  Go: (r, base) => `package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

func main() {
	client := openai.NewClient(option.WithBaseURL(${quote(base)}), option.WithAPIKey(os.Getenv("PENSTOCK_API_KEY")))
	stream := client.Chat.Completions.NewStreaming(context.Background(), openai.ChatCompletionNewParams{
${goParams(r)}
	})
	for stream.Next() {
		if choices := stream.Current().Choices; len(choices) > 0 {
			fmt.Print(choices[0].Delta.Content)
		}
	}
	if err := stream.Err(); err != nil {
		log.Fatal(err)
	}
}
`,
};

function goParams(r) {
  const lines = [`Model: ${quote(r.model)},`, "Messages: []openai.ChatCompletionMessageParamUnion{", ...r.messages.map((m) => `	openai.${m.role === "system" ? "System" : "User"}Message(${goContent(m.content)}),`), "},"];
  if (r.temperature !== undefined) lines.push(`Temperature: openai.Float(${r.temperature}),`);
  if (r.max_completion_tokens) lines.push(`MaxCompletionTokens: openai.Int(${r.max_completion_tokens}),`);
  if (r.reasoning_effort) lines.push(`ReasoningEffort: ${quote(r.reasoning_effort)},`);
  return lines.map((line) => "\t\t" + line).join("\n");
}

function goContent(content) {
  if (typeof content === "string") return quote(content);
  return `[]openai.ChatCompletionContentPartUnionParam{
			openai.TextContentPart(${quote(content[0].text)}),
			openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: ${quote(content[1].image_url.url)}}),
		}`;
}
