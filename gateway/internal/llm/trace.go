package llm

import (
	"encoding/hex"
	"strings"
)

// Trace names the caller's span in a distributed trace, as hexadecimal digits; empty without
// one.
type Trace struct {
	// TraceID has 32 digits, SpanID 16.
	TraceID, SpanID string
}

// ParseTraceparent parses the header of this name (W3C Trace Context). What is not valid is
// no trace.
func ParseTraceparent(header string) Trace {
	parts := strings.Split(header, "-")
	if len(parts) < 4 || len(parts) > 4 && parts[0] == "00" || !isHex(parts[0], 2) || parts[0] == "ff" || !isHex(parts[1], 32) || !isHex(parts[2], 16) || !isHex(parts[3], 2) ||
		strings.Trim(parts[1], "0") == "" || strings.Trim(parts[2], "0") == "" {
		return Trace{}
	}
	return Trace{parts[1], parts[2]}
}

// isHex reports whether a text has so many hexadecimal digits, in lower case.
func isHex(s string, digits int) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == digits && s == strings.ToLower(s)
}
