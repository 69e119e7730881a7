package cache_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/penstock/penstock/gateway/internal/cache"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire"
)

// embeddings is a request of a team for the embeddings of texts.
func embeddings(t testing.TB, team string, texts ...string) *llm.Request {
	t.Helper()
	client, _ := wire.ClientAt("/v1/embeddings", "req")
	req, err := client.Request(t.Context(), llm.Incoming{Body: []byte(`{"model":"m","input":["` + strings.Join(texts, `","`) + `"]}`)})
	if err != nil {
		t.Fatal(err)
	}
	req.ID, req.Principal.Team = "req_"+strings.Join(texts, ""), team
	return req
}

// vectorReply is a reply to such a request: vectors that begin with the texts' lengths.
func vectorReply(req *llm.Request, dimensions int) llm.Stream {
	var data []string
	tokens := int64(0)
	for i, text := range req.Batch().Elements() {
		tokens += int64(len(text) - 2)
		data = append(data, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":[%d%s]}`, i, len(text)-2, strings.Repeat(",0.25", dimensions-1)))
	}
	body := fmt.Sprintf(`{"object":"list","data":[%s],"model":"x","usage":{"prompt_tokens":%d,"total_tokens":%[2]d}}`, strings.Join(data, ","), tokens)
	return &script{events: []llm.Event{{Frame: []byte(body), Data: []byte(body), Final: true, Content: true}}, err: io.EOF,
		info: llm.ReplyInfo{Content: true, Whole: true, Finish: "stop", Model: "x", Usage: &llm.Usage{Input: tokens}}}
}

var vectorRoute = &llm.Route{Name: "m", CacheTTL: time.Hour, Targets: []*llm.Target{{ID: "p/a"}, {ID: "p/b"}}}

// embed has a request answered by a target, unless it is a hit, and returns its state.
func embed(t testing.TB, c *cache.Cache, req *llm.Request, target string) llm.CacheState {
	t.Helper()
	slot := c.Find(t.Context(), req, vectorRoute, &llm.Decision{})
	if slot.State() == llm.CacheHit {
		return llm.CacheHit
	}
	reply := slot.Fill(vectorReply(req, 2), &llm.Target{ID: target})
	drain(t, reply)
	_ = reply.Close()
	slot.Close(nil)
	return slot.State()
}

// TestVectorsAreTheirTeams: a team gets no other's, and after its purge its own no more.
func TestVectorsAreTheirTeams(t *testing.T) {
	c := open(t, 1<<20)
	embed(t, c, embeddings(t, "red", "a", "b"), "p/a")
	for i, tt := range []struct {
		team string
		want llm.CacheState
	}{{"red", llm.CacheHit}, {"blue", llm.CacheMiss}, {"blue", llm.CacheHit}, {"", llm.CacheMiss}} {
		if got := embed(t, c, embeddings(t, tt.team, "b"), "p/a"); got != tt.want {
			t.Errorf("%d: team %q has a %s, want a %s", i, tt.team, got, tt.want)
		}
	}
	if err := c.PurgeGroup(t.Context(), cache.ByTeam("red")); err != nil {
		t.Fatal(err)
	}
	if red, blue := embed(t, c, embeddings(t, "red", "b"), "p/a"), embed(t, c, embeddings(t, "blue", "b"), "p/a"); red != llm.CacheMiss || blue != llm.CacheHit {
		t.Errorf("after a purge of red: %s for red, %s for blue", red, blue)
	}
}

// TestVectorsThatWerePurgedMeanwhile: what a purge came upon under way is not stored.
func TestVectorsThatWerePurgedMeanwhile(t *testing.T) {
	c := open(t, 1<<20)
	req := embeddings(t, "", "a")
	slot := c.Find(t.Context(), req, vectorRoute, &llm.Decision{})
	reply := slot.Fill(vectorReply(req, 2), &llm.Target{ID: "p/a"})
	if err := c.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	drain(t, reply)
	slot.Close(nil)
	if got := embed(t, c, req, "p/a"); got != llm.CacheMiss {
		t.Errorf("the next request has a %s", got)
	}
}

// TestPartOfEachTarget: a target is asked for what it has not given itself.
func TestPartOfEachTarget(t *testing.T) {
	c := open(t, 1<<20)
	embed(t, c, embeddings(t, "", "a", "bb"), "p/a")
	embed(t, c, embeddings(t, "", "ccc", "bb"), "p/b")
	slot := c.Find(t.Context(), embeddings(t, "", "a", "bb", "ccc", "bb"), vectorRoute, &llm.Decision{})
	for target, want := range map[string]struct {
		input  string
		stored int
		tokens int64
	}{"p/a": {`["ccc"]`, 3, 5}, "p/b": {`["a"]`, 3, 7}, "p/other": {`["a","bb","ccc"]`, 0, 0}} {
		part, err := slot.Part(&llm.Target{ID: target})
		if err != nil || part == nil {
			t.Fatalf("%s: %v, %v", target, part, err)
		}
		if body := string(part.Request.Body); body != `{"model":"m","input":`+want.input+`}` || part.Stored != want.stored || part.SavedTokens != want.tokens {
			t.Errorf("%s is asked for %s; %d vectors of %d tokens are stored", target, body, part.Stored, part.SavedTokens)
		}
		whole, err := part.Join(vectorReply(part.Request, 2))
		if err != nil {
			t.Fatal(err)
		}
		const data = `"embedding":[1,0.25]},{"object":"embedding","index":1,"embedding":[2,0.25]},{"object":"embedding","index":2,"embedding":[3,0.25]},{"object":"embedding","index":3,"embedding":[2,0.25]}]`
		if ev, err := whole.Next(); err != nil || !strings.Contains(string(ev.Data), data) {
			t.Errorf("%s: %v, %s", target, err, ev.Data)
		}
	}
}

// TestPartOfAnotherLength: vectors of another length are refused, and then all are asked for.
func TestPartOfAnotherLength(t *testing.T) {
	c := open(t, 1<<20)
	embed(t, c, embeddings(t, "", "a"), "p/a")
	target := &llm.Target{ID: "p/a"}
	slot := c.Find(t.Context(), embeddings(t, "", "a", "b", "b"), vectorRoute, &llm.Decision{})
	part, err := slot.Part(target)
	if err != nil || part == nil {
		t.Fatalf("%v, %v", part, err)
	}
	if _, err := part.Join(vectorReply(part.Request, 3)); err == nil || llm.AsError(err).Fault != llm.FaultInadequate {
		t.Errorf("%v, want a refusal", err)
	}
	if part, err := slot.Part(target); part != nil || err != nil {
		t.Errorf("the target is asked for %v, %v", part, err)
	}
}

// TestOneGatewaysVectorsAreAnothers shares a batch by the store behind two caches.
func TestOneGatewaysVectorsAreAnothers(t *testing.T) {
	a, b, s := sharing(t)
	embed(t, a, embeddings(t, "", "a", "bb"), "p/a")
	if got := embed(t, b, embeddings(t, "", "a", "bb"), "p/a"); got != llm.CacheHit {
		t.Errorf("the other cache has a %s", got)
	}
	clear(s.values)
	if got := embed(t, b, embeddings(t, "", "bb"), "p/a"); got != llm.CacheHit {
		t.Errorf("then one of the texts is a %s", got)
	}
}

// BenchmarkVectors has hits on batches of vectors of 1,536 numbers.
func BenchmarkVectors(b *testing.B) {
	for _, n := range []int{1, 100, 2048} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := open(b, 256<<20)
			var texts []string
			for i := range n {
				texts = append(texts, fmt.Sprint("text ", i))
			}
			req := embeddings(b, "", texts...)
			slot := c.Find(b.Context(), req, vectorRoute, &llm.Decision{})
			drain(b, slot.Fill(vectorReply(req, 1536), &llm.Target{ID: "p/a"}))
			slot.Close(nil)
			b.ReportAllocs()
			for b.Loop() {
				if c.Find(b.Context(), req, vectorRoute, &llm.Decision{}).State() != llm.CacheHit {
					b.Fatal("no hit")
				}
			}
		})
	}
}
