package main

import "bytes"

// appendRedacted appends text with every e-mail address replaced by [redacted].
func appendRedacted(dst, text []byte) []byte {
	from := 0
	for at := 0; ; at++ {
		next := bytes.IndexByte(text[at:], '@')
		if next < 0 {
			return append(dst, text[from:]...)
		}
		at += next
		start, end := localStart(text, from, at), domainEnd(text, at+1)
		if start < at && end > 0 {
			dst = append(append(dst, text[from:start]...), "[redacted]"...)
			from, at = end, end-1
		}
	}
}

// localStart is where the local part begins that ends at the @ at end, not before from.
func localStart(text []byte, from, end int) int {
	for end > from && class[text[end-1]]&local != 0 {
		end--
	}
	return end
}

// domainEnd is where the domain ends that begins at i; 0 when there is none. A domain
// ends in a dot and two letters at least.
func domainEnd(text []byte, i int) int {
	end := i
	for end < len(text) && class[text[end]]&domain != 0 {
		end++
	}
	for end > i && (text[end-1] == '.' || text[end-1] == '-') {
		end--
	}
	dot := end
	for dot > i && class[text[dot-1]]&letter != 0 {
		dot--
	}
	if end-dot < 2 || dot == i || text[dot-1] != '.' {
		return 0
	}
	return end
}

// The classes of bytes in addresses.
const (
	letter byte = 1 << iota
	local
	domain
	address // any byte of an address, the @ too
)

// class has the classes of every byte; it is never written to.
var class = classes()

func classes() (table [256]byte) {
	for c := range table {
		switch lower := c | 0x20; {
		case lower >= 'a' && lower <= 'z':
			table[c] = letter | local | domain | address
		case c >= '0' && c <= '9', c == '.', c == '-':
			table[c] = local | domain | address
		case c == '_', c == '%', c == '+':
			table[c] = local | address
		case c == '@':
			table[c] = address
		}
	}
	return table
}
