package anthropic

import (
	"bytes"
	"slices"

	"github.com/penstock/penstock/plugins/dialects/canonical"
)

// replyBlock is a content block of a message that is being streamed to the client.
type replyBlock struct {
	// key is the number of the call or the thought in the canonical stream, index that of the
	// block in the message, call that among the calls.
	key, index, call int64
	// id is a hash of a call's id as the provider has it.
	id        uint64
	arguments objectReader
	// The lengths of what is held of a block that waits: its call's id and name, and its
	// pieces.
	idLen, nameLen, heldLen uint32
	kind                    canonical.BlockKind
	phase                   blockPhase
}

// blockPhase is how far a block has come. Anthropic's blocks come one after the other, and
// some clients rely on it, while OpenAI's calls may come interleaved: then the later ones
// wait until the one before is complete.
type blockPhase byte

const (
	blockWaiting blockPhase = iota
	blockOpen
	blockClosed
)

// The bounds of what a stream remembers: its blocks, and the bytes of those that wait.
const (
	maxReplyBlocks = 256
	maxHeld        = 32 << 10
)

// complete reports whether nothing more is to come of a block when another one begins.
func (b *replyBlock) complete() bool {
	return b.kind != canonical.CallBlock || b.arguments.complete()
}

// block returns the block that a piece of text or of a thought belongs to: the last one, or
// a new one. It is nil when there are too many.
func (r *clientReply) block(kind canonical.BlockKind, key int64) *replyBlock {
	if n := len(r.blocks); n > 0 {
		if b := &r.blocks[n-1]; b.kind == kind && b.key == key && b.phase != blockClosed {
			return b
		}
	}
	return r.add(replyBlock{kind: kind, key: key}, nil, nil)
}

// call returns the block of a call, a new one for a number or an id that has not come
// before; nil when there is no place for the piece. Says reports whether the piece has
// arguments.
func (r *clientReply) call(c *canonical.AnswerCall, says bool) *replyBlock {
	id := hash(canonical.Inside(c.ID))
	for i := len(r.blocks) - 1; i >= 0; i-- {
		b := &r.blocks[i]
		if b.kind != canonical.CallBlock || b.key != c.Number {
			continue
		}
		again := len(canonical.Inside(c.Name)) > 0 && len(canonical.Inside(c.ID)) > 0 && id != b.id && b.complete() && says
		switch {
		case again: // some services number every call alike
		case b.phase == blockClosed:
			return nil
		default:
			return b
		}
		break
	}
	b := replyBlock{kind: canonical.CallBlock, key: c.Number, id: id, call: r.calls}
	r.calls++
	return r.add(b, c.ID, c.Name)
}

// hash is FNV-1a.
func hash(s []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range s {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// add begins a block, or has it wait. Thoughts never wait: they come before everything else.
func (r *clientReply) add(b replyBlock, id, name canonical.Value) *replyBlock {
	r.closeComplete()
	if r.forget(); len(r.blocks) == maxReplyBlocks {
		return nil
	}
	waits := r.hasOpen() && !r.crowded && b.kind != canonical.ThinkingBlock
	if waits && len(r.held)+len(id)+len(name) > maxHeld {
		r.crowd()
		waits = false
	}
	r.blocks = append(r.blocks, b)
	added := &r.blocks[len(r.blocks)-1]
	if !waits {
		r.open(added, id, name)
		return added
	}
	added.idLen, added.nameLen = uint32(len(id)), uint32(len(name))
	r.held = append(append(r.held, id...), name...)
	return added
}

// forget makes room for another block: of those that are closed only calls have to be
// remembered, and of many only the latest.
func (r *clientReply) forget() {
	r.blocks = slices.DeleteFunc(r.blocks, func(b replyBlock) bool {
		return b.phase == blockClosed && b.kind != canonical.CallBlock
	})
	for i := 0; len(r.blocks) >= maxReplyBlocks && i < len(r.blocks); {
		if r.blocks[i].phase == blockClosed {
			r.blocks = slices.Delete(r.blocks, i, i+1)
			continue
		}
		i++
	}
}

func (r *clientReply) hasOpen() bool {
	return slices.ContainsFunc(r.blocks, func(b replyBlock) bool { return b.phase == blockOpen })
}

// piece sends a piece of a block, the inside of a JSON string, or keeps it while the block
// waits.
func (r *clientReply) piece(b *replyBlock, raw []byte) {
	if b == nil || len(raw) == 0 {
		return
	}
	if b.phase == blockWaiting && len(r.held)+len(raw) > maxHeld {
		r.crowd()
	}
	if b.phase == blockWaiting {
		_, end := r.heldOf(b)
		r.held = slices.Insert(r.held, end, raw...)
		b.heldLen += uint32(len(raw))
		return
	}
	r.sendDelta(b, raw)
	r.advance()
}

// heldOf returns where in held that of a block that waits begins and ends.
func (r *clientReply) heldOf(b *replyBlock) (start, end int) {
	for i := range r.blocks {
		o := &r.blocks[i]
		size := int(o.idLen) + int(o.nameLen) + int(o.heldLen)
		if o == b {
			return start, start + size
		}
		start += size
	}
	return start, start
}

// advance goes on with the blocks that wait as far as those before them are complete.
func (r *clientReply) advance() {
	for len(r.held) > 0 {
		next := r.waiting()
		if next == nil {
			return
		}
		if r.closeComplete(); r.hasOpen() {
			return
		}
		r.release(next)
	}
}

// waiting is the first block that waits, nil without one.
func (r *clientReply) waiting() *replyBlock {
	for i := range r.blocks {
		if r.blocks[i].phase == blockWaiting {
			return &r.blocks[i]
		}
	}
	return nil
}

// release begins a block that waits, and sends what is held of it.
func (r *clientReply) release(b *replyBlock) {
	start, end := r.heldOf(b)
	held := bytes.Clone(r.held[start:end])
	r.held = slices.Delete(r.held, start, end)
	id, name := held[:b.idLen], held[b.idLen:b.idLen+b.nameLen]
	pieces := held[b.idLen+b.nameLen:]
	b.idLen, b.nameLen, b.heldLen = 0, 0, 0
	r.open(b, id, name)
	if len(pieces) > 0 {
		r.sendDelta(b, pieces)
	}
}

// crowd gives up the order of blocks: there is no more room for what would have to wait.
func (r *clientReply) crowd() {
	r.crowded = true
	for b := r.waiting(); b != nil; b = r.waiting() {
		r.release(b)
	}
}

// closeComplete ends the open blocks of which nothing more is to come.
func (r *clientReply) closeComplete() {
	for i := range r.blocks {
		if b := &r.blocks[i]; b.phase == blockOpen && b.complete() {
			r.close(b)
		}
	}
}

// closeAll ends all blocks, those that wait in their turn.
func (r *clientReply) closeAll() {
	for i := range r.blocks {
		if b := &r.blocks[i]; b.phase == blockOpen {
			r.close(b)
		}
	}
	for b := r.waiting(); b != nil; b = r.waiting() {
		r.release(b)
		r.close(b)
	}
}
