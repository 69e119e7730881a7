package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// embedder gives each text the vector of its length and the model's number. A token counts for
// each byte of the texts.
type embedder struct {
	mu sync.Mutex
	// asked are the calls since the last take: the path's end and what vectors were asked for.
	asked []string
	// served is what the model calls itself, more how many numbers its vectors have beyond two.
	served string
	more   int
	// fails are models that do not answer, short are those that leave a vector out.
	fails, short map[string]bool
}

func (e *embedder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	model, list := gjson.GetBytes(body, "model").String(), gjson.GetBytes(body, "input")
	if requests := gjson.GetBytes(body, "requests"); requests.Exists() {
		list = gjson.GetBytes(body, "requests.#.content.parts.0.text")
	} else if one := gjson.GetBytes(body, "content.parts.0.text"); one.Exists() {
		list = gjson.Parse(`[` + one.Raw + `]`)
	}
	e.asked = append(e.asked, model+list.Raw)
	if list.Get("0").Type == gjson.Number { // one text as tokens
		list = gjson.Parse(`[` + list.Raw + `]`)
	}
	if e.fails[model] {
		http.Error(w, `{"error":{"message":"down"}}`, http.StatusInternalServerError)
		return
	}
	number, _ := json.Marshal(len(model))
	var data, values []string
	tokens := 0
	for i, text := range list.Array() {
		vector := fmt.Sprintf("[%d,%s%s]", len(text.String()), number, strings.Repeat(",0.5", e.more))
		data = append(data, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":%s}`, i, vector))
		values = append(values, `{"values":`+vector+`}`)
		tokens += len(text.String())
	}
	if e.short[model] {
		data = data[1:]
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, ":embedContent"):
		fmt.Fprintf(w, `{"embedding":%s}`, values[0])
	case strings.HasSuffix(r.URL.Path, ":batchEmbedContents"):
		fmt.Fprintf(w, `{"embeddings":[%s]}`, strings.Join(values, ","))
	default:
		fmt.Fprintf(w, `{"object":"list","data":[%s],"model":%q,"usage":{"prompt_tokens":%d,"total_tokens":%[3]d}}`, strings.Join(data, ","), e.served, tokens)
	}
}

// take returns the calls since the last take.
func (e *embedder) take() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := strings.Join(e.asked, " ")
	e.asked = nil
	return all
}

// set changes the embedder.
func (e *embedder) set(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
}

func openEmbedder(t *testing.T) (*testServer, *embedder) {
	t.Helper()
	up := &embedder{served: "served"}
	return openTestServer(t, up, `
keys: off
providers:
  up: {dialect: openai, base_url: $UPSTREAM, allow_private: true}
  google: {dialect: gemini, base_url: $UPSTREAM, allow_private: true}
models:
  m: {targets: [{target: up/one, price: {input: 1, output: 0}}], fallback: [{target: up/other, price: {input: 1, output: 0}}], retries: {attempts: 1}, cache: {ttl: 1h}}
  g: {targets: [{target: google/e, price: {input: 1, output: 0}}], retries: {attempts: 1}, cache: {ttl: 1h}}
ledger: "sqlite://:memory:"
`), up
}

// embedded is what a client sees of a reply, and what the ledger has of it.
type embedded struct {
	Cache, Asked, Vectors string
	Usage                 int64
	Saved                 llm.NanoUSD
}

// embed asks for embeddings. The vectors are given as they were encoded.
func (h *testServer) embed(t *testing.T, up *embedder, path, body string, header ...string) embedded {
	t.Helper()
	resp, got := h.postTo(t, path, body, header...)
	vectors, usage := gjson.GetBytes(got, "data.#.embedding"), gjson.GetBytes(got, "usage.prompt_tokens")
	if strings.HasPrefix(path, "/models/") {
		vectors, usage = gjson.GetBytes(got, "embeddings.#.values"), gjson.GetBytes(got, "usageMetadata.promptTokenCount")
	}
	if one := gjson.GetBytes(got, "embedding.values"); one.Exists() {
		vectors = one
	}
	if resp.StatusCode != 200 {
		t.Errorf("%s: %d %s", body, resp.StatusCode, got)
	}
	for i, index := range gjson.GetBytes(got, "data.#.index").Array() {
		if index.Int() != int64(i) {
			t.Errorf("vector %d has the index %s", i, index.Raw)
		}
	}
	rec, err := h.ledger.Get(t.Context(), resp.Header.Get("X-Penstock-Request-Id"))
	if err != nil {
		t.Fatal(err)
	}
	if state := resp.Header.Get("X-Penstock-Cache"); state != string(rec.Cache) {
		t.Errorf("the header says %s, the record %s", state, rec.Cache)
	}
	return embedded{string(rec.Cache), up.take(), vectors.Raw, usage.Int(), rec.Saved}
}

// step is a request for embeddings and what comes of it.
type step struct {
	path, body string
	want       embedded
}

func (h *testServer) steps(t *testing.T, up *embedder, steps ...step) {
	t.Helper()
	for _, s := range steps {
		if diff := cmp.Diff(s.want, h.embed(t, up, s.path, s.body)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", s.body, diff)
		}
	}
}

const oai = "/embeddings"

// TestBatchesReuseVectors asks for batches that have elements in common.
func TestBatchesReuseVectors(t *testing.T) {
	h, up := openEmbedder(t)
	h.steps(t, up,
		step{oai, `{"model":"m","input":["a","bb"]}`, embedded{"miss", `one["a","bb"]`, `[[1,3],[2,3]]`, 3, 0}},
		step{oai, `{"model":"m","input":["ccc","bb","a"]}`, embedded{"partial", `one["ccc"]`, `[[3,3],[2,3],[1,3]]`, 3, 3000}},
		step{oai, `{"input":["a","bb","ccc","a"],"model":"m","encoding_format":"base64"}`,
			embedded{"hit", ``, `["AACAPwAAQEA=","AAAAQAAAQEA=","AABAQAAAQEA=","AACAPwAAQEA="]`, 7, 7000}},
		step{oai, `{"model":"m","input":"bb","user":"u"}`, embedded{"hit", ``, `[[2,3]]`, 2, 2000}},
		step{oai, `{"model":"m","input":["d","d","d"]}`, embedded{"miss", `one["d"]`, `[[1,3],[1,3],[1,3]]`, 1, 0}},
		step{oai, `{"model":"m","input":["d","eeee","\u0064","eeee"],"encoding_format":"base64"}`,
			embedded{"partial", `one["eeee"]`, `["AACAPwAAQEA=","AACAQAAAQEA=","AACAPwAAQEA=","AACAQAAAQEA="]`, 4, 2000}},
		step{oai, `{"model":"m","input":["a"],"dimensions":2}`, embedded{"miss", `one["a"]`, `[[1,3]]`, 1, 0}},
		step{oai, `{"model":"m","input":["a"],"input_type":"query"}`, embedded{"miss", `one["a"]`, `[[1,3]]`, 1, 0}},
		step{oai, `{"model":"m","input":["a"],"output_dtype":"int8"}`, embedded{"miss", `one["a"]`, `[[1,3]]`, 1, 0}},
		step{oai, `{"model":"m","input":["a"],"output_dtype":"int8","encoding_format":"base64"}`, embedded{"miss", `one["a"]`, `["AACAPwAAQEA="]`, 1, 0}},
	)
}

// TestBatchesOfTokens has inputs that are lists of tokens.
func TestBatchesOfTokens(t *testing.T) {
	h, up := openEmbedder(t)
	h.steps(t, up,
		step{oai, `{"model":"m","input":[[1,2],[3]]}`, embedded{"miss", `one[[1,2],[3]]`, `[[5,3],[3,3]]`, 8, 0}},
		step{oai, `{"model":"m","input":[[4], [1, 2]]}`, embedded{"partial", `one[[4]]`, `[[3,3],[5,3]]`, 3, 5000}},
		step{oai, `{"model":"m","input":[1,2]}`, embedded{"hit", ``, `[[5,3]]`, 5, 5000}},
		step{oai, `{"model":"m","input":[11,12]}`, embedded{"miss", `one[11,12]`, `[[7,3]]`, 7, 0}},
		step{oai, `{"model":"m","input":["[1,2]"]}`, embedded{"miss", `one["[1,2]"]`, `[[5,3]]`, 5, 0}},
	)
}

// TestGoogleBatchesReuseVectors does the same as Google's clients do, of targets of both formats.
func TestGoogleBatchesReuseVectors(t *testing.T) {
	content := func(text, more string) string { return `{"content":{"parts":[{"text":"` + text + `"}]}` + more + `}` }
	batch := func(all ...string) string { return `{"requests":[` + strings.Join(all, ",") + `]}` }
	for model, tt := range map[string]struct {
		named string
		usage [4]int64
		saved [4]llm.NanoUSD
	}{
		"m": {"one", [4]int64{3, 2, 5, 1}, [4]llm.NanoUSD{0, 1000, 5000, 1000}},
		"g": {"", [4]int64{0, 0, 0, 0}, [4]llm.NanoUSD{}},
	} {
		h, up := openEmbedder(t)
		n := 3 // the number of the model in its vectors
		if model == "g" {
			n = 0
		}
		for i, s := range []step{
			{":batchEmbedContents", batch(content("a", ""), content("bb", "")), embedded{"miss", tt.named + `["a","bb"]`, `[[1,N],[2,N]]`, 0, 0}},
			{":batchEmbedContents", batch(content("cc", ""), `{"model":"models/`+model+`","content":{"parts":[{"text":"a"}]}}`),
				embedded{"partial", tt.named + `["cc"]`, `[[2,N],[1,N]]`, 0, 0}},
			{":batchEmbedContents", batch(content("cc", ""), content("a", ""), content("bb", "")), embedded{"hit", "", `[[2,N],[1,N],[2,N]]`, 0, 0}},
			{":embedContent", content("a", ""), embedded{"hit", "", `[1,N]`, 0, 0}},
			{":embedContent", content("a", `,"taskType":"CLUSTERING"`), embedded{"miss", tt.named + `["a"]`, `[1,N]`, 0, 0}},
		} {
			got := h.embed(t, up, "/models/"+model+s.path, s.body)
			if i < len(tt.usage) && model == "m" && (got.Usage != tt.usage[i] || got.Saved != tt.saved[i]) {
				t.Errorf("%s %d: %d tokens, saved %d, want %d, %d", model, i, got.Usage, got.Saved, tt.usage[i], tt.saved[i])
			}
			got.Usage, got.Saved = 0, 0
			s.want.Vectors = strings.ReplaceAll(s.want.Vectors, "N", fmt.Sprint(n))
			if diff := cmp.Diff(s.want, got); diff != "" {
				t.Errorf("%s%s %s (-want +got)\n%s", model, s.path, s.body, diff)
			}
		}
	}
}

// TestVectorsOfTargetsAreNotMixed has a target that fails after it has given some vectors, and
// another one in its place.
func TestVectorsOfTargetsAreNotMixed(t *testing.T) {
	h, up := openEmbedder(t)
	h.steps(t, up, step{oai, `{"model":"m","input":["a"]}`, embedded{"miss", `one["a"]`, `[[1,3]]`, 1, 0}})
	up.set(func() { up.fails = map[string]bool{"one": true} })
	h.steps(t, up,
		step{oai, `{"model":"m","input":["a","bb"]}`, embedded{"miss", `one["bb"] other["a","bb"]`, `[[1,5],[2,5]]`, 3, 0}},
		step{oai, `{"model":"m","input":["a"]}`, embedded{"hit", ``, `[[1,3]]`, 1, 1000}},
		step{oai, `{"model":"m","input":["a","bb"]}`, embedded{"hit", ``, `[[1,5],[2,5]]`, 3, 3000}},
	)
	h.health.Forget("up")
	h.steps(t, up, step{oai, `{"model":"m","input":["a","bb","cc"]}`, embedded{"partial", `one["bb","cc"] other["cc"]`, `[[1,5],[2,5],[2,5]]`, 2, 3000}})
}

// TestVectorsOfModelsAreNotMixed has a target whose model is replaced by another one, of
// another name or with longer vectors.
func TestVectorsOfModelsAreNotMixed(t *testing.T) {
	for name, replace := range map[string]func(*embedder){
		"another name": func(e *embedder) { e.served = "new" },
		"more numbers": func(e *embedder) { e.more = 1 },
	} {
		h, up := openEmbedder(t)
		h.embed(t, up, oai, `{"model":"m","input":["a","bb"]}`)
		up.set(func() { replace(up) })
		more := strings.Repeat(",0.5", up.more)
		vectors := func(lengths ...int) string {
			var all []string
			for _, n := range lengths {
				all = append(all, fmt.Sprintf("[%d,3%s]", n, more))
			}
			return "[" + strings.Join(all, ",") + "]"
		}
		t.Run(name, func(t *testing.T) {
			h.steps(t, up,
				step{oai, `{"model":"m","input":["a","ccc"]}`, embedded{"miss", `one["ccc"] one["a","ccc"]`, vectors(1, 3), 4, 0}},
				step{oai, `{"model":"m","input":["a","bb","ccc"]}`, embedded{"partial", `one["bb"]`, vectors(1, 2, 3), 2, 4000}},
				step{oai, `{"model":"m","input":["a","bb","ccc"]}`, embedded{"hit", ``, vectors(1, 2, 3), 6, 6000}},
			)
		})
	}
}

// TestVectorsThatAreMissing has a target that leaves a vector out: nothing is stored, and the
// stored ones are not taken for others.
func TestVectorsThatAreMissing(t *testing.T) {
	h, up := openEmbedder(t)
	h.embed(t, up, oai, `{"model":"m","input":["a"]}`)
	up.set(func() { up.short = map[string]bool{"one": true} })
	h.steps(t, up,
		step{oai, `{"model":"m","input":["a","bb","cc"]}`, embedded{"miss", `one["bb","cc"] other["a","bb","cc"]`, `[[1,5],[2,5],[2,5]]`, 5, 0}},
	)
	if resp, got := h.postTo(t, oai, `{"model":"m","input":[]}`); resp.StatusCode != 400 || !strings.Contains(string(got), "input is empty") {
		t.Errorf("no inputs: %d %s", resp.StatusCode, got)
	}
}

// TestInstructionsForVectors has clients that want fresh vectors, or none to be stored, or others'
// namespace.
func TestInstructionsForVectors(t *testing.T) {
	h, up := openEmbedder(t)
	body := `{"model":"m","input":["a","bb"]}`
	for _, tt := range []struct{ header, value, state, asked string }{
		{"Cache-Control", "no-store", "miss", `one["a","bb"]`},
		{"Cache-Control", "no-cache", "miss", `one["a","bb"]`},
		{"Cache-Control", "no-cache", "miss", `one["a","bb"]`},
		{"X-Other", "", "hit", ``},
		{"X-Portkey-Cache-Namespace", "n", "miss", `one["a","bb"]`},
		{"X-Portkey-Cache-Namespace", "n", "hit", ``},
	} {
		if got := h.embed(t, up, oai, body, tt.header, tt.value); got.Cache != tt.state || got.Asked != tt.asked {
			t.Errorf("%s: %s: %s, asked %q; want %s, %q", tt.header, tt.value, got.Cache, got.Asked, tt.state, tt.asked)
		}
	}
	code, stats := h.operate(t, http.MethodGet, "/admin/v1/cache", "")
	if got := gjson.Get(stats, "requests").Raw; code != 200 || got != `{"hit":2,"similar":0,"coalesced":0,"partial":0,"miss":4,"off":0}` ||
		gjson.Get(stats, "entries").Int() != 4 || gjson.Get(stats, "saved_usd").Float() != 6e-6 {
		t.Errorf("figures: %d %s, want two hits of six, 4 vectors and 6 tokens saved", code, stats)
	}
	if code, got := h.operate(t, http.MethodDelete, "/admin/v1/cache?namespace=n", ""); code != 200 {
		t.Errorf("purge: %d %s", code, got)
	}
	if got := h.embed(t, up, oai, body, "X-Portkey-Cache-Namespace", "n"); got.Cache != "miss" {
		t.Errorf("after a purge: %+v, want a miss", got)
	}
}

// TestEqualBatchesShareACall sends equal batches at once, some of whose vectors are stored.
func TestEqualBatchesShareACall(t *testing.T) {
	h, up := openEmbedder(t)
	h.embed(t, up, oai, `{"model":"m","input":["a"]}`)
	for _, got := range askMany(t, 50, func(int) *http.Response {
		return h.sendTo(t, oai, `{"model":"m","input":["a","bb","a"]}`)
	}, func() {}) {
		if vectors := gjson.Get(got.body, "data.#.embedding").Raw; got.status != 200 || vectors != `[[1,3],[2,3],[1,3]]` {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	if asked := up.take(); asked != `one["bb"]` {
		t.Errorf("asked %s, want one call for what is missing", asked)
	}
}

// TestLargeBatch has as many inputs as a request may have.
func TestLargeBatch(t *testing.T) {
	h, up := openEmbedder(t)
	var all []string
	for i := range 2048 {
		all = append(all, fmt.Sprintf(`"%d"`, i))
	}
	batch := func(all []string) string { return `{"model":"m","input":[` + strings.Join(all, ",") + `]}` }
	if got := h.embed(t, up, oai, batch(all[:2000])); got.Cache != "miss" {
		t.Errorf("%s, want a miss", got.Cache)
	}
	if got := h.embed(t, up, oai, batch(all)); got.Cache != "partial" || got.Asked != `one[`+strings.Join(all[2000:], ",")+`]` || got.Usage != 48*4 {
		t.Errorf("%s for %d tokens, asked %s", got.Cache, got.Usage, got.Asked)
	}
	got := h.embed(t, up, oai, batch(all))
	if got.Cache != "hit" || got.Usage != 10+2*90+3*900+4*1048 || gjson.Parse(got.Vectors).Get("#").Int() != 2048 {
		t.Errorf("%s for %d tokens, want a hit", got.Cache, got.Usage)
	}
}
