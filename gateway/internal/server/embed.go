package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/similar"
)

// embeddingsPath is where requests for embeddings arrive.
const embeddingsPath = "/v1/embeddings"

// embed asks a model for the vector of a text, in a request of its own by the same caller:
// its policy, limits and costs are those of any other, and it has a record of its own.
func (s *Server) embed(ctx context.Context, asker *llm.Request, model, text string) ([]float32, error) {
	body, err := json.Marshal(map[string]string{"model": model, "input": text, "encoding_format": "float"})
	if err != nil {
		return nil, err
	}
	id := asker.ID + "-embed"
	format, _ := formats{s}.Open(embeddingsPath, nil, id)
	req, err := format.Request(ctx, llm.Incoming{RequestID: id, Path: embeddingsPath, Body: body, Received: time.Now()})
	if err != nil {
		return nil, err
	}
	req.ID, req.Principal, req.IP, req.Received, req.Priority = id, asker.Principal, asker.IP, time.Now(), asker.Priority
	req.Demands = asker.Demands
	req.Tags, req.Hold = asker.Tags, func(int64) error { return nil } // a vector is small
	var reply vectorReply
	if err := s.serve(ctx, req, format.Writer(ctx, &reply)); err != nil {
		return nil, err
	}
	return similar.ParseEmbedding(reply.body)
}

// vectorReply is a writer that keeps a reply.
type vectorReply struct{ body []byte }

// Start implements llm.Writer.
func (r *vectorReply) Start(llm.Head) error { return nil }

// Event implements llm.Writer.
func (r *vectorReply) Event(e llm.Event) error {
	if len(r.body)+len(e.Frame) > similar.MaxEmbedding {
		return &llm.Error{Code: llm.CodeInternal, Status: http.StatusBadGateway, Message: "The embedding is too large."}
	}
	r.body = append(r.body, e.Frame...)
	return nil
}

// KeepAlive implements llm.Writer.
func (r *vectorReply) KeepAlive(llm.Head) (bool, error) { return false, nil }
