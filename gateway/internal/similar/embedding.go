package similar

import (
	"encoding/json"
	"errors"
	"fmt"
)

// MaxEmbedding is the longest reply with an embedding, in bytes.
const MaxEmbedding = 4 << 20

// ParseEmbedding reads the vector of one text from a reply in the format of OpenAI's
// embeddings.
func ParseEmbedding(body []byte) ([]float32, error) {
	var reply struct {
		Data []struct{ Embedding []float32 }
	}
	if err := json.Unmarshal(body, &reply); err != nil {
		return nil, fmt.Errorf("read the embedding: %w", err)
	}
	if len(reply.Data) != 1 || len(reply.Data[0].Embedding) == 0 {
		return nil, errors.New("the reply has no embedding")
	}
	return reply.Data[0].Embedding, nil
}
