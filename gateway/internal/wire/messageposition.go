package wire

// messagePosition is where a streamed message of Anthropic's broke off.
type messagePosition struct {
	// block is the index of the last content block that was begun, closed that it was ended.
	block  int64
	closed bool
	// offset is what is added to the indexes that the module gives.
	offset int64
}

// read implements position.
func (j *messagePosition) read(structure []object, _ object, made []object) error {
	j.block = -1
	for _, e := range structure {
		switch index, _ := number(e["index"]); stringOf(e["type"]) {
		case "content_block_start":
			j.block, j.closed = index, false
		case "content_block_stop":
			j.closed = true
		}
	}
	if j.block < 0 {
		return cannotContinue("no content block was begun")
	}
	for _, e := range made {
		if stringOf(e["type"]) == "content_block_start" {
			index, _ := number(e["index"])
			j.offset = j.block - index
		}
	}
	return nil
}

// renumber implements position.
func (j *messagePosition) renumber(name string, event object) ([]outEvent, error) {
	index, indexed := number(event["index"])
	if !indexed {
		return []outEvent{{name, event}}, nil
	}
	var before []outEvent
	if j.closed && index+j.offset == j.block { // for the module it is still open
		j.closed = false
		if stringOf(event["type"]) == "content_block_stop" {
			return nil, nil
		}
		j.offset++
		start := object{"type": "content_block_start", "index": index + j.offset, "content_block": object{"type": "text", "text": ""}}
		before = []outEvent{{"content_block_start", start}}
	}
	event["index"] = index + j.offset
	return append(before, outEvent{name, event}), nil
}
