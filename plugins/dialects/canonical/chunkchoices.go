package canonical

import "unsafe"

// MaxChoices bounds the choices of a streamed reply.
const MaxChoices = 8

// Choose makes a choice the current one, which all that is sent belongs to. It reports false
// for an index out of range.
func (c *Chunks) Choose(index int64) bool {
	if index < 0 || index >= MaxChoices {
		return false
	}
	if index == c.index {
		return true
	}
	c.citationsLen, c.annotationsLen = uint32(len(c.citations)), uint32(len(c.annotations))
	current := append([]byte(nil), Memory(&c.choiceProgress)...)
	current = append(append(current, c.citations...), c.annotations...)
	if !c.unpark(index) {
		c.choiceProgress, c.citations, c.annotations = choiceProgress{index: index}, nil, nil
	}
	c.parked = append(c.parked, current...)
	return true
}

// Index is which of the reply's choices is the current one.
func (c *Chunks) Index() int64 { return c.index }

// unpark takes the choice with an index out of those that are parked; false when it is not
// among them.
func (c *Chunks) unpark(index int64) bool {
	const fixed = int(unsafe.Sizeof(choiceProgress{}))
	for at := 0; len(c.parked)-at >= fixed; {
		var p choiceProgress
		copy(Memory(&p), c.parked[at:])
		size := uint64(fixed) + uint64(p.citationsLen) + uint64(p.annotationsLen)
		if uint64(len(c.parked)-at) < size {
			return false
		}
		if p.index != index {
			at += int(size)
			continue
		}
		own := append([]byte(nil), c.parked[at+fixed:at+int(size)]...)
		rest := append([]byte(nil), c.parked[:at]...)
		c.parked = append(rest, c.parked[at+int(size):]...)
		c.choiceProgress = p
		c.citations, own = cut(own, p.citationsLen)
		c.annotations = own
		return true
	}
	return false
}
