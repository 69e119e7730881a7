package llmtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Recorded is one recorded exchange with a provider.
type Recorded struct {
	// Path is relative to the recordings' folder, such as "openai/chat/x.json".
	Path     string   `json:"-"`
	Provider string   `json:"provider"`
	Endpoint string   `json:"endpoint"`
	Kind     string   `json:"kind"`
	Tags     []string `json:"tags"`
	Model    string   `json:"model"`
	Method   string   `json:"method"`
	URLHost  string   `json:"url_host"`
	URLPath  string   `json:"url_path"`
	// RequestHeader and Header have lower-case names.
	RequestHeader map[string]string `json:"request_headers"`
	RequestBody   string            `json:"request_body"`
	Status        int               `json:"status"`
	Header        map[string]string `json:"response_headers"`
	Stream        bool              `json:"stream"`
	Provenance    string            `json:"provenance"`
	BodyFidelity  string            `json:"body_fidelity"`
	Source        string            `json:"source"`
	License       string            `json:"license"`
	Framing       string            `json:"framing"`
	// Body is the reply's, decoded.
	Body []byte `json:"-"`
}

// RecordingsDir returns the folder "shared/recordings" beside the repository. Without it,
// the test is skipped.
func RecordingsDir(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !exists(filepath.Join(dir, "go.mod")) {
		if dir = filepath.Dir(dir); dir == filepath.Dir(dir) {
			t.Skip("no go.mod above the test, so no recordings")
		}
	}
	dir = filepath.Join(filepath.Dir(dir), "shared", "recordings")
	if !exists(dir) {
		t.Skipf("no recordings at %s", dir)
	}
	return dir
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Recording loads one recording by its path within the recordings' folder. Without
// recordings, the test is skipped.
func Recording(t testing.TB, path string) *Recorded {
	t.Helper()
	r, err := load(RecordingsDir(t), path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Recordings yields the recordings for which keep returns true, in order of their paths; a
// nil keep means all. Without recordings, the test is skipped.
func Recordings(t testing.TB, keep func(*Recorded) bool) iter.Seq[*Recorded] {
	t.Helper()
	dir := RecordingsDir(t)
	return func(yield func(*Recorded) bool) {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".json" {
				return err
			}
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			r, err := load(dir, rel)
			if err == nil && (keep == nil || keep(r)) && !yield(r) {
				return fs.SkipAll
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func load(dir, path string) (*Recorded, error) {
	b, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		return nil, err
	}
	in := struct {
		Recorded
		Body     string `json:"response_body"`
		Encoding string `json:"response_body_encoding"`
	}{Recorded: Recorded{Path: filepath.ToSlash(path)}}
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, fmt.Errorf("recording %s: %w", path, err)
	}
	r := in.Recorded
	r.Body = []byte(in.Body)
	if in.Encoding == "base64" {
		if r.Body, err = base64.StdEncoding.DecodeString(in.Body); err != nil {
			return nil, fmt.Errorf("recording %s: body: %w", path, err)
		}
	}
	return &r, nil
}

// ContentType returns the media type of the reply without its parameters.
func (r *Recorded) ContentType() string {
	t, _, _ := strings.Cut(r.Header["content-type"], ";")
	return strings.TrimSpace(t)
}

// HTTPHeader returns the recorded headers without those of the recorded connection.
func (r *Recorded) HTTPHeader() http.Header {
	h := http.Header{}
	for k, v := range r.Header {
		switch k {
		case "content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive",
			"date", "set-cookie", "alt-svc", "strict-transport-security":
		default:
			h.Set(k, v)
		}
	}
	return h
}

// Replay answers with the recorded reply. A stream is sent in pieces whose random lengths
// depend on the seed, each flushed.
func Replay(r *Recorded, seed uint64) Step {
	return func(x *Exchange) {
		for k, v := range r.HTTPHeader() {
			x.W.Header()[k] = v
		}
		if x.W.Header().Get("Content-Type") == "" {
			x.W.Header()["Content-Type"] = nil // or net/http would guess one
		}
		x.W.WriteHeader(r.Status)
		if !r.Stream {
			x.W.Write(r.Body)
			return
		}
		rnd := rand.New(rand.NewPCG(seed, 0))
		for rest := r.Body; len(rest) > 0; {
			n := min(1+rnd.IntN(1+rnd.IntN(1024)), len(rest))
			x.W.Write(rest[:n])
			x.flush()
			rest = rest[n:]
		}
	}
}
