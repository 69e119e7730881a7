package sse_test

import (
	"testing"

	"github.com/penstock/penstock/gateway/internal/sse"
)

func TestAppend(t *testing.T) {
	tests := []struct{ name, got, want string }{
		{"data", string(sse.AppendData([]byte("x"), []byte("{}"))), "xdata: {}\n\n"},
		{"no data", string(sse.AppendData(nil, nil)), "data: \n\n"},
		{"lines", string(sse.AppendData(nil, []byte("a\nb\r\nc\rd\n"))), "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"},
		{"event", string(sse.AppendEvent(nil, "error", []byte("{}"))), "event: error\ndata: {}\n\n"},
		{"no name", string(sse.AppendEvent(nil, "", []byte("{}"))), "data: {}\n\n"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}
