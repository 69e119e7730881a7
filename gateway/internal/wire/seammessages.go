package wire

// messageJoint is where a streamed message of Anthropic's broke off.
type messageJoint struct {
	// block is the index of the last content block that was begun, closed that it was ended.
	block  int64
	closed bool
	// offset is what is added to the indexes that the module gives.
	offset int64
}

// open implements joint.
func (j *messageJoint) open(structure []object, _ object, made []object) error {
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
		return seamless("no content block was begun")
	}
	for _, e := range made {
		if stringOf(e["type"]) == "content_block_start" {
			index, _ := number(e["index"])
			j.offset = j.block - index
		}
	}
	return nil
}

// join implements joint.
func (j *messageJoint) join(name string, event object) ([]seamEvent, error) {
	index, indexed := number(event["index"])
	if !indexed {
		return []seamEvent{{name, event}}, nil
	}
	var before []seamEvent
	if j.closed && index+j.offset == j.block { // for the module it is still open
		j.closed = false
		if stringOf(event["type"]) == "content_block_stop" {
			return nil, nil
		}
		j.offset++
		start := object{"type": "content_block_start", "index": index + j.offset, "content_block": object{"type": "text", "text": ""}}
		before = []seamEvent{{"content_block_start", start}}
	}
	event["index"] = index + j.offset
	return append(before, seamEvent{name, event}), nil
}
