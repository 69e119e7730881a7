package framing_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/framing"
)

// cut is a reader that returns pieces of random length.
type cut struct {
	rest []byte
	rnd  *rand.Rand
}

func (c *cut) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := min(1+c.rnd.IntN(1+c.rnd.IntN(64)), len(p), len(c.rest))
	copy(p, c.rest[:n])
	c.rest = c.rest[n:]
	return n, nil
}

// checkStream checks for an input that no byte is lost, and that the events do not depend on
// how the input is split.
func checkStream(t *testing.T, body []byte, seed uint64) []frame {
	t.Helper()
	whole, err := readAll(bytes.NewReader(body), 0)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	var raw strings.Builder
	for _, f := range whole {
		raw.WriteString(f.Raw)
	}
	if raw.String() != string(body) {
		t.Fatalf("frames of %q put together are %q", body, raw.String())
	}
	pieces, err := readAll(&cut{body, rand.New(rand.NewPCG(seed, 1))}, 0)
	if err != nil {
		t.Fatalf("read in pieces: %v", err)
	}
	if diff := cmp.Diff(whole, pieces); diff != "" {
		t.Fatalf("events of %q depend on how it is cut, -whole +pieces:\n%s", body, diff)
	}
	return whole
}

// recordings is the folder of recorded provider traffic, beside the repository.
func recordings(t *testing.T) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !exists(filepath.Join(dir, "go.mod")) {
		dir = filepath.Dir(dir)
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

func TestRecordings(t *testing.T) {
	dir, streams, events := recordings(t), 0, 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".json" {
			return err
		}
		body, ok, err := eventStream(path)
		if err != nil || !ok {
			return err
		}
		streams++
		for _, f := range checkStream(t, body, uint64(streams)) {
			if f.HasData && f.Data != "[DONE]" && !json.Valid([]byte(f.Data)) {
				t.Errorf("%s: data is not JSON: %q", path, f.Data)
			}
			events++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if streams == 0 {
		t.Fatal("no recorded event stream found")
	}
	t.Logf("%d of %d recorded event streams come out byte for byte, %d events", streams, streams, events)
}

// eventStream is the body of a recording if it is an event stream.
func eventStream(path string) (body []byte, ok bool, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, false, err
	}
	var rec struct {
		Header map[string]string `json:"response_headers"`
		Body   string            `json:"response_body"`
	}
	if err := json.Unmarshal(b, &rec); err != nil {
		return nil, false, fmt.Errorf("%s: %w", path, err)
	}
	return []byte(rec.Body), strings.HasPrefix(rec.Header["content-type"], "text/event-stream"), nil
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{"data: a\n\n", "data: a\r\n\r\nevent: b\rdata\r\r\n", "\ufeff: c\n\n", "\r\r\r\n\n",
		"id: 1\ndata: é\n\ndata: [DONE]\n\n", "data: x\n\r\n\r\rdata:y"} {
		f.Add([]byte(s), uint64(1))
	}
	f.Fuzz(func(t *testing.T, body []byte, seed uint64) {
		for _, e := range checkStream(t, body, seed) {
			if !e.HasData || e.Partial {
				continue
			}
			printed := framing.AppendEvent(nil, e.Name, []byte(e.Data))
			again, err := readAll(bytes.NewReader(printed), 0)
			want := []frame{{Name: e.Name, Data: e.Data, HasData: true, Raw: string(printed)}}
			if diff := cmp.Diff(want, again); diff != "" || err != nil {
				t.Fatalf("%q printed as %q reads differently (error %v):\n%s", e.Raw, printed, err, diff)
			}
		}
		if _, err := readAll(bytes.NewReader(body), 16); err != nil && !errors.Is(err, framing.ErrTooLong) {
			t.Fatalf("with a bound: %v", err)
		}
	})
}
