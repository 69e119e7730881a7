package gemini

import (
	"unsafe"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// maxKept bounds each of the texts that a stream has to remember, in bytes.
const maxKept = 20 << 10

// stream is what a stream has to remember from one event to the next beside its chunks'
// state.
type stream struct {
	progress
	// text maps the bytes of the first answer's text to its characters.
	text textMap
	// request is the request's id, provider the provider's name, custom the list of the custom
	// tools.
	request, provider []byte
	custom            canonical.Value
}

// progress is the part of the state that has a fixed size.
type progress struct {
	usage    usage
	searches int64
	// begun and stopped are sets of answers, a bit each: those that have begun, and those that
	// have said why they end.
	begun, stopped uint32
	// The lengths of what follows in the stored form.
	requestLen, providerLen, customLen, wideLen uint32
	// run is the map's.
	run int64
	// noted is set when the prompt's count has been sent, made when an image or a sound has.
	noted, made, full bool
}

// context is the part of the request's context that reading the reply takes.
func (s *stream) context() canonical.Value {
	if len(s.custom) == 0 {
		return nil
	}
	return append(append(canonical.Value(`{"custom":`), s.custom...), '}')
}

// AppendState appends the state of the stream in its stored form.
func (p *Provider) AppendState(dst []byte) []byte {
	s := &p.stream
	s.requestLen, s.providerLen = uint32(len(s.request)), uint32(len(s.provider))
	s.customLen, s.wideLen = uint32(len(s.custom)), uint32(len(s.text.wide))
	s.run, s.full = s.text.run, s.text.full
	dst = append(append(dst, canonical.Memory(&s.progress)...), s.request...)
	return append(append(append(dst, s.provider...), s.custom...), s.text.wide...)
}

// LoadState reads what AppendState wrote and reports false for what cannot be that. The state
// aliases src.
func (p *Provider) LoadState(src []byte) bool {
	const fixed = int(unsafe.Sizeof(progress{}))
	s := &p.stream
	if len(src) < fixed {
		return false
	}
	copy(canonical.Memory(&s.progress), src)
	src = src[fixed:]
	if uint64(len(src)) != uint64(s.requestLen)+uint64(s.providerLen)+uint64(s.customLen)+uint64(s.wideLen) {
		return false
	}
	s.request, src = src[:s.requestLen:s.requestLen], src[s.requestLen:]
	s.provider, src = src[:s.providerLen:s.providerLen], src[s.providerLen:]
	s.custom, src = canonical.Value(src[:s.customLen:s.customLen]), src[s.customLen:]
	s.text = textMap{wide: src[:len(src):len(src)], run: s.run, full: s.full}
	return true
}
