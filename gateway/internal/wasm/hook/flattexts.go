package hook

import (
	"encoding/binary"
	"slices"
)

// The kinds of entries in the request's section of a flat record.
const (
	flatSession = 1 + iota
	flatTagName // the entry after it is the value
	flatTagValue
	flatLastUser
	flatClass
)

// appendTexts appends the request's section: its length, then an entry of kind, length and
// text for each of the texts that the router reads. Without any it appends nothing.
func appendTexts(dst []byte, in *RouteInput) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	if in.Reads.Has(ReadSession) && in.Request.Session != "" {
		dst = appendEntry(dst, flatSession, in.Request.Session)
	}
	if in.Reads.Has(ReadTags) {
		dst = appendTagEntries(dst, in.Request.Tags)
	}
	if in.Reads.Has(ReadLastUser) && len(in.LastUser) > 0 {
		dst = appendEntry(dst, flatLastUser, in.LastUser)
	}
	if in.Reads.Has(ReadClass) && in.Request.Class != "" {
		dst = appendEntry(dst, flatClass, in.Request.Class)
	}
	size := len(dst) - at - 4
	if size == 0 {
		return dst[:at]
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(size))
	return dst
}

// appendTagEntries appends the tags by name, so that equal ones give equal bytes.
func appendTagEntries(dst []byte, tags map[string]string) []byte {
	var room [16]string
	names := room[:0]
	for name := range tags {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		dst = appendEntry(dst, flatTagName, name)
		dst = appendEntry(dst, flatTagValue, tags[name])
	}
	return dst
}

func appendEntry[T string | []byte](dst []byte, kind uint32, text T) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, kind)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(text)))
	return append(dst, text...)
}
