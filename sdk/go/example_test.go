package penstock_test

import (
	"fmt"

	penstock "github.com/penstock/penstock/sdk/go"
)

// A router in the JSON form: it ranks the candidates by the price of their input. In a file
// built for wasip1, the hook is exported with
//
//	//go:wasmexport penstock_route
//	func exported(ptr, n uint32) uint64 { return penstock.Call(route, ptr, n) }
func Example() {
	route := func(out, in []byte) ([]byte, error) {
		for candidate := range penstock.JSON(in).Member("candidates").Items {
			index, _ := candidate.Member("i").Whole()
			price, known := candidate.Member("price_in").Number()
			if known {
				out = penstock.InsertRank(out, uint32(index), 0, -price)
			}
		}
		return penstock.RankingJSON(out, "cheapest input"), nil
	}
	answer, err := route(nil, []byte(`{"candidates":[{"i":0,"price_in":3000},{"i":1,"price_in":150},{"i":2,"price_in":null}]}`))
	fmt.Printf("%s %v\n", answer, err)
	// Output: {"ranking":[{"i":1,"score":-150},{"i":0,"score":-3000}],"drop":[],"reason":"cheapest input"} <nil>
}

// Several members of one object are read in one pass.
func ExampleJSON_Members() {
	in := penstock.JSON(`{"model":"smart","max_tokens":300,"stream":true,"stop":null}`)
	var model []byte
	var bound int64
	for key, value := range in.Members {
		switch string(key) {
		case "model":
			model, _ = value.Text(nil)
		case "max_tokens":
			bound, _ = value.Whole()
		}
	}
	fmt.Printf("%s %d\n", model, bound)
	// Output: smart 300
}

// Lookups chain: what is absent, or of another kind, has no members.
func ExampleJSON_Member() {
	in := penstock.JSON(`{"target":{"id":"openai/gpt-5","features":["tools"]}}`)
	fmt.Printf("%s %v\n", in.Member("target", "id"), in.Member("body", "messages").Null())
	// Output: "openai/gpt-5" true
}

// A transform copies what it does not change, so that every other byte stays as it is.
func ExampleJSON_Offset() {
	body := penstock.JSON(`{"temperature":0.70, "user":"ann@example.com"}`)
	user := body.Member("user")
	at := body.Offset(user)
	out := append([]byte(nil), body[:at]...)
	out = penstock.AppendText(out, []byte("[redacted]"))
	out = append(out, body[at+len(user):]...)
	fmt.Printf("%s\n", out)
	// Output: {"temperature":0.70, "user":"[redacted]"}
}

// A rejection with a code from 400 to 498 goes to the caller.
func ExampleReject() {
	transform := func(out, in []byte) ([]byte, error) {
		model := penstock.JSON(in).Member("body", "model")
		if model.Kind() != '"' {
			return nil, penstock.Reject(400, "model: must be a string, not ", string(model))
		}
		return out, nil // no opinion: the request stays as it is
	}
	_, err := transform(nil, []byte(`{"body":{"model":7}}`))
	fmt.Println(err)
	// Output: model: must be a string, not 7
}

// An event hook keeps nothing between calls: its state comes with the event and goes back
// with the output. This one counts the chunks that it passes on.
func ExampleSplitFrame() {
	count := func(out, in []byte) ([]byte, error) {
		state, payload, ok := penstock.SplitFrame(in)
		name, data, named := penstock.SplitEvent(payload)
		if !ok || !named {
			return nil, penstock.Reject(500, "the event's frame is cut short")
		}
		n, _ := penstock.JSON(state).Whole()
		if string(name) == "chunk" {
			n++
		}
		out = penstock.AppendState(out, penstock.AppendWhole(nil, n))
		if string(name) == "chunk" {
			return penstock.AppendLine(out, data), nil
		}
		return out, nil
	}
	var state []byte
	for _, event := range []string{"penstock.start\n{}", "chunk\n{\"choices\":[]}", "chunk\n{\"choices\":[]}"} {
		out, _ := count(nil, append(penstock.AppendState(nil, state), event...))
		next, payload, _ := penstock.SplitFrame(out)
		state = append([]byte(nil), next...)
		fmt.Printf("state %q, payload %q\n", state, payload)
	}
	// Output:
	// state "0", payload ""
	// state "1", payload "{\"choices\":[]}"
	// state "2", payload "{\"choices\":[]}"
}
