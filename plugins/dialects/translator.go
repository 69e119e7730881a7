package main

import (
	"strconv"

	"github.com/valyala/fastjson"

	penstock "github.com/penstock/penstock/sdk/go"
)

// translator holds what the hooks reuse from call to call: parsers and buffers. It
// serves one call at a time, and no call sees anything of the one before.
type translator struct {
	scratch
	parser  fastjson.Parser
	request request
	stream  stream
	// lines and state are an event's output before it is framed.
	lines writer
	state []byte
}

// scratch is for what lives from one line to the next.
type scratch struct {
	// raw holds the inside of one JSON string at a time.
	raw []byte
	// args parses JSON that arrived inside a string, while the values around it
	// live on.
	args fastjson.Parser
}

// envelope is the part of a hook's input that every dialect needs.
type envelope struct {
	root      *fastjson.Value
	model     []byte
	maxOutput int64
	requestID []byte
	created   int64
}

// unpack parses a hook's input and checks that it names a dialect of this module.
func (t *translator) unpack(in []byte) (envelope, error) {
	root, err := t.parser.ParseBytes(in)
	if err != nil {
		return envelope{}, penstock.Reject(500, "the hook's input is not JSON: ", err.Error())
	}
	if name := root.GetStringBytes("dialect"); string(name) != "anthropic" {
		return envelope{}, penstock.Reject(500, "unknown dialect ", strconv.Quote(string(name)),
			"; this module speaks anthropic")
	}
	return envelope{
		root:      root,
		model:     root.GetStringBytes("target", "model"),
		maxOutput: root.GetInt64("target", "max_output"),
		requestID: root.GetStringBytes("request_id"),
		created:   root.GetInt64("created"),
	}, nil
}
