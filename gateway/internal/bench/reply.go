package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// endText ends every text of the mock, which shows in any dialect that a reply is complete.
const endText = "and that is all there is to say about it."

// doneFrame ends a complete OpenAI stream.
const doneFrame = "data: [DONE]\n\n"

// streamChunks is how many chunks one streamed reply has, before usage and [DONE].
const streamChunks = 20

// pacedChunks is how many chunks a paced reply has, streamPause the pause between them,
// about that of a hosted model.
const (
	pacedChunks = 64
	streamPause = 20 * time.Millisecond
)

// canned holds every reply of the mock, framing included.
type canned struct {
	chat      []byte
	messages  []byte
	models    []byte
	notFound  []byte
	stream    [][]byte
	paced     [][]byte
	usage     []byte
	streamEnd []byte
	events    [][]byte
}

func newCanned() *canned {
	return &canned{
		chat:      whole("200 OK", chatReply()),
		messages:  whole("200 OK", messagesReply()),
		models:    whole("200 OK", `{"object":"list","data":[{"id":"bench","object":"model","created":1767225600,"owned_by":"bench"}]}`),
		notFound:  whole("404 Not Found", `{"error":{"message":"the mock has no such path","type":"invalid_request_error","param":null,"code":null}}`),
		stream:    chunked(chatFrames(streamChunks)),
		paced:     chunked(pacedFrames()),
		usage:     chunk(usageFrame()),
		streamEnd: append(chunk(doneFrame), "0\r\n\r\n"...),
		events:    terminated(chunked(messageEvents())),
	}
}

// prose returns an English text of about n bytes that ends in endText.
func prose(n int) string {
	const sentence = "The gateway weighs what each model costs, how fast it answers and how often it fails; "
	return strings.Repeat(sentence, max(0, n-len(endText))/len(sentence)+1) + endText
}

// quote returns s as a JSON string.
func quote(s string) string {
	b, _ := json.Marshal(s) // a string always marshals
	return string(b)
}

// chatReply returns an OpenAI chat completion of about 1.6 KB.
func chatReply() string {
	return `{"id":"chatcmpl-bench0123456789abcdefghij","object":"chat.completion","created":1767225600,"model":"bench-1",` +
		`"choices":[{"index":0,"message":{"role":"assistant","content":` + quote(prose(1050)) +
		`,"refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":412,"completion_tokens":230,"total_tokens":642,` +
		`"prompt_tokens_details":{"cached_tokens":128,"audio_tokens":0},` +
		`"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},` +
		`"service_tier":"default","system_fingerprint":"fp_bench00001"}` + "\n"
}

// chatFrames returns the frames of a streamed chat completion up to its finish.
func chatFrames(chunks int) []string {
	frames := []string{chatFrame(`{"role":"assistant","content":"","refusal":null}`, "null")}
	for range chunks - 3 {
		frames = append(frames, chatFrame(`{"content":" a few words of the reply"}`, "null"))
	}
	frames = append(frames, chatFrame(`{"content":`+quote(" "+endText)+`}`, "null"))
	return append(frames, chatFrame(`{}`, `"stop"`))
}

// pacedFrames returns the frames of a paced stream. The frame with the role is sent with
// the first words, as hosted models do: a gateway holds it back until there is content, and
// the time to the first byte is to be the time to the first words for every target.
func pacedFrames() []string {
	frames := chatFrames(pacedChunks)
	return append([]string{frames[0] + frames[1]}, frames[2:]...)
}

func chatFrame(delta, finish string) string {
	return `data: {"id":"chatcmpl-bench0123456789abcdefghij","object":"chat.completion.chunk","created":1767225600,` +
		`"model":"bench-1","service_tier":"default","system_fingerprint":"fp_bench00001",` +
		`"choices":[{"index":0,"delta":` + delta + `,"logprobs":null,"finish_reason":` + finish + `}]}` + "\n\n"
}

// usageFrame returns the extra chunk that stream_options.include_usage asks for.
func usageFrame() string {
	return `data: {"id":"chatcmpl-bench0123456789abcdefghij","object":"chat.completion.chunk","created":1767225600,` +
		`"model":"bench-1","service_tier":"default","system_fingerprint":"fp_bench00001","choices":[],` +
		`"usage":{"prompt_tokens":412,"completion_tokens":120,"total_tokens":532,` +
		`"prompt_tokens_details":{"cached_tokens":128,"audio_tokens":0}}}` + "\n\n"
}

// messagesReply returns an Anthropic message with the same text as chatReply.
func messagesReply() string {
	return `{"id":"msg_bench0123456789abcdefghij","type":"message","role":"assistant","model":"bench-1",` +
		`"content":[{"type":"text","text":` + quote(prose(1050)) + `}],` +
		`"stop_reason":"end_turn","stop_sequence":null,` +
		`"usage":{"input_tokens":284,"cache_creation_input_tokens":0,"cache_read_input_tokens":128,` +
		`"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},` +
		`"output_tokens":230,"service_tier":"standard"}}`
}

// messageEvents returns the events of a streamed Anthropic message.
func messageEvents() []string {
	events := []string{
		event("message_start", `{"type":"message_start","message":{"id":"msg_bench0123456789abcdefghij","type":"message","role":"assistant",`+
			`"model":"bench-1","content":[],"stop_reason":null,"stop_sequence":null,`+
			`"usage":{"input_tokens":284,"cache_creation_input_tokens":0,"cache_read_input_tokens":128,"output_tokens":1}}}`),
		event("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`),
		event("ping", `{"type":"ping"}`),
	}
	for range streamChunks - 1 {
		events = append(events, textDelta(" a few words of the reply"))
	}
	return append(events,
		textDelta(" "+endText),
		event("content_block_stop", `{"type":"content_block_stop","index":0}`),
		event("message_delta", `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":120}}`),
		event("message_stop", `{"type":"message_stop"}`))
}

func textDelta(text string) string {
	return event("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":`+quote(text)+`}}`)
}

func event(name, data string) string {
	return "event: " + name + "\ndata: " + data + "\n\n"
}

// whole returns an HTTP reply with a JSON body.
func whole(status, body string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"+
		"X-Request-Id: req_bench0123456789\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

// streamHead precedes a streamed reply's chunks.
const streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n" +
	"Cache-Control: no-cache\r\nX-Request-Id: req_bench0123456789\r\nTransfer-Encoding: chunked\r\n\r\n"

// chunked returns each frame as an HTTP chunk; the head is part of the first, as when a
// server flushes its first event.
func chunked(frames []string) [][]byte {
	var chunks [][]byte
	for _, f := range frames {
		chunks = append(chunks, chunk(f))
	}
	chunks[0] = append([]byte(streamHead), chunks[0]...)
	return chunks
}

func chunk(frame string) []byte {
	return fmt.Appendf(nil, "%x\r\n%s\r\n", len(frame), frame)
}

// terminated adds the empty chunk that ends the body.
func terminated(chunks [][]byte) [][]byte {
	last := len(chunks) - 1
	chunks[last] = append(chunks[last], "0\r\n\r\n"...)
	return chunks
}
