package framing_test

import (
	"testing"

	"github.com/penstock/penstock/gateway/internal/framing"
)

func TestAppend(t *testing.T) {
	tests := []struct{ name, got, want string }{
		{"data", string(framing.AppendData([]byte("x"), []byte("{}"))), "xdata: {}\n\n"},
		{"no data", string(framing.AppendData(nil, nil)), "data: \n\n"},
		{"lines", string(framing.AppendData(nil, []byte("a\nb\r\nc\rd\n"))), "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"},
		{"event", string(framing.AppendEvent(nil, "error", []byte("{}"))), "event: error\ndata: {}\n\n"},
		{"no name", string(framing.AppendEvent(nil, "", []byte("{}"))), "data: {}\n\n"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}
