package upstream

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// compressor is what all three encodings write through.
type compressor interface {
	io.WriteCloser
	Flush() error
}

func compressors() map[string]func(io.Writer) compressor {
	return map[string]func(io.Writer) compressor{
		"gzip":   func(w io.Writer) compressor { return gzip.NewWriter(w) },
		"X-GZip": func(w io.Writer) compressor { return gzip.NewWriter(w) },
		"deflate": func(w io.Writer) compressor {
			return zlib.NewWriter(w)
		},
		"identity, Deflate": func(w io.Writer) compressor { // without zlib's header
			f, _ := flate.NewWriter(w, 6) // the level is a good one
			return f
		},
	}
}

func compressed(encoding, text string) string {
	var b bytes.Buffer
	z := compressors()[encoding](&b)
	_, _ = io.WriteString(z, text) // a Buffer takes everything
	_ = z.Close()
	return b.String()
}

// TestCompressedReplies are read although they were not asked for.
func TestCompressedReplies(t *testing.T) {
	for encoding := range compressors() {
		for _, status := range []int{200, 400} {
			text := `{"error":{"message":"` + strings.Repeat("long ", 1000) + string(testKey) + `"}}`
			s := llmtest.NewServer(t, llmtest.Steps(llmtest.Header("Content-Encoding", encoding), llmtest.JSON(status, compressed(encoding, text))))
			a, err := dial(t, Options{BaseURL: s.URL}).Do(t.Context(), call)
			if err != nil {
				t.Fatalf("%s: %v", encoding, err)
			}
			if status >= 400 {
				text = strings.ReplaceAll(text, string(testKey), hidden)
			}
			got, err := readText(a)
			if got != text || err != nil || a.Header.Get("Content-Encoding") != "" || a.Header.Get("Content-Length") != "" {
				t.Errorf("%s, %d: %d bytes of %d, %v, headers %v", encoding, status, len(got), len(text), err, a.Header)
			}
			if asked := s.Requests()[0].Header.Get("Accept-Encoding"); asked != "identity" {
				t.Errorf("asked for %q", asked)
			}
		}
	}
}

// TestCompressedStreams sends an event only when the one before it has been read.
func TestCompressedStreams(t *testing.T) {
	for encoding, compress := range compressors() {
		read := make(chan struct{})
		h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Content-Encoding", encoding)
			z := compress(w)
			for range 3 {
				_, _ = io.WriteString(z, "data: {}\n\n")
				_ = z.Flush()
				_ = http.NewResponseController(w).Flush()
				<-read
			}
			_ = z.Close()
		}))
		a, err := dial(t, Options{BaseURL: h.URL}).Do(t.Context(), llm.Call{Stream: true})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := io.ReadFull(a.Body, make([]byte, len("data: {}\n\n"))); err != nil {
				t.Fatalf("%s: %v", encoding, err)
			}
			read <- struct{}{}
		}
		if rest, err := readText(a); rest != "" || err != nil {
			t.Errorf("%s: after the last event %q, %v", encoding, rest, err)
		}
		h.Close()
	}
}

func TestCompressedFaults(t *testing.T) {
	bomb := compressed("gzip", strings.Repeat("x", 5<<20))
	whole := compressed("gzip", "hello, this is a reply")
	tests := []struct {
		name, encoding, body string
		want                 llm.Fault
	}{
		{"larger than the bound once inflated", "gzip", bomb, llm.FaultTooLarge},
		{"not what it says", "gzip", "plain text, and long enough", llm.FaultMalformed},
		{"not deflate either", "deflate", "\xff\xff\xff\xff", llm.FaultMalformed},
		{"bad checksum", "gzip", whole[:len(whole)-8] + "\x00\x00\x00\x00" + whole[len(whole)-4:], llm.FaultMalformed},
		{"cut", "gzip", whole[:len(whole)-9], llm.FaultCut},
		{"twice", "gzip, gzip", whole, llm.FaultMalformed},
		{"unknown", "br", whole, llm.FaultMalformed},
	}
	for _, tt := range tests {
		s := llmtest.NewServer(t, llmtest.Steps(llmtest.Header("Content-Encoding", tt.encoding), llmtest.JSON(200, tt.body)))
		if o := outcome(t, dial(t, Options{BaseURL: s.URL, MaxReply: 1 << 20})); o.Fault != tt.want {
			t.Errorf("%s: fault = %q, want %q", tt.name, o.Fault, tt.want)
		}
	}
	s := llmtest.NewServer(t, llmtest.Steps(llmtest.Header("Content-Encoding", "gzip"), llmtest.JSON(500, bomb)))
	a, err := dial(t, Options{BaseURL: s.URL}).Do(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := readText(a); len(got) != maxErrorBody {
		t.Errorf("of an error reply that inflates to 5 MiB, %d bytes are kept, want %d", len(got), maxErrorBody)
	}
}
