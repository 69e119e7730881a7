package wire

// responsePosition is where a streamed response of the Responses API broke off.
type responsePosition struct {
	// id and created are the response's, sequence is the number of its last event.
	id, created any
	sequence    int64
	// done are the items that were whole.
	done []any
	// item and its place in the output are those of the message that was under way, ours is
	// what the module calls it.
	item, ours string
	index      int64
	// offset is what is added to the module's places in the output.
	offset int64
	// ended are the events about the message's end that were sent.
	ended map[string]bool
}

// read implements position.
func (j *responsePosition) read(structure []object, last object, made []object) error {
	j.sequence, _ = number(last["sequence_number"])
	message := false
	j.ended = map[string]bool{}
	for _, e := range structure {
		item := objectOf(e["item"])
		switch kind := stringOf(e["type"]); kind {
		case "response.created":
			response := objectOf(e["response"])
			j.id, j.created = response["id"], response["created_at"]
		case "response.output_item.added":
			j.item, message = stringOf(item["id"]), stringOf(item["type"]) == "message"
			j.index, _ = number(e["output_index"])
			clear(j.ended)
		case "response.output_item.done":
			j.ended[kind], j.done = true, append(j.done, item)
		case "response.output_text.done", "response.content_part.done":
			j.ended[kind] = true
		}
	}
	if !message || j.id == nil {
		return cannotContinue("no message was under way")
	}
	if j.ended["response.output_item.done"] {
		j.done = j.done[:len(j.done)-1] // the module's output has it
	}
	for _, e := range made {
		if stringOf(e["type"]) == "response.output_item.added" {
			j.ours = stringOf(objectOf(e["item"])["id"])
			index, _ := number(e["output_index"])
			j.offset = j.index - index
		}
	}
	return nil
}

// renumber implements position.
func (j *responsePosition) renumber(name string, event object) ([]outEvent, error) {
	if kind := stringOf(event["type"]); j.ours != "" && (event["item_id"] == j.ours || objectOf(event["item"])["id"] == j.ours) {
		switch {
		case j.ended[kind]:
			return nil, nil
		case len(j.ended) > 0 && kind == "response.output_text.delta":
			return nil, cannotContinue("its message had ended, and another target's goes on")
		}
	}
	j.sequence++
	event["sequence_number"] = j.sequence
	if index, ok := number(event["output_index"]); ok {
		event["output_index"] = index + j.offset
	}
	if event["item_id"] == j.ours {
		event["item_id"] = j.item
	}
	j.rename(event["item"])
	if response, ok := event["response"].(object); ok {
		response["id"], response["created_at"] = j.id, j.created
		output, _ := response["output"].([]any)
		for _, item := range output {
			j.rename(item)
		}
		response["output"] = append(j.done[:len(j.done):len(j.done)], output...)
	}
	return []outEvent{{name, event}}, nil
}

// rename gives the message the name under which it began.
func (j *responsePosition) rename(item any) {
	if o := objectOf(item); o["id"] == j.ours {
		o["id"] = j.item
	}
}
