package wire

import (
	"encoding/json"
	"strconv"
)

// callDeviations are those of the calls in a list. A piece of a call, in a delta, needs an
// index, and the first piece a type; a whole call, in a message, needs a type and arguments.
func callDeviations(calls []byte, pieces bool) (found deviation) {
	s := newScan(calls)
	if !s.Open('[') {
		return 0
	}
	for s.More(']') {
		if s.enter('{') {
			found |= s.callDeviations(pieces)
		}
	}
	return found
}

func (s *scan) callDeviations(piece bool) (found deviation) {
	var index, typ, begins, bare bool
	for s.More('}') {
		switch string(s.Name().Raw) {
		case "index":
			index = s.Peek() >= '0' && s.Peek() <= '9'
			s.Skip()
		case "type":
			typ = len(s.string()) > 0
		case "function":
			begins, bare = s.function()
		default:
			s.Skip()
		}
	}
	if piece && !index {
		found |= callWithoutIndex
	}
	if begins && !typ {
		found |= callWithoutType
	}
	if begins && bare && !piece {
		found |= callWithoutArguments
	}
	return found
}

// function reads what a call calls: whether it has a name, as the first piece of a call has,
// and whether it has no arguments.
func (s *scan) function() (named, bare bool) {
	bare = true
	if !s.enter('{') {
		return false, false
	}
	for s.More('}') {
		switch string(s.Name().Raw) {
		case "name":
			named = len(s.string()) > 0
		case "arguments":
			bare = s.Peek() == 'n'
			s.Skip()
		default:
			s.Skip()
		}
	}
	return named, bare
}

// indexCalls gives every tool call the index that clients put its pieces together by:
// that of the call with its id, else of the call before, unless it begins a new one.
func (m *mender) indexCalls(choice string, delta object) {
	if m.calls == nil {
		m.calls = map[string][]string{}
	}
	for _, call := range objectsOf(delta["tool_calls"]) {
		if _, has := call["index"].(json.Number); !has {
			call["index"] = m.indexCall(choice, call)
		}
	}
}

func (m *mender) indexCall(choice string, call object) int {
	known := m.calls[choice]
	id, _ := call["id"].(string)
	function, _ := call["function"].(object)
	name, _ := function["name"].(string)
	for i := range known {
		if id != "" && known[i] == id {
			return i
		}
	}
	if id == "" && name == "" && len(known) > 0 {
		return len(known) - 1
	}
	if id == "" { // a client could not answer it
		id = "call_" + m.request + "_" + strconv.Itoa(len(known))
		call["id"] = id
	}
	m.calls[choice] = append(known, id)
	return len(known)
}

// addCallTypes says of calls of functions that they are.
func (m *mender) addCallTypes(_ string, delta object) {
	for _, call := range objectsOf(delta["tool_calls"]) {
		typ, _ := call["type"].(string)
		if f, ok := call["function"].(object); ok && typ == "" && f["name"] != nil {
			call["type"] = "function"
		}
	}
}

// addArguments gives whole calls that have no arguments an empty object.
func (m *mender) addArguments(_ string, message object) {
	for _, call := range objectsOf(message["tool_calls"]) {
		if f, ok := call["function"].(object); ok && f["arguments"] == nil {
			f["arguments"] = "{}"
		}
	}
}
