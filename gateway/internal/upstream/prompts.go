package upstream

import (
	"hash/maphash"
	"time"

	"github.com/penstock/penstock/gateway/internal/bounded"
)

// promptLife is how long a provider is taken to keep a prompt in its cache after it was
// last sent.
const promptLife = 5 * time.Minute

// maxPrompts bounds the prompts that are remembered; one takes about 60 bytes.
const maxPrompts = 16 << 10

// Prompts remembers how long the last prompt of each session at each target was, which is
// what the provider has probably cached of the session's next one. It knows no text: a
// session is taken to go on from its last prompt. It is safe for concurrent use.
type Prompts struct {
	now  func() time.Time
	seed maphash.Seed
	last bounded.Map[uint64, prompt]
}

type prompt struct {
	tokens  int64
	expires time.Time
}

// session names a session at a target: sessions of different keys have nothing in common.
type session struct{ key, name, target string }

// NewPrompts returns an empty Prompts. now is its clock.
func NewPrompts(now func() time.Time) *Prompts {
	return &Prompts{now: now, seed: maphash.MakeSeed(), last: bounded.Map[uint64, prompt]{Max: maxPrompts}}
}

// Sent notes that a target has answered a prompt of a session, and how many tokens of it
// the provider may have cached. Requests without a session are not noted.
func (p *Prompts) Sent(key, name, target string, tokens int64) {
	if name != "" {
		p.last.Put(p.id(session{key, name, target}), prompt{tokens, p.now().Add(promptLife)})
	}
}

// Cached returns how many tokens of a session's prompt the target has probably cached; 0
// when nothing is known.
func (p *Prompts) Cached(key, name, target string) int64 {
	if name == "" {
		return 0
	}
	last, ok := p.last.Get(p.id(session{key, name, target}))
	if !ok || !p.now().Before(last.expires) {
		return 0
	}
	return last.tokens
}

func (p *Prompts) id(s session) uint64 { return maphash.Comparable(p.seed, s) }
