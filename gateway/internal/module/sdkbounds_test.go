package module

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// smallSDKs are those whose plugins have 16 MiB and numbers of their own making.
var smallSDKs = []string{"assemblyscript", "zig"}

// TestTheSDKsStayWithinTheirMemory gives one instance large and small inputs in turn: it
// must neither run out of memory nor grow from call to call, and refuse what is too long.
func TestTheSDKsStayWithinTheirMemory(t *testing.T) {
	for _, language := range smallSDKs {
		t.Run(language, func(t *testing.T) {
			m := load(t, sdkModule(t, language, "house-style"), func(s *Spec) {
				s.Config, s.MaxInstances = []byte(`{"styles":{"*":"Be brief."}}`), 1
			})
			call := func(size int) ([]byte, error) {
				text := strings.Repeat(`\n<é>`, size/6)
				in := []byte(`{"target":{"id":"x"},"body":{"messages":[{"role":"system","content":"` + text + `"}]}}`)
				out, _, err := m.Call(context.Background(), TransformRequest, 1, in, nil)
				if err == nil && !bytes.HasSuffix(out, []byte(text[len(text)/2:]+`"}]}}`)) {
					t.Fatalf("%d bytes came back as %d", len(in), len(out))
				}
				return out, err
			}
			for range 3 {
				for _, size := range []int{10, 70 << 10, 1 << 20, 3 << 20, 4<<20 - 200, 100, 2 << 20} {
					if _, err := call(size); err != nil {
						t.Fatalf("with %d bytes: %v", size, err)
					}
				}
			}
			if _, err := call(5 << 20); err == nil || !strings.Contains(err.Error(), "no room for the input") {
				t.Errorf("with 5 MiB: %v, want no room for the input", err)
			}
		})
	}
}

// TestTheSDKsReadAndWriteNumbersExactly sends a price through cheapest: the score must
// be the double that Go makes of the same digits.
func TestTheSDKsReadAndWriteNumbersExactly(t *testing.T) {
	for _, language := range smallSDKs {
		t.Run(language, func(t *testing.T) {
			m := load(t, sdkModule(t, language, "cheapest"))
			score := func(t interface{ Fatalf(string, ...any) }, price string) {
				in := fmt.Sprintf(`{"est_input_tokens":1,"with":{"output_tokens":0},"candidates":[{"i":0,"price_in":%s,"price_out":0,"healthy":true}]}`, price)
				out, _, err := m.Call(context.Background(), Route, 1, []byte(in), nil)
				if err != nil {
					t.Fatalf("%s: %v", price, err)
				}
				var got struct{ Ranking []struct{ Score json.Number } }
				if err := json.Unmarshal(out, &got); err != nil || len(got.Ranking) != 1 {
					t.Fatalf("%s: %q, %v", price, out, err)
				}
				x, _ := strconv.ParseFloat(price, 64)
				if f, err := got.Ranking[0].Score.Float64(); err != nil || f != -(x/1e6) {
					t.Fatalf("%s: score %s, want %v", price, got.Ranking[0].Score, -(x / 1e6))
				}
			}
			for _, price := range []string{"0", "-0", "1e-400", "4.9e-324", "2.4703282292062327208e-324", "2.4703282292062328e-324",
				"2.2250738585072011e-308", "2.2250738585072014e-308", "1.7976931348623157e308", "9007199254740993", "9007199254740993.00000000000001",
				"0.1e1", "123456789012345678901234567890", "1" + strings.Repeat("0", 300), "0." + strings.Repeat("0", 300) + "123", "5E-1", "1.0e+22", "1e23",
				"9007199254740992." + strings.Repeat("0", 900) + "1", "9007199254740993" + strings.Repeat("0", 200) + "e-200"} {
				score(t, price)
			}
			rapid.Check(t, func(t *rapid.T) {
				x := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
				if math.IsNaN(x) || math.IsInf(x, 0) {
					return
				}
				price := strconv.FormatFloat(x, rapid.SampledFrom([]byte("eEf")).Draw(t, "form"), rapid.SampledFrom([]int{-1, 3, 16, 17, 18, 30}).Draw(t, "digits"), 64)
				score(t, price)
			})
		})
	}
}
