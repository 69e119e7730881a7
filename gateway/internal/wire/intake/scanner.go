package intake

import (
	"slices"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// scanner reads one body from left to right. It lives on the stack of Scan. Strings must
// be valid Unicode, since parsers disagree on what anything else means.
type scanner struct {
	jsontext.Scanner
	body []byte

	// root is the kind of the outermost object, and so the API that the body is for.
	root object

	facts llm.Facts
	cache llm.CacheControl
	// message and part are the indices of what is being read, for errors.
	message, part int
	// prompt counts the bytes that a model will read, media apart; media counts the
	// tokens of images, sounds and files at their flat prices.
	prompt int
	media  int64
	// emptyInput says that a Responses body has an input without items, continues that it
	// goes on from what the provider keeps.
	emptyInput, continues bool
	// begun says that the first message of the user's has been read; saidFirst and saidBySystem
	// are the hashes of the texts up to its end and of the system prompt.
	begun                   bool
	saidFirst, saidBySystem uint64
	// bestOf is best_of, 0 when not given.
	bestOf int
	// limitGiven says which member set MaxTokens: 0 while none has.
	limitGiven field

	// unknowns are the members of open objects that no switch knows, openUnknowns how many
	// there are; known ones have a bit each.
	unknowns     [maxUnknownOpen]unknownMember
	openUnknowns int
}

// scan reads a whole body whose outermost object is of the given kind. The scanner must be
// new; it is too large to be returned by a constructor.
func (s *scanner) scan(body []byte, root object, o Options) (llm.Facts, llm.CacheControl, error) {
	depth := o.MaxDepth
	if depth <= 0 {
		depth = defaultMaxDepth
	}
	s.Scanner = jsontext.New(body, depth, jsontext.UTF8|jsontext.Pairs)
	s.body, s.root = body, root
	if !s.document() {
		return llm.Facts{}, llm.CacheControl{}, s.fault()
	}
	return s.facts, s.cache, nil
}

// The methods of the embedded scanner end the reading at the first fault of the grammar.
// Those below report false after it, as does everything here that reads.

// value passes over one value of any kind.
func (s *scanner) value() bool {
	s.Skip()
	return s.OK()
}

// text reads a string.
func (s *scanner) text() (jsontext.Text, bool) {
	t := s.Text()
	return t, s.OK()
}

// element steps to the next element of the array that was opened last, and out of the
// array at its end.
func (s *scanner) element() bool {
	more := s.More(']')
	s.Peek()
	return more
}

// span is from start to the position.
func (s *scanner) span(start int) llm.Span { return llm.Span{Start: start, End: s.Pos()} }

// skip passes over a value and returns its span.
func (s *scanner) skip() (llm.Span, bool) {
	start := s.Pos()
	ok := s.value()
	return s.span(start), ok
}

// isAny reports whether t stands for one of the words.
func isAny(t jsontext.Text, words ...string) bool {
	return slices.ContainsFunc(words, t.Is)
}
