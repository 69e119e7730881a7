package llmtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Replaying answers with the recording whose name in all the request has as its model. A
// request for another model, at another endpoint than the recorded one, or for a stream
// where a plain reply was recorded, is answered with status 421, which is no provider's:
// then the gateway has asked wrongly.
func Replaying(all map[string]*Recorded) Step {
	return func(x *Exchange) {
		name, stream, err := askedFor(x.R)
		r := all[name]
		switch {
		case err != nil:
		case r == nil:
			err = fmt.Errorf("no recording is named %q", name)
		case !strings.HasSuffix(x.R.URL.Path, r.endpointPath()):
			err = fmt.Errorf("%s was recorded at %s, not at %s", r.Path, r.endpointPath(), x.R.URL.Path)
		case stream != r.Stream:
			err = fmt.Errorf("%s was recorded with stream %t", r.Path, r.Stream)
		}
		if err != nil {
			JSON(http.StatusMisdirectedRequest, OpenAIError("replay_error", "replay", err.Error()))(x)
			return
		}
		Replay(r, uint64(len(r.Body)))(x)
	}
}

// endpointPath is how the path of the recorded endpoint ends.
func (r *Recorded) endpointPath() string {
	switch r.Endpoint {
	case "chat.completions":
		return "/chat/completions"
	case "generateContent", "streamGenerateContent":
		return ":" + r.Endpoint
	case "cohere.chat", "ollama.chat":
		return "/chat"
	}
	return "/" + r.Endpoint
}

// askedFor reads what model a request asks for, which is in the body or, at Google's, in
// the path, and whether the reply is to be a stream.
func askedFor(r *http.Request) (model string, stream bool, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", false, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var in struct {
		Model  string
		Stream bool
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return "", false, fmt.Errorf("request at %s: %w", r.URL.Path, err)
	}
	if name, verb, ok := strings.Cut(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], ":"); ok {
		return name, verb == "streamGenerateContent", nil
	}
	return in.Model, in.Stream, nil
}
