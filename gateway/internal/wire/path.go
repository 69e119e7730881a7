package wire

import "github.com/penstock/penstock/gateway/internal/llm"

// PathOf returns a path at which clients send requests of an endpoint in a dialect. The model
// and whether a stream is wanted matter in formats whose paths say so. It reports false when
// no row of the table has both.
func PathOf(e llm.Endpoint, d llm.Dialect, model string, stream bool) (string, bool) {
	for _, f := range Formats {
		if f.Endpoint != e || f.Dialect != d {
			continue
		}
		if len(f.Paths) > 0 {
			return f.Paths[0], true
		}
		for _, method := range [...]string{"generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"} {
			path := "/v1beta/models/" + model + ":" + method
			if _, streams, ok := f.target(path); ok && streams == stream {
				return path, true
			}
		}
	}
	return "", false
}
