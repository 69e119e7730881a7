package server

// clientDialect is how the clients of one format ask a model, whose name stands for %s.
type clientDialect struct{ path, plain, stream string }

var clientDialects = map[string]clientDialect{
	"chat": {path: "/chat/completions", plain: `{"model":"%s","messages":[{"role":"user","content":"hi"}]}`,
		stream: `{"model":"%s","stream":true,"messages":[{"role":"user","content":"hi"}]}`},
	"messages": {path: "/messages", plain: `{"model":"%s","max_tokens":99,"messages":[{"role":"user","content":"hi"}]}`,
		stream: `{"model":"%s","max_tokens":99,"stream":true,"messages":[{"role":"user","content":"hi"}]}`},
	"responses": {path: "/responses", plain: `{"model":"%s","input":"hi"}`, stream: `{"model":"%s","stream":true,"input":"hi"}`},
}

// geminiBody is what Google's clients send; the path names the model and asks for a stream.
const geminiBody = `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`
