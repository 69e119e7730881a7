package wire

import (
	"cmp"
	"slices"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// purpose is what vectors are for, in the words of the APIs that want to know it: Gemini's
// taskType, Cohere's and Voyage's input_type. A word is empty where there is none.
type purpose struct{ gemini, cohere, voyage string }

// purposes are those that more than one API knows, or only Gemini; of several with the same
// word the first counts. At Gemini's, questions and claims are for search among documents.
// Sources: ai.google.dev/gemini-api/docs/embeddings, docs.cohere.com/reference/embed,
// docs.voyageai.com/reference/embeddings-api.
var purposes = []purpose{
	{"RETRIEVAL_QUERY", "search_query", "query"},
	{"RETRIEVAL_DOCUMENT", "search_document", "document"},
	{"CLASSIFICATION", "classification", ""},
	{"CLUSTERING", "clustering", ""},
	{"QUESTION_ANSWERING", "search_query", "query"},
	{"FACT_VERIFICATION", "search_query", "query"},
	{"CODE_RETRIEVAL_QUERY", "search_query", "query"},
	{"SEMANTIC_SIMILARITY", "", ""},
}

// purposeOf finds a purpose by the word of any API; nil for a word of none.
func purposeOf(word string) *purpose {
	for i := range purposes {
		if p := &purposes[i]; word != "" && (word == p.gemini || word == p.cohere || word == p.voyage) {
			return p
		}
	}
	return nil
}

// purposeAs is an API's own word for a purpose; empty if it has none, and the word itself if
// no API is known to have it.
func purposeAs(word string, api func(*purpose) string) string {
	if p := purposeOf(word); p != nil {
		return api(p)
	}
	return word
}

// embeddingDeviation is how a provider that speaks OpenAI's embeddings differs from it.
type embeddingDeviation struct {
	requestDeviation
	// path is where its endpoint is; empty for the usual one.
	path string
	// encodings are the values of encoding_format that it refuses. The gateway encodes vectors
	// itself, so nothing is lost.
	encodings []string
	// purpose is its word for what vectors are for; nil if it takes any, or input_type not at all.
	purpose func(*purpose) string
}

// embeddingDeviations are by the provider's name in the catalog. Sources: the providers' API
// references, and OpenAI's API description, which has neither input_type nor metadata.
var embeddingDeviations = map[string]embeddingDeviation{
	"openai":  {requestDeviation: requestDeviation{refused: refusals("input_type,metadata")}},
	"mistral": {requestDeviation: requestDeviation{refused: refusals("input_type,user"), renamed: map[string]string{"dimensions": "output_dimension"}}},
	"voyage": {requestDeviation: requestDeviation{refused: refusals("metadata,user"), renamed: map[string]string{"dimensions": "output_dimension"}},
		encodings: []string{"float"}, purpose: func(p *purpose) string { return p.voyage }},
	"perplexity": {requestDeviation: requestDeviation{refused: refusals("input_type,metadata,user")}, encodings: []string{"float", base64Format},
		path: "/v1/embeddings"}, // its chat has no /v1
}

// openAIEmbeddings is a call in OpenAI's format.
func openAIEmbeddings(t *llm.Target, body []byte) llm.Call {
	return openAICall(t, cmp.Or(embeddingDeviations[t.Catalog].path, "/embeddings"), body)
}

// nameOf is the provider's name for a member.
func (d *embeddingDeviation) nameOf(member string) string {
	if own := d.renamed[member]; own != "" {
		return own
	}
	return member
}

// patchedEmbeddings is the client's body with what must differ at the target: the model's
// name, and what its provider calls otherwise or refuses, which is noted in x.Dropped.
func patchedEmbeddings(x *llm.Exchange) []byte {
	body := apply(x.Sent.Body, setModel(nil, x))
	x.Dropped = nil
	d, ok := embeddingDeviations[x.Target.Catalog]
	if !ok {
		return body
	}
	body, lost := d.adaptValues(body)
	body, x.Dropped = d.adapt(body)
	x.Dropped = append(x.Dropped, lost...)
	slices.Sort(x.Dropped)
	return body
}

// adaptValues gives a body the provider's own values, or takes members out whose values have
// no equivalent, and returns the names of those that meant something.
func (d *embeddingDeviation) adaptValues(body []byte) (adapted []byte, dropped []string) {
	members := membersOf(body, 0)
	var edits []edit
	var out []refusal
	for _, m := range members {
		value, ok := jsontext.Unquote(body[m.value:m.end])
		switch {
		case !ok:
		case m.name == "encoding_format" && slices.Contains(d.encodings, value):
			out = append(out, refusal{name: m.name})
		case m.name == "input_type" && d.purpose != nil:
			word := purposeAs(value, d.purpose)
			if word == "" {
				out, dropped = append(out, refusal{name: m.name}), append(dropped, m.name)
			} else if word != value {
				edits = append(edits, edit{llm.Span{Start: m.value, End: m.end}, jsontext.AppendQuote(nil, word)})
			}
		}
	}
	removed, _ := leaveOut(body, members, out, "")
	return apply(body, append(edits, removed...)), dropped
}
