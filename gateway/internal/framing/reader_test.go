package framing_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/framing"
)

// frame is an Event with copies of its slices, which stay valid after the next call.
type frame struct {
	Name, ID, Data, Raw string
	HasData, Partial    bool
}

func keep(e framing.Event) frame {
	return frame{string(e.Name), string(e.ID), string(e.Data), string(e.Raw), e.Data != nil, e.Partial}
}

func readAll(r io.Reader, maxEvent int) ([]frame, error) {
	rd := framing.NewReader(r, maxEvent)
	defer rd.Release()
	var all []frame
	for {
		e, err := rd.Next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, keep(e))
	}
}

func data(raw, data string) frame { return frame{Raw: raw, Data: data, HasData: true} }

func TestNext(t *testing.T) {
	tests := []struct {
		name, in string
		want     []frame
	}{
		{"empty", "", nil},
		{"line feeds", "data: a\n\ndata: b\n\n", []frame{data("data: a\n\n", "a"), data("data: b\n\n", "b")}},
		{"carriage returns and line feeds", "data: a\r\n\r\ndata: b\r\n\r\n",
			[]frame{data("data: a\r\n\r\n", "a"), data("data: b\r\n\r\n", "b")}},
		{"carriage returns", "data: a\r\rdata: b\r\r", []frame{data("data: a\r\r", "a"), data("data: b\r\r", "b")}},
		{"mixed ends", "data: a\r\n\ndata: b\n\r\ndata: c\r\n\r", []frame{
			data("data: a\r\n\n", "a"), data("data: b\n\r\n", "b"), data("data: c\r\n\r", "c")}},
		{"line feed after a blank lone return", "data: a\r\r\ndata: b\r\r\n", []frame{
			data("data: a\r\r", "a"), data("\ndata: b\r\r", "b"), {Raw: "\n"}}},
		{"no space", "data:a\n\n", []frame{data("data:a\n\n", "a")}},
		{"two spaces", "data:  a\n\n", []frame{data("data:  a\n\n", " a")}},
		{"several lines", "data: a\ndata:b\ndata\ndata: c\n\n", []frame{data("data: a\ndata:b\ndata\ndata: c\n\n", "a\nb\n\nc")}},
		{"empty data", "data:\n\n", []frame{data("data:\n\n", "")}},
		{"name and id", "event: ping\nid: 7\nretry: 10\ndata: {}\n\n", []frame{
			{Raw: "event: ping\nid: 7\nretry: 10\ndata: {}\n\n", Name: "ping", ID: "7", Data: "{}", HasData: true}}},
		{"last name counts", "event: a\nevent: b\n\n", []frame{{Raw: "event: a\nevent: b\n\n", Name: "b"}}},
		{"comment", ": PROCESSING\n\n", []frame{{Raw: ": PROCESSING\n\n"}}},
		{"comment before data", ":\ndata: a\n\n", []frame{data(":\ndata: a\n\n", "a")}},
		{"blank lines", "\n\ndata: a\n\n\n", []frame{{Raw: "\n"}, {Raw: "\n"}, data("data: a\n\n", "a"), {Raw: "\n"}}},
		{"byte order mark", "\ufeffdata: a\n\n\ufeffdata: b\n\n", []frame{
			data("\ufeffdata: a\n\n", "a"), {Raw: "\ufeffdata: b\n\n"}}},
		{"half a byte order mark", "\xef\xbb", []frame{{Raw: "\xef\xbb", Partial: true}}},
		{"unknown field", "datas: a\ndat: b\nDATA: c\n\n", []frame{{Raw: "datas: a\ndat: b\nDATA: c\n\n"}}},
		{"colon in value", "data: a: b\n\n", []frame{data("data: a: b\n\n", "a: b")}},
		{"no blank line", "data: a\n", []frame{{Raw: "data: a\n", Data: "a", HasData: true, Partial: true}}},
		{"no line end", "data: a\n\ndata: b", []frame{data("data: a\n\n", "a"),
			{Raw: "data: b", Data: "b", HasData: true, Partial: true}}},
		{"no line feed", "data: a\r", []frame{{Raw: "data: a\r", Data: "a", HasData: true, Partial: true}}},
		{"comment without blank line", ": a\n", []frame{{Raw: ": a\n", Partial: true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{
				"whole":        strings.NewReader(tt.in),
				"byte by byte": iotest.OneByteReader(strings.NewReader(tt.in)),
				"end at once":  iotest.DataErrReader(strings.NewReader(tt.in)),
			} {
				got, err := readAll(r, 0)
				if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
					t.Errorf("%s: events of %q (error %v), -want +got:\n%s", name, tt.in, err, diff)
				}
			}
		})
	}
}

// gate returns one piece per read and then fails the test, where a stalled connection would
// block.
type gate struct{ pieces []string }

var errWaited = errors.New("waited for more input")

func (g *gate) Read(p []byte) (int, error) {
	if len(g.pieces) == 0 {
		return 0, errWaited
	}
	n := copy(p, g.pieces[0])
	g.pieces = g.pieces[1:]
	return n, nil
}

func TestNextDoesNotWaitForMoreThanTheBlankLine(t *testing.T) {
	for _, in := range []string{"data: a\n\n", "data: a\r\n\r\n", "data: a\r\r", ": x\n\n"} {
		r := framing.NewReader(&gate{[]string{in}}, 0)
		if e, err := r.Next(); err != nil || string(e.Raw) != in {
			t.Errorf("Next(%q) = %q, %v, want the frame at once", in, e.Raw, err)
		}
		if r.Ready() {
			t.Errorf("Ready after %q, though nothing has come", in)
		}
		if _, err := r.Next(); !errors.Is(err, errWaited) {
			t.Errorf("second Next(%q) = %v, want it to wait for the source", in, err)
		}
		r.Release()
	}
}

func TestBrokenSourceIsNoCleanEnd(t *testing.T) {
	src := io.MultiReader(strings.NewReader("data: a\n\ndata: b\n"), iotest.ErrReader(io.ErrUnexpectedEOF))
	got, err := readAll(src, 0)
	if diff := cmp.Diff([]frame{data("data: a\n\n", "a")}, got); diff != "" || err != io.ErrUnexpectedEOF {
		t.Errorf("events = %v, error %v, want one event and the source's error", got, err)
	}
	if _, err := readAll(stuck{}, 0); err != io.ErrNoProgress {
		t.Errorf("error of a source that gives nothing = %v, want %v", err, io.ErrNoProgress)
	}
}

// stuck is a reader that returns nothing, forever.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestBound(t *testing.T) {
	long := "data: " + strings.Repeat("x", 200<<10) + "\n\n"
	tests := []struct {
		in    string
		bound int
		want  bool
	}{
		{long, 0, true},
		{long, len(long), true},
		{long, len(long) - 1, false},
		{strings.TrimRight(long, "\n"), len(long) - 2, true},
		{strings.TrimRight(long, "\n"), len(long) - 3, false},
		{"data: 12345\n\n", 13, true},
		{"data: 12345\n\n", 12, false},
		{"data: 12345\r\r", 13, true},
		{"data: 12345", 10, false},
		{strings.Repeat("data: a\n", 300_000) + "\n", 0, false},
	}
	for _, tt := range tests {
		for _, r := range []io.Reader{strings.NewReader(tt.in), iotest.HalfReader(strings.NewReader(tt.in)),
			iotest.OneByteReader(strings.NewReader(tt.in))} {
			got, err := readAll(r, tt.bound)
			if tt.want && (err != nil || len(got) != 1 || got[0].Raw != tt.in) {
				t.Errorf("%d bytes, bound %d: %d events, error %v, want one event", len(tt.in), tt.bound, len(got), err)
			}
			if !tt.want && (!errors.Is(err, framing.ErrTooLong) || len(got) > 0) {
				t.Errorf("%d bytes, bound %d: %d events, error %v, want %v", len(tt.in), tt.bound, len(got), err, framing.ErrTooLong)
			}
		}
	}
}

// endless is a line without an end.
type endless struct{ given int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.given += len(p)
	return len(p), nil
}

func TestEndlessLineTakesBoundedMemory(t *testing.T) {
	src := &endless{}
	r := framing.NewReader(src, 0)
	defer r.Release()
	if _, err := r.Next(); !errors.Is(err, framing.ErrTooLong) {
		t.Errorf("error = %v, want %v", err, framing.ErrTooLong)
	}
	if src.given > 2*framing.DefaultMaxEvent+1 {
		t.Errorf("read %d bytes before giving up, want at most twice the bound", src.given)
	}
}

func TestReleaseTwice(t *testing.T) {
	r := framing.NewReader(strings.NewReader("data: a\n\n"), 0)
	r.Release()
	r.Release()
	if _, err := r.Next(); err != io.ErrClosedPipe {
		t.Errorf("Next after Release: error %v, want %v", err, io.ErrClosedPipe)
	}
}

// loop repeats a stream for ever, 1,000 bytes a read as a network would.
type loop struct {
	body []byte
	at   int
}

func (l *loop) Read(p []byte) (int, error) {
	if l.at == len(l.body) {
		l.at = 0
	}
	n := copy(p[:min(len(p), 1000)], l.body[l.at:])
	l.at += n
	return n, nil
}

const chunk = `data: {"id":"chatcmpl-532a6640-2e18-4a4c-8406-8437a857ce48","object":"chat.completion.chunk","created":1739948145,` +
	`"model":"llama3-8b-8192","system_fingerprint":"fp_179b0f92c9","choices":[{"index":0,"delta":{"content":" joke"},` +
	`"logprobs":null,"finish_reason":null}]}` + "\n\n"

func BenchmarkNext(b *testing.B) {
	r := framing.NewReader(&loop{body: []byte(chunk)}, 0)
	defer r.Release()
	b.ReportAllocs()
	b.SetBytes(int64(len(chunk)))
	for b.Loop() {
		if e, err := r.Next(); err != nil || len(e.Data) == 0 {
			b.Fatal(err)
		}
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	r := framing.NewReader(&loop{body: []byte(chunk)}, 0)
	defer r.Release()
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Next allocates %v times, want 0", n)
	}
}

// TestReady compares Ready with Next: it is true only for complete frames.
func TestReady(t *testing.T) {
	const frame = "data: a\n\n"
	for rest, want := range map[string]bool{
		"": false, "d": false, "data: b": false, "data: b\n": false, "data: b\n\n": true, ": x\n\n": true,
		"data: b\r\n\r\n": true, "data: b\r\n": false, "event: e\ndata: b\n": false, "data: b\n\ndata: c": true,
	} {
		r := framing.NewReader(&gate{[]string{frame + rest}}, 0)
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		if got := r.Ready(); got != want {
			t.Errorf("Ready with %q at hand = %t, want %t", rest, got, want)
		}
		if _, err := r.Next(); want && err != nil {
			t.Errorf("Next with %q at hand = %v, want a frame", rest, err)
		}
	}
}
