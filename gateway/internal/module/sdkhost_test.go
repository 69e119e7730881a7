package module

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryImportOfTheSmallSDKs has a plugin use every import that an SDK offers.
func TestEveryImportOfTheSmallSDKs(t *testing.T) {
	for _, language := range smallSDKs {
		t.Run(language, func(t *testing.T) {
			m := load(t, sdkModule(t, language, "host"), func(s *Spec) {
				s.Grants, s.MaxInstances = []string{"clock", "random", "metrics", "kv"}, 1
			})
			before := "null"
			for _, text := range []string{"a \"quote\"", "", "x"} {
				out, _, err := m.Call(context.Background(), Route, 1, fmt.Appendf(nil, `{"text":%q}`, text), nil)
				if err != nil {
					t.Fatal(err)
				}
				s := scan{b: out}
				got := map[string]string{}
				s.object(func(key string) { got[key] = string(s.raw()) })
				want := map[string]string{"now": got["now"], "random": `"differs"`, "before": before, "set": "true", "after": fmt.Sprintf("%q", text)}
				if diff := cmp.Diff(want, got); diff != "" || len(got["now"]) < 13 {
					t.Errorf("%q: (-want +got)\n%s", out, diff)
				}
				before = want["after"]
			}
		})
	}
}

// TestTheSDKsReadJSON shows what an SDK makes of values that no example needs: their
// kind, as a whole number, and as text or as they stand.
func TestTheSDKsReadJSON(t *testing.T) {
	for _, language := range smallSDKs {
		t.Run(language, func(t *testing.T) {
			m := load(t, sdkModule(t, language, "host"), func(s *Spec) {
				s.Grants = []string{"clock", "random", "metrics", "kv"}
			})
			for in, want := range map[string]string{
				` [ ] `: "", `{}`: "", `7`: "",
				`[null,false,true]`:                                  "1 -1 null\n2 -1 false\n3 -1 true\n",
				`[ [ 1 , [ ] ] , {"a":[{}]} , 1 ]`:                   "6 -1 [ 1 , [ ] ]\n7 -1 \"a\"[{}]\n4 1 1\n",
				`[9223372036854775807,-9223372036854775808]`:         "4 9223372036854775807 9223372036854775807\n4 -9223372036854775808 -9223372036854775808\n",
				`[9223372036854775808,-9223372036854775809]`:         "4 -1 9223372036854775808\n4 -1 -9223372036854775809\n",
				`[1e3,2.0,2.5,-0,1e300,123456789012345678]`:          "4 1000 1e3\n4 2 2.0\n4 -1 2.5\n4 0 -0\n4 -1 1e300\n4 123456789012345678 123456789012345678\n",
				`["\ud83d\ude00\ud83d\ud83d\ude00\ude00\ud83dx\\u"]`: "5 -1 \"😀\ufffd😀\ufffd\ufffdx\\\\u\"\n",
				"[\"\xff\xc3(\xe2\x82\xed\xa0\x80é\xf4\x90\x80\x80\",\"\\b\\f\\t\\/\\u0000\x7f\"]": "5 -1 \"\ufffd\ufffd(\ufffd\ufffd\ufffd\ufffd\ufffdé\ufffd\ufffd\ufffd\ufffd\"\n" +
					"5 -1 \"\\u0008\\u000c\\u0009/\\u0000\x7f\"\n",
				``: "invalid", ` `: "invalid", `[1,]`: "invalid", `[,1]`: "invalid", `{"a":1,}`: "invalid", `{"a"}`: "invalid", `{"a":}`: "invalid", `{1:2}`: "invalid",
				`[1}`: "invalid", `{"a":1]`: "invalid", `[1`: "invalid", `[`: "invalid", `{`: "invalid", `{"`: "invalid", `{"a`: "invalid", `{"a"`: "invalid", `{"a":`: "invalid",
				`]`: "invalid", `[]]`: "invalid", `[] []`: "invalid", `01`: "invalid", `-`: "invalid", `1.`: "invalid", `.5`: "invalid", `1e`: "invalid", `1e+`: "invalid", `+1`: "invalid",
				`tru`: "invalid", `falsy`: "invalid", `nulll`: "invalid", `NaN`: "invalid", `"\x"`: "invalid", `"\u12g4"`: "invalid", `"\u123"`: "invalid", `"\`: "invalid", "\"\n\"": "invalid",
				"[1\v]": "invalid", "[1\x00]": "invalid", "\x0c[]": "invalid", `[1 2]`: "invalid", `["a" "b"]`: "invalid", `{"a":1 "b":2}`: "invalid", `'a'`: "invalid",
			} {
				out, _, err := m.Call(context.Background(), TransformRequest, 1, []byte(in), nil)
				if err != nil || string(out) != want && (want != "invalid" || !bytes.HasSuffix(out, []byte(want))) {
					t.Errorf("%q: got %q, %v, want %q", in, out, err, want)
				}
			}
		})
	}
}

// FuzzTheSDKsJSON holds what an SDK takes for JSON against what Go does.
func FuzzTheSDKsJSON(f *testing.F) {
	var modules []*Module
	for _, language := range smallSDKs {
		modules = append(modules, load(f, sdkModule(f, language, "host"), func(s *Spec) {
			s.Grants = []string{"clock", "random", "metrics", "kv"}
		}))
	}
	f.Add([]byte(`[null,{"a\"b":[1.5e-7,true,"\u00e9\n",[],{}]},-0]`))
	f.Add([]byte(" {\"a\" : [ 01 , \"\xff\" ] }\r\n\t"))
	f.Add([]byte(`[{"a":"b","c":[],"d" : {"e":"f"} , "g":1}]`))
	f.Add([]byte(`{"a":[["x",["y"]],[{}]],"b":"c"}`))
	f.Add([]byte(`[{"a","b":1},{"a":"b":"c"},["a":1],{"a":1 "b":2},{"a":1,},[1,],[,1],[1 2],{"a":[1}]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		if bytes.Count(in, []byte("["))+bytes.Count(in, []byte("{")) > 9000 {
			t.Skip("Go does not read what nests so deep")
		}
		for k, m := range modules {
			out, _, err := m.Call(context.Background(), TransformRequest, 1, in, nil)
			if err != nil || json.Valid(in) == bytes.HasSuffix(out, []byte("invalid")) {
				t.Errorf("%s: %q gives %q, %v; Go says %v", smallSDKs[k], in, out, err, json.Valid(in))
			}
		}
	})
}
