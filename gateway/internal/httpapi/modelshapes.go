package httpapi

import (
	"net/http"
	"time"
)

// anthropicModel is a Model in the form of https://docs.anthropic.com/en/api/models-list.
type anthropicModel struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	DisplayName string `json:"display_name"`
	CreatedAt   string `json:"created_at"`
	MaxInput    int64  `json:"max_input_tokens,omitempty"`
	MaxOutput   int64  `json:"max_tokens,omitempty"`
}

func anthropicModelOf(m Model) anthropicModel {
	created := m.Created
	if created.IsZero() {
		created = time.Unix(0, 0) // the API's own word for an unknown date
	}
	return anthropicModel{Type: "model", ID: m.ID, DisplayName: m.ID, CreatedAt: created.UTC().Format(time.RFC3339),
		MaxInput: m.Context, MaxOutput: m.MaxOutput}
}

// anthropicModels sends the page of a list that limit, after_id and before_id ask for.
func (x *exchange) anthropicModels(list []Model) error {
	query := x.r.URL.Query()
	limit, err := x.pageSize(query, "limit", 20)
	if err != nil {
		return err
	}
	page := struct {
		Data    []anthropicModel `json:"data"`
		HasMore bool             `json:"has_more"`
		FirstID *string          `json:"first_id"`
		LastID  *string          `json:"last_id"`
	}{Data: []anthropicModel{}}
	if before := query.Get("before_id"); before != "" {
		list = list[:max(position(list, before), 0)]
		page.HasMore = len(list) > limit
		list = list[max(len(list)-limit, 0):]
	} else {
		if after := query.Get("after_id"); after != "" {
			list = following(list, after)
		}
		page.HasMore = len(list) > limit
		list = list[:min(limit, len(list))]
	}
	for _, m := range list {
		page.Data = append(page.Data, anthropicModelOf(m))
	}
	if n := len(list); n > 0 {
		page.FirstID, page.LastID = &list[0].ID, &list[n-1].ID
	}
	return x.json(http.StatusOK, page)
}

// following are the models after one; none if it is not in the list.
func following(list []Model, id string) []Model {
	i := position(list, id)
	if i < 0 {
		return nil
	}
	return list[i+1:]
}

// geminiModel is a Model in the form of https://ai.google.dev/api/models.
type geminiModel struct {
	Name        string   `json:"name"`
	DisplayName string   `json:"displayName"`
	MaxInput    int64    `json:"inputTokenLimit,omitempty"`
	MaxOutput   int64    `json:"outputTokenLimit,omitempty"`
	Methods     []string `json:"supportedGenerationMethods"`
}

func geminiModelOf(m Model) geminiModel {
	return geminiModel{Name: "models/" + m.ID, DisplayName: m.ID, MaxInput: m.Context, MaxOutput: m.MaxOutput,
		Methods: geminiMethods(m)}
}

// geminiMethods names what can be asked of a model, as Google names it: the streamed and the
// batched form of a method go without saying.
func geminiMethods(m Model) []string {
	methods := make([]string, 0, 3)
	if m.Chat {
		methods = append(methods, "generateContent")
	}
	if m.Embeds {
		methods = append(methods, "embedContent")
	}
	if len(methods) > 0 {
		methods = append(methods, "countTokens")
	}
	return methods
}

// geminiModels sends the page of a list that pageSize and pageToken ask for.
func (x *exchange) geminiModels(list []Model) error {
	query := x.r.URL.Query()
	size, err := x.pageSize(query, "pageSize", 50)
	if err != nil {
		return err
	}
	if after := query.Get("pageToken"); after != "" {
		list = following(list, after)
	}
	page := struct {
		Models []geminiModel `json:"models"`
		Next   string        `json:"nextPageToken,omitempty"`
	}{Models: []geminiModel{}}
	if len(list) > size {
		list = list[:size]
		page.Next = list[size-1].ID
	}
	for _, m := range list {
		page.Models = append(page.Models, geminiModelOf(m))
	}
	return x.json(http.StatusOK, page)
}
