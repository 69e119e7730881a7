package cache

import (
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// encoded is an entry as it is kept outside of this process, but for its frames: they follow the
// JSON, whose length comes first as a varint. A change of its meaning needs another version.
type encoded struct {
	Version int           `json:"v"`
	Groups  []string      `json:"groups"`
	Target  string        `json:"target"`
	Source  string        `json:"source"`
	Info    llm.ReplyInfo `json:"info"`
	Stored  time.Time     `json:"stored"`
	Dialect llm.Dialect   `json:"dialect,omitempty"`
	Client  llm.Dialect   `json:"client"`
	Stream  bool          `json:"stream,omitempty"`
	Usage   bool          `json:"usage,omitempty"`
	Echoes  fingerprint   `json:"echoes,string"`
	Text    string        `json:"text,omitempty"`
	// Events are five numbers for each event: the spans of its frame and its data, and its flags.
	Events []int32 `json:"events"`
}

const encodedVersion = 1

// The flags of an event.
const (
	isFinal = 1 << iota
	isContent
	isHidden
	isNative
	isRepeated
)

// encode returns the entry as bytes.
func (e *Entry) encode() []byte {
	v := encoded{Version: encodedVersion, Groups: e.groups, Target: e.Target, Source: e.Source, Info: e.Info, Stored: e.Stored, Dialect: e.dialect,
		Client: e.asked.dialect, Stream: e.asked.stream, Usage: e.asked.usage, Echoes: e.asked.echoes, Text: e.text, Events: make([]int32, 0, 5*len(e.events))}
	for _, ev := range e.events {
		flags := flag(ev.final, isFinal) | flag(ev.content, isContent) | flag(ev.hidden, isHidden) | flag(ev.native, isNative) | flag(ev.repeated, isRepeated)
		v.Events = append(v.Events, ev.frame, ev.frameEnd, ev.data, ev.dataEnd, flags)
	}
	head, err := json.Marshal(v)
	if err != nil {
		return nil // no member can fail
	}
	b := binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen64+len(head)+len(e.buf)), uint64(len(head)))
	return append(append(b, head...), e.buf...)
}

func flag(on bool, bit int32) int32 {
	if on {
		return bit
	}
	return 0
}

// decode returns the entry that encode made bytes of. It is false for those of another version.
func (c *Cache) decode(b []byte) (*Entry, bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, false
	}
	var v encoded
	if json.Unmarshal(b[size:size+int(n)], &v) != nil || v.Version != encodedVersion || len(v.Events)%5 != 0 {
		return nil, false
	}
	e := &Entry{groups: v.Groups, Target: v.Target, Source: v.Source, Info: v.Info, Stored: v.Stored, dialect: v.Dialect, text: v.Text,
		asked: asking{dialect: v.Client, stream: v.Stream, usage: v.Usage, echoes: v.Echoes}, epoch: c.purges.now(), buf: b[size+int(n):]}
	e.events = make([]event, 0, len(v.Events)/5)
	for p := v.Events; len(p) > 0; p = p[5:] {
		if !spans(p[0], p[1], len(e.buf)) || !spans(p[2], p[3], len(e.buf)) {
			return nil, false
		}
		e.events = append(e.events, event{frame: p[0], frameEnd: p[1], data: p[2], dataEnd: p[3], final: p[4]&isFinal != 0,
			content: p[4]&isContent != 0, hidden: p[4]&isHidden != 0, native: p[4]&isNative != 0, repeated: p[4]&isRepeated != 0})
	}
	return e, len(e.events) > 0
}

// spans reports whether two numbers are a span of so many bytes.
func spans(start, end int32, size int) bool { return 0 <= start && start <= end && int(end) <= size }
