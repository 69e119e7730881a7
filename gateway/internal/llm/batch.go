package llm

// Batch is a request for embeddings by its elements, of which each gets a vector of its own.
// Vectors are bytes: 32-bit floats, little-endian.
type Batch interface {
	// Common is a JSON object of what the request says of all elements, Elements are the JSON
	// values of what the vectors are asked for, without anything that is in Common. How vectors are encoded
	// is in neither, unless only the provider knows what that means.
	Common() []byte
	Elements() [][]byte
	// Only returns the request for some of the elements, by their indices.
	Only(elements []int) (*Request, error)
	// Vectors reads a reply in the client's form: the vectors in their order, and what the
	// provider calls the model; empty where the form does not have that.
	Vectors(reply []byte) (vectors [][]byte, model string, err error)
	// Reply makes a reply in the client's form, which says that so many tokens were used.
	Reply(vectors [][]byte, model string, tokens int64) ([]byte, error)
}

// Part is the part of a request for embeddings that a target is to be asked for, while the
// rest of the reply is stored.
type Part struct {
	Request *Request
	// Stored is the number of vectors that are stored, SavedTokens how many tokens they took.
	Stored      int
	SavedTokens int64
	// Join makes the whole reply of the target's, which it closes. It fails if the vectors
	// don't go together: then the same target must be asked for all.
	Join func(Stream) (Stream, error)
}
