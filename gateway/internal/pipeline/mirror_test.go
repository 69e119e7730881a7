package pipeline

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestMirrorShare copies the share of requests that is wanted, and the same ones each time.
func TestMirrorShare(t *testing.T) {
	for _, share := range []float64{0.001, 0.1, 0.5, 0.99, 1} {
		m := &llm.Mirror{Share: share}
		const all = 20_000
		n := 0
		for i := range all {
			id := fmt.Sprintf("req_01k9zq6m3c8v7e2x5d4r1t%04x", i)
			sampled := m.Samples(id)
			if again := m.Samples(id); again != sampled {
				t.Fatal("equal ids differ")
			}
			if sampled {
				n++
			}
		}
		if off := math.Abs(float64(n)/all - share); off > 4*math.Sqrt(share*(1-share)/all)+1e-9 {
			t.Errorf("a share of %v is %d of %d", share, n, all)
		}
	}
}

// TestMirrorPanics has a copy panic: its original is answered, and the process lives on.
func TestMirrorPanics(t *testing.T) {
	f := newFakes("p/a")
	f.script["p/shadow"] = []action{stream("x")}
	f.route.Mirror = &llm.Mirror{Target: target("p/shadow"), Share: 1, MaxInflight: 1, Timeout: 1e9}
	var mu sync.Mutex
	f.ranks = func(c []llm.Candidate) llm.Ranking {
		mu.Lock()
		defer mu.Unlock()
		if c[0].Target.ID == "p/shadow" {
			panic("in a copy")
		}
		return llm.Ranking{Order: []int{0}}
	}
	p := f.pipeline()
	got := &caller{}
	req := request(true)
	if err := p.Serve(t.Context(), req, got); err != nil || !strings.Contains(got.text, "hello") {
		t.Fatalf("%q, %v", got.text, err)
	}
	p.Close()
}

func TestMemberOf(t *testing.T) {
	for body, want := range map[string]bool{`{"store":true}`: true, `{"a":{"store":true}}`: false, `{"store":false}`: false, `{"st\u006fre":true}`: true, `{"store":"true"}`: false, `{}`: false, `[`: false} {
		if got := isTrue([]byte(body), "store"); got != want {
			t.Errorf("isTrue(%s) = %v", body, got)
		}
	}
}
