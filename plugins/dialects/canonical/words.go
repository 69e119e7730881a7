package canonical

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// The functions of this file make the words that providers take as names of tools and as
// ids of calls: letters, digits, _ and -, up to a number of bytes.

func goodWord(word []byte, limit int) bool {
	return len(word) > 0 && len(word) <= limit && oddByte(word) == len(word)
}

// oddByte returns where the first character stands that words may not have.
func oddByte(word []byte) int {
	for i, c := range word {
		alnum := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !alnum && c != '-' && c != '_' {
			return i
		}
	}
	return len(word)
}

// Word replaces every character that words may not have by an underscore, and cuts the word
// to a length.
func Word(s []byte, limit int) []byte {
	good := make([]byte, 0, len(s))
	for len(s) > 0 && len(good) < limit {
		if i := oddByte(s); i > 0 {
			good, s = append(good, s[:i]...), s[i:]
			continue
		}
		_, n := utf8.DecodeRune(s)
		good, s = append(good, '_'), s[n:]
	}
	return good[:min(len(good), limit)]
}

// uniqueWord takes a word that is not taken: the one given, or that with a number. Taken
// holds the last number that a word has been given, 1 for the word itself.
func uniqueWord(taken map[string]int64, word []byte, limit int) []byte {
	if len(word) == 0 {
		word = []byte("call")
	}
	free, n := word, taken[string(word)]
	for taken[string(free)] > 0 {
		n++
		number := strconv.AppendInt([]byte{'_'}, n, 10)
		free = append(bytes.Clone(word[:min(len(word), limit-len(number))]), number...)
	}
	if n > 0 {
		taken[string(word)] = n // where the next search begins
	}
	taken[string(free)] = 1
	return free
}
