package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReaderTakesMessagesOneAfterTheOther(t *testing.T) {
	in := "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Mark: Yes\r\n\r\nhello" +
		"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n" +
		"HTTP/1.1 204 No Content\n\n"
	r := newReader(iotest.OneByteReader(strings.NewReader(in)))
	r.mark = []byte("x-mark: yes")
	for _, want := range []struct {
		status        int
		body          string
		close, marked bool
	}{
		{200, "hello", false, true},
		{200, "abc0123456789", true, false},
		{204, "", false, false},
	} {
		h, err := r.head()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.await(h); err != nil {
			t.Fatal(err)
		}
		body, err := r.body(h)
		if err != nil || h.status() != want.status || string(body) != want.body || h.close != want.close || h.marked != want.marked {
			t.Errorf("got %d %q close %v marked %v %v, want %+v", h.status(), body, h.close, h.marked, err, want)
		}
	}
	if _, err := r.head(); err != io.EOF {
		t.Errorf("head() at the end = %v, want io.EOF", err)
	}
}

func TestReaderRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"cut head":             "HTTP/1.1 200 OK\r\nContent-Le",
		"cut body":             "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
		"cut chunks":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		"cut trailer":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
		"chunk with more":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
		"negative length":      "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
		"enormous length":      "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
		"enormous chunk":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n",
		"chunk of no size":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
		"header without colon": "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
		"endless line":         "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxLine) + "\r\n\r\n",
		"endless head":         "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", maxHeaders+1) + "\r\n",
		"endless chunks":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("FFFF\r\n"+strings.Repeat("x", 0xffff)+"\r\n", 17),
	} {
		r := newReader(strings.NewReader(in))
		h, err := r.head()
		if err == nil {
			_, err = r.body(h)
		}
		if err == nil || err == io.EOF {
			t.Errorf("%s: error = %v, want one that is not io.EOF", name, err)
		}
	}
}

func TestHeadOfARequest(t *testing.T) {
	for line, want := range map[string]string{
		"POST /v1/messages HTTP/1.1": "/v1/messages",
		"GET / HTTP/1.0":             "/",
		"GET /":                      "",
		"HTTP/1.1 200 OK":            "",
		"":                           "",
	} {
		if got := string(head{line: []byte(line)}.path()); got != want {
			t.Errorf("path of %q = %q, want %q", line, got, want)
		}
	}
}

// FuzzReader checks that no input makes the reader panic or exceed its bounds, and that a
// body it accepts is read the same when it is framed again.
func FuzzReader(f *testing.F) {
	c := newCanned()
	f.Add(c.chat)
	f.Add(bytes.Join(c.stream, nil))
	f.Add([]byte("GET /v1/models HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := newReader(bytes.NewReader(in))
		h, err := r.head()
		if err != nil {
			return
		}
		body, err := r.body(h)
		if err != nil {
			return
		}
		if len(body) > maxBody {
			t.Fatalf("body of %d bytes", len(body))
		}
		again := newReader(bytes.NewReader(whole("200 OK", string(body))))
		h, err = again.head()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := again.body(h); err != nil || !bytes.Equal(got, body) {
			t.Fatalf("read again: %q, %v, want %q", got, err, body)
		}
	})
}
