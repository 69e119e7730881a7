package framing_test

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/penstock/penstock/gateway/internal/framing"
)

func ExampleReader() {
	stream := strings.NewReader(": a comment\n\n" +
		"event: delta\ndata: {\"text\":\"Hello\"}\n\n" +
		"data: first line\ndata: second line\n\n" +
		"data: [DONE]\n\n")
	r := framing.NewReader(stream, 0)
	defer r.Release()
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("name %q, data %q, %d bytes\n", e.Name, e.Data, len(e.Raw))
	}
	// Output:
	// name "", data "", 13 bytes
	// name "delta", data "{\"text\":\"Hello\"}", 37 bytes
	// name "", data "first line\nsecond line", 36 bytes
	// name "", data "[DONE]", 14 bytes
}

func ExampleReader_partial() {
	r := framing.NewReader(strings.NewReader("data: whole\n\ndata: the connection was cut"), 0)
	defer r.Release()
	for {
		e, err := r.Next()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s, partial: %t\n", e.Data, e.Partial)
	}
	// Output:
	// whole, partial: false
	// the connection was cut, partial: true
	// EOF
}

func ExampleAppendEvent() {
	frames := framing.AppendEvent(nil, "delta", []byte(`{"text":"Hello"}`))
	frames = framing.AppendData(frames, []byte("two\nlines"))
	fmt.Printf("%s", frames)
	// Output:
	// event: delta
	// data: {"text":"Hello"}
	//
	// data: two
	// data: lines
}
