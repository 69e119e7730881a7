package intake

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// TestUpperBounds: what a request may take at most, and what nobody can know.
func TestUpperBounds(t *testing.T) {
	mega := strings.Repeat("QUJD", 1<<18) // 1 MiB of base64
	for _, tt := range []struct {
		name      string
		part      string
		media     int64 // upper bound in tokens
		images    int
		unbounded string
		most      int64 // of the likely size; 0 for any
	}{
		{name: "text", part: `{"type":"text","text":"hi"}`, most: 200},
		{name: "a picture", part: `{"type":"image_url","image_url":{"url":"data:image/png;base64,` + mega + `"}}`, images: 1, most: 2200},
		{name: "its scheme in capitals", part: `{"type":"image_url","image_url":{"detail":"high","url":"DATA:image/png;BASE64,AAAA"}}`, images: 1},
		{name: "as a string", part: `{"type":"image_url","image_url":"data:image/png;base64,AAAA"}`, images: 1},
		{name: "a remote picture", part: `{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}`, images: 1, unbounded: "a remote image"},
		{name: "a picture of another host", part: `{"type":"image_url","image_url":{"url":"gs://bucket/a.png"}}`, images: 1, unbounded: "a remote image"},
		{name: "sound", part: `{"type":"input_audio","input_audio":{"data":"` + mega + `","format":"mp3"}}`, media: audioTokens + (1<<20+26)/16},
		{name: "a document", part: `{"type":"file","file":{"filename":"a.pdf","file_data":"` + mega + `"}}`, media: 1<<20 + 8000},
		{name: "a file id", part: `{"type":"file","file":{"file_id":"file-1"}}`, unbounded: "a file id"},
		{name: "a remote file", part: `{"type":"file","file":{"file_data":"https://example.com/a.pdf"}}`, unbounded: "a remote file"},
		{name: "another member that looks like a data URL", part: `{"type":"image_url","image_url":{"url":"https://example.com/a.png","detail":"data:"}}`, images: 1, unbounded: "a remote image"},
		{name: "an address with escapes", part: `{"type":"image_url","image_url":{"x":"data:","url":"https:\/\/example.com/a.png"}}`, images: 1, unbounded: "a remote image"},
		{name: "a picture with escapes", part: `{"type":"image_url","image_url":{"url":"data:image\/png;base64,AA\u002BA"}}`, images: 1},
		{name: "a file id with escapes", part: `{"type":"file","file":{"file_data":"AAAA","file\u005fid":"f1"}}`, unbounded: "a file id"},
		{name: "a file id that speaks of data", part: `{"type":"file","file":{"file_id":"f1","filename":"\"file_data\""}}`, unbounded: "a file id"},
		{name: "a file whose address has escapes", part: `{"type":"file","file":{"file_data":"https\u003a//example.com/a.pdf"}}`, unbounded: "a remote file"},
		{name: "a file's second address", part: `{"type":"file","file":{"file_data":"AAAA","file_url":"https:\/\/example.com/a.pdf"}}`, unbounded: "a remote file"},
		{name: "remote sound", part: `{"type":"input_audio","input_audio":{"data":"https:\/\/example.com/a.wav","format":"wav"}}`, unbounded: "a remote sound"},
		{name: "a name with a colon", part: `{"type":"file","file":{"filename":"a: b://c.pdf","file_data":"data:application/pdf;base64,AAAA"}}`, media: 8000},
		{name: "text beside an address", part: `{"text":"hi","video_url":{"url":"https://example.com/a.mp4"}}`, unbounded: "a part of a type that this gateway does not know"},
		{name: "text without a type", part: `{"text":"hi"}`},
		{name: "a type and text", part: `{"text":"hi","type":"document_url","document_url":"https://example.com/a.pdf"}`, unbounded: "a part of a type that this gateway does not know"},
		{name: "a video", part: `{"type":"video_url","video_url":{"url":"https://example.com/a.mp4"}}`, unbounded: "a part of a type that this gateway does not know"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := fmt.Sprintf(`{"model":"m","messages":[{"role":"user","content":[%s]}]}`, tt.part)
			f, _, err := Scan([]byte(body), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if f.MediaTokens < tt.media || f.MediaTokens > tt.media+10_000 || f.Images != tt.images || f.Unbounded != tt.unbounded {
				t.Errorf("media %d, images %d, unbounded %q; want %d, %d, %q", f.MediaTokens, f.Images, f.Unbounded, tt.media, tt.images, tt.unbounded)
			}
			if tt.most > 0 && f.EstInputTokens > tt.most {
				t.Errorf("EstInputTokens = %d, want at most %d", f.EstInputTokens, tt.most)
			}
			if text := int64(len(body)); tt.images+int(tt.media) > 0 && f.TextBytes > 300 || tt.images+int(tt.media) == 0 && f.TextBytes > text {
				t.Errorf("TextBytes = %d of %d", f.TextBytes, text)
			}
		})
	}
}

func TestADocumentCountsByItsLength(t *testing.T) {
	body := `{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"` + strings.Repeat("A", 4<<20) + `"}}]}]}`
	f, _, err := Scan([]byte(body), Options{})
	if err != nil || f.EstInputTokens < 100_000 {
		t.Errorf("a document of 3 MB counts as %d tokens, %v; want at least 100,000", f.EstInputTokens, err)
	}
}

func TestToolsOfTheProvider(t *testing.T) {
	for tools, want := range map[string]string{
		`[{"type":"function","function":{"name":"web_search","parameters":{"type":"object"}}}]`:   "",
		`[{"type":"web_search_20250305","name":"web_search"}]`:                                    "a tool that the provider runs",
		`[{"name":"s","type" : "web_fetch_20250910"}]`:                                            "a tool that the provider runs",
		`[{"name":"f","input_schema":{}},{"type":"custom","custom":{}},{"type":"bash_20250124"}]`: "",
		`[{"ty\u0070e":"web_search_20250305","name":"web_search"}]`:                               "a tool that the provider runs",
		`[{"type":"web\u005fsearch_20250305","name":"web_search"}]`:                               "a tool that the provider runs",
		`[{"type":"openrouter:web_search_"}]`:                                                     "a tool that the provider runs",
		`[{"type":"function","function":{"name":"f"}},{"google_search":{}}]`:                      "a tool that the provider runs",
		`[{"type":"browser_search"}]`:                                                             "a tool that the provider runs",
		`[{"type":null,"url_context":{}}]`:                                                        "a tool that the provider runs",
		`[{"type":"mcp","server_url":"https://example.com"}]`:                                     "a tool that the provider runs",
	} {
		f, _, err := Scan([]byte(`{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":`+tools+`}`), Options{})
		if err != nil || f.Unbounded != want {
			t.Errorf("%s: %q, %v; want %q", tools, f.Unbounded, err, want)
		}
		if got := f.Features.Has(llm.WebSearch); got != (strings.Contains(tools, "search_") && want != "" && !strings.Contains(tools, "google")) {
			t.Errorf("%s: a web search = %t", tools, got)
		}
	}
}

func TestWhatComesFromElsewhere(t *testing.T) {
	for in, want := range map[string]string{
		`{"model":"m","messages":[{"role":"user","content":"hi"}],"plugins":[{"id":"web"}]}`:                                "a plugin that the provider runs",
		`{"model":"m","messages":[{"role":"user","content":"hi"}],"previous_response_id":"r1"}`:                             "what previous_response_id brings in",
		`{"model":"m","messages":[{"role":"assistant","audio":{"id":"a1"},"content":null},{"role":"user","content":"hi"}]}`: "the sound of an earlier reply",
		`{"model":"m","messages":[{"role":"user","content":"plugins"}],"top_k":5}`:                                          "",
	} {
		if f, _, err := Scan([]byte(in), Options{}); err != nil || f.Unbounded != want {
			t.Errorf("%s: %q, %v; want %q", in, f.Unbounded, err, want)
		}
	}
}

func TestMembersThatChangeThePrice(t *testing.T) {
	for member, want := range map[string]string{
		`"service_tier":"auto"`: "", `"service_tier":null`: "", `"service_tier":"flex"`: "", `"metadata":{"models":"a"}`: "",
		`"service_tier":"priority"`: "service_tier", `"service\u005ftier":"pri\u006frity"`: "service_tier",
		`"models":["a","b"]`: "models", `"models":["a"],"service_tier":"priority"`: "models", `"mo\u0064els":["a"]`: "models",
	} {
		in := `{"model":"m","messages":[{"role":"user","content":"hi"}],` + member + `}`
		if f, _, err := Scan([]byte(in), Options{}); err != nil || f.Repriced != want {
			t.Errorf("%s: %q, %v; want %q", in, f.Repriced, err, want)
		}
	}
}

func TestCacheWrites(t *testing.T) {
	for body, want := range map[string]bool{
		`{"model":"m","messages":[{"role":"user","content":"hi"}]}`:                                           false,
		`{"model":"m","messages":[{"role":"user","content":"hi","cache_control":{"type":"ephemeral"}}]}`:      true,
		`{"model":"m","messages":[{"role":"user","content":"hi","cache\u005fcontrol":{"type":"ephemeral"}}]}`: true,
	} {
		if f, _, err := Scan([]byte(body), Options{}); err != nil || f.CacheWrites != want {
			t.Errorf("%s: %t, %v; want %t", body, f.CacheWrites, err, want)
		}
	}
}
