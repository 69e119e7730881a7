package main

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	penstock "github.com/penstock/penstock/sdk/go"
)

const candidates = `"candidates":[` +
	`{"i":0,"price_in":3000000000,"price_out":9000000000,"healthy":true},` +
	`{"i":1,"price_in":1000000000,"price_out":4000000000,"healthy":true},` +
	`{"i":2,"price_in":1000000000,"price_out":4000000000,"healthy":true},` +
	`{"i":3,"price_in":1,"price_out":1,"healthy":false},` +
	`{"i":4,"price_in":null,"price_out":null,"healthy":true}]}`

func TestRoute(t *testing.T) {
	for in, want := range map[string]string{
		`{"est_input_tokens":1000,"max_tokens":null,"with":{"output_tokens":100},` + candidates: `{"ranking":[{"i":1,"score":-1400000},{"i":2,"score":-1400000},{"i":0,"score":-3900000}],"drop":[],"reason":"cheapest"}`,
		`{"est_input_tokens":1000,"max_tokens":50,` + candidates:                                `{"ranking":[{"i":1,"score":-1200000},{"i":2,"score":-1200000},{"i":0,"score":-3450000}],"drop":[],"reason":"cheapest"}`,
		`{"candidates":[]}`: "",
	} {
		got, err := route(nil, []byte(in))
		if err != nil || string(got) != want {
			t.Errorf("route(%s) = %s, %v, want %s", in, got, err, want)
		}
	}
}

func TestRouteRejects(t *testing.T) {
	for in, want := range map[string]int32{`{"with":{"output_tokens":-1}}`: 400, `{"with":{"output_tokens":"many"}}`: 400} {
		_, err := route(nil, []byte(in))
		var e *penstock.Error
		if !errors.As(err, &e) || e.Code != want {
			t.Errorf("route(%s) = %v, want a rejection with %d", in, err, want)
		}
	}
}

// TestFlat ranks three targets, of which the last has no price.
func TestFlat(t *testing.T) {
	text := "cheapest\noutput_tokens=100\nseed=1"
	in := make([]byte, 32+3*96)
	in[0], in[2], in[4] = 1, 96, 3
	binary.LittleEndian.PutUint32(in[8:], 1000)
	binary.LittleEndian.PutUint32(in[20:], uint32(len(in)))
	binary.LittleEndian.PutUint32(in[24:], uint32(len(text)))
	for k, flags := range []uint32{3, 3, 1} {
		record := in[32+k*96:]
		binary.LittleEndian.PutUint32(record, uint32(k))
		binary.LittleEndian.PutUint32(record[4:], flags)
		binary.LittleEndian.PutUint64(record[8:], uint64(3e9-1e9*k))
	}
	got, err := routeFlat(nil, append(in, text...))
	want := penstock.AppendRank(penstock.AppendRank(nil, 1, 0, -2e6), 0, 0, -3e6)
	if err != nil || string(got) != string(want) {
		t.Errorf("routeFlat = %x, %v, want %x", got, err, want)
	}
	if _, err := routeFlat(nil, append(in, strings.ReplaceAll(text, "100", "-10")...)); err == nil {
		t.Error("a negative output_tokens was taken")
	}
	if _, err := routeFlat(nil, in[:20]); err == nil {
		t.Error("half a header was taken")
	}
}

func BenchmarkRoute(b *testing.B) {
	in := []byte(`{"est_input_tokens":1000,"max_tokens":null,"with":{"output_tokens":100},` + candidates)
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if out, err = route(out[:0], in); err != nil {
			b.Fatal(err)
		}
	}
}
