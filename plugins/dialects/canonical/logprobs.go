package canonical

// writeLogprobs writes the probabilities of a text's tokens, given as lists.
func writeLogprobs(w *Writer, lists []Value) {
	if len(lists) == 0 {
		w.Literal("null")
		return
	}
	w.Open('{')
	w.Name("content")
	w.Open('[')
	for _, list := range lists {
		for token := range list.Items {
			w.Value(token)
		}
	}
	w.Close(']')
	w.MemberLiteral("refusal", "null")
	w.Close('}')
}
