package hook

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// RouteInput is what a router is asked: a request and its candidates.
type RouteInput struct {
	Request    *llm.Request
	Candidates []llm.Candidate
	// Part is what FlatText or AppendRoutePart returned for the route.
	Part []byte
	Seed uint64
	Now  time.Time
	// Reads are the texts of the request that the router gets, LastUser is one of them as
	// AppendLastUser returned it.
	Reads    Reads
	LastUser []byte
}

// Reads is a set of texts of a request that a router can get.
type Reads uint8

// The texts of a request. The JSON envelope has tags, session and class in any case, the flat form
// never has the messages.
const (
	ReadTags Reads = 1 << iota
	ReadSession
	ReadLastUser
	ReadMessages
	ReadClass
)

// AllReads is the set of all texts.
const AllReads = ReadTags | ReadSession | ReadLastUser | ReadMessages | ReadClass

var readNames = []string{"tags", "session", "last_user_text", "messages", "class"}

// ParseReads returns the set of the texts that have these names.
func ParseReads(names []string) (Reads, error) {
	var set Reads
	for _, name := range names {
		i := slices.Index(readNames, name)
		if i < 0 {
			return 0, fmt.Errorf("unknown text %q in reads; there are %s", name, strings.Join(readNames, ", "))
		}
		set |= 1 << i
	}
	return set, nil
}

// Names lists the names of the texts in a fixed order.
func (r Reads) Names() []string {
	var names []string
	for i, name := range readNames {
		if r&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Has reports whether all of these texts are in the set.
func (r Reads) Has(texts Reads) bool { return r&texts == texts }

// Prompt reports whether the set has text of the prompt, which needs GrantMessages.
func (r Reads) Prompt() bool { return r&(ReadLastUser|ReadMessages) != 0 }
