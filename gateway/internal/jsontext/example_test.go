package jsontext_test

import (
	"fmt"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

func ExampleScanner() {
	text := []byte(`{"model":"smart","n":1.0,"tags":["a","\u0062"],"more":{"deep":[]}}`)
	s := jsontext.New(text, 16, jsontext.UTF8)
	for name := range s.Members() {
		switch {
		case name.Is("model"):
			fmt.Println("model:", s.Text())
		case name.Is("n"):
			fmt.Printf("n: %s\n", s.Raw())
		case name.Is("tags"):
			for i := range s.Elements() {
				fmt.Println("tag", i, s.Text())
			}
		default:
			s.Skip()
		}
	}
	fmt.Println(s.End())
	// Output:
	// model: smart
	// n: 1.0
	// tag 0 a
	// tag 1 b
	// <nil>
}

func ExampleScanner_Err() {
	s := jsontext.New([]byte(`{"model":"smart" "n":1}`), 16, jsontext.UTF8)
	s.Skip()
	fmt.Println(s.Err())
	// Output: not valid JSON: expected ',' or '}', found "\"" at byte 17
}

func ExampleAppendName() {
	b := []byte{'{'}
	b = jsontext.AppendQuote(jsontext.AppendName(b, "model"), "größe\n")
	b = jsontext.AppendStrings(jsontext.AppendName(b, "tags"), []string{"a", `"b"`})
	fmt.Println(string(append(b, '}')))
	// Output: {"model":"größe\n","tags":["a","\"b\""]}
}
