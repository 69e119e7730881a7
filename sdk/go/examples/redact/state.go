package main

import (
	"encoding/binary"
	"slices"
)

// held is the end of a choice's text that waits for what follows. The state is one after
// the other: the index and the length in eight bytes each, then the text.
type held struct {
	index int64
	text  []byte
}

// load reads the state. The texts lie in it.
func (r *redactor) load(state []byte) bool {
	r.held, r.kept = r.held[:0], r.kept[:0]
	for len(state) > 0 {
		if len(state) < 16 {
			return false
		}
		index, n := binary.LittleEndian.Uint64(state), binary.LittleEndian.Uint64(state[8:])
		if state = state[16:]; n > uint64(len(state)) {
			return false
		}
		r.held = append(r.held, held{index: int64(index), text: state[:n]})
		state = state[n:]
	}
	return true
}

// position returns where the text of a choice is, or is to be inserted: they are in order.
func (r *redactor) position(index int64) (k int, found bool) {
	for k < len(r.held) && r.held[k].index < index {
		k++
	}
	return k, k < len(r.held) && r.held[k].index == index
}

// waiting is the text of a choice that waits.
func (r *redactor) waiting(index int64) []byte {
	if k, found := r.position(index); found {
		return r.held[k].text
	}
	return nil
}

// keep makes text what waits of a choice; it is copied. An empty one means that nothing
// does.
func (r *redactor) keep(index int64, text []byte) {
	k, found := r.position(index)
	switch {
	case !found && len(text) == 0:
		return
	case !found:
		r.held = slices.Insert(r.held, k, held{index: index})
	case len(text) == 0:
		r.held = slices.Delete(r.held, k, k+1)
		return
	}
	begin := len(r.kept)
	r.kept = append(r.kept, text...)
	r.held[k].text = r.kept[begin:]
}

func (r *redactor) appendState(state []byte) []byte {
	for _, h := range r.held {
		state = binary.LittleEndian.AppendUint64(state, uint64(h.index))
		state = binary.LittleEndian.AppendUint64(state, uint64(len(h.text)))
		state = append(state, h.text...)
	}
	return state
}
