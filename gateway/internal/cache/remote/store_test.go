package remote

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/penstock/penstock/gateway/internal/hint"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testKey = [32]byte{1, 2, 3}

// TestSharing has two gateways at one server.
func TestSharing(t *testing.T) {
	url := redis(t)
	a, b := openTest(t, Options{URL: url}), openTest(t, Options{URL: url})
	if _, ok := b.get(t.Context(), testKey); ok {
		t.Error("an empty server has a value")
	}
	data := bytes.Repeat([]byte{0, '\r', '\n', 0xff}, 1000)
	a.Put(testKey, data, time.Hour)
	if v := awaitValue(t, b, testKey); !bytes.Equal(v.data, data) || time.Since(v.created) > time.Minute {
		t.Errorf("b reads %d bytes of %v", len(v.data), v.created)
	}
	if _, ok := b.get(t.Context(), [32]byte{3, 2, 1}); ok {
		t.Error("another key has the value")
	}
	b.Delete(testKey)
	await(t, func() bool { _, ok := a.get(t.Context(), testKey); return !ok })
	if s := a.Stats(); s.Rejected != 0 || s.Failed != 0 || s.Dropped != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestPoisonedValues puts what is no value of a gateway's under its name.
func TestPoisonedValues(t *testing.T) {
	url := redis(t)
	now := time.Now()
	s := openTest(t, Options{URL: url, MaxValue: 1000, Now: func() time.Time { return now }})
	name := s.signer.name(testKey)
	good := s.signer.seal(name, []byte("data"), now, time.Hour)
	other := newSigner([]byte("another secret of somebody"))
	change := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	for what, c := range map[string]struct {
		value    []byte
		rejected bool
	}{
		"good":                     {good, false},
		"one of another secret":    {other.seal(name, []byte("data"), now, time.Hour), true},
		"one of another key":       {s.signer.seal(s.signer.name([32]byte{9}), []byte("data"), now, time.Hour), true},
		"a longer life":            {change(12), true},
		"an earlier birth":         {change(5), true},
		"other data":               {change(len(good) - 1), true},
		"another signature":        {change(20), true},
		"a head only":              {good[:overhead-1], true},
		"one byte":                 {[]byte{version}, true},
		"another version":          {append([]byte{version + 1}, good[1:]...), false},
		"one too large":            {s.signer.seal(name, make([]byte, 1001), now, time.Hour), true},
		"one much too large":       {make([]byte, 1<<20), false},
		"one that is over":         {s.signer.seal(name, []byte("data"), now.Add(-2*time.Hour), time.Hour), false},
		"one from far in future":   {s.signer.seal(name, []byte("data"), now.Add(time.Hour), time.Hour), false},
		"one from a clock's drift": {s.signer.seal(name, []byte("data"), now.Add(time.Minute), time.Hour), false},
	} {
		client, _ := s.link.use()
		if err := client.Do(t.Context(), client.B().Set().Key(name).Value(string(c.value)).Build()).Error(); err != nil {
			t.Fatal(err)
		}
		before := s.Stats().Rejected
		v, ok := s.get(t.Context(), testKey)
		if want := what == "good" || strings.Contains(what, "drift"); ok != want || ok && string(v.data) != "data" {
			t.Errorf("%s is read as %q, %v", what, v.data, ok)
		}
		if rejected := s.Stats().Rejected > before; rejected != c.rejected {
			t.Errorf("%s counts as rejected: %v", what, rejected)
		}
	}
}

// TestWhatIsNotKept puts what can't be kept.
func TestWhatIsNotKept(t *testing.T) {
	s := openTest(t, Options{URL: redis(t), MaxValue: 10})
	for i, ttl := range []time.Duration{0, -time.Hour, time.Microsecond} {
		s.Put([32]byte{byte(i)}, []byte("x"), ttl)
	}
	s.Put([32]byte{3}, make([]byte, 11), time.Hour)
	s.Put([32]byte{4}, make([]byte, 10), 1<<62) // of the longest life
	awaitValue(t, s, [32]byte{4})
	client, _ := s.link.use()
	if n, err := client.Do(t.Context(), client.B().Dbsize().Build()).AsInt64(); err != nil || n != 1 {
		t.Errorf("the server has %d values (%v), want 1", n, err)
	}
}

// TestServerGoneAndBack cuts the connection: nothing waits for a server that is down, and it
// is used again when it is back.
func TestServerGoneAndBack(t *testing.T) {
	p := startProxy(t)
	s := openTest(t, Options{URL: p.url()})
	s.Put(testKey, []byte("x"), time.Hour)
	awaitValue(t, s, testKey)
	p.gone()
	await(t, func() bool {
		_, ok := s.get(t.Context(), testKey)
		return !ok && s.Stats().Down
	})
	failed := s.Stats().Failed
	for range 100 {
		s.get(t.Context(), testKey)
		s.Put(testKey, []byte("y"), time.Hour)
	}
	if got := s.Stats().Failed; got != failed {
		t.Errorf("%d reads were tried while the server was down", got-failed)
	}
	await(t, func() bool { return s.Stats().Dropped == 100 })
	p.pass()
	if v := awaitValue(t, s, testKey); string(v.data) != "x" {
		t.Errorf("after that the value is %q", v.data)
	}
}

// TestSlowServer holds answers back: a read ends when its wait is over, whether or not the
// server ever answers.
func TestSlowServer(t *testing.T) {
	p := startProxy(t)
	s := openTest(t, Options{URL: p.url(), Wait: 20 * time.Millisecond})
	p.hold()
	for range maxFailures {
		if _, ok := s.get(t.Context(), testKey); ok {
			t.Error("a value was read from a server that does not answer")
		}
	}
	if st := s.Stats(); !st.Down || st.Failed != maxFailures {
		t.Errorf("stats %+v, want it down after %d reads", st, maxFailures)
	}
	p.pass()
	await(t, func() bool { return !s.Stats().Down })
}

// TestRefusals has the server refuse what it is asked: that is an answer, so it is not down.
func TestRefusals(t *testing.T) {
	var log bytes.Buffer
	s := openTest(t, Options{URL: redis(t), Log: slog.New(slog.NewTextHandler(&log, nil))})
	client, _ := s.link.use()
	do := func(command ...string) {
		t.Helper()
		if err := client.Do(t.Context(), client.B().Arbitrary(command...).Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	do("RPUSH", s.signer.name(testKey), "a list")
	for range 2 * maxFailures {
		s.get(t.Context(), testKey)
	}
	do("CONFIG", "SET", "maxmemory", "1")
	for range 2 * maxFailures {
		s.Put([32]byte{1}, []byte("x"), time.Hour)
	}
	await(t, func() bool { return s.Stats().Dropped == 2*maxFailures })
	if st := s.Stats(); st.Rejected != 2*maxFailures || st.Failed != 0 || st.Down {
		t.Errorf("stats %+v, want %d rejected and the server up", st, 2*maxFailures)
	}
	s.writes.close(time.Minute) // no more is logged then
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), "refuses") {
		t.Errorf("the log has %d warnings, want one of a refusal:\n%s", n, &log)
	}
}

// TestNoServer opens a store whose server is not there, at first or ever.
func TestNoServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // it accepts connections and never answers
	s, err := Open(Options{URL: "redis://" + l.Addr().String(), Secret: make([]byte, MinSecret)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Put(testKey, []byte("x"), time.Hour)
	if _, ok := s.get(t.Context(), testKey); ok || !s.Stats().Down {
		t.Errorf("a value was read; stats %+v", s.Stats())
	}
	if err := s.Purge(t.Context(), "n"); err == nil {
		t.Error("a purge that the server has not heard of is no error")
	}
}

func TestBadOptions(t *testing.T) {
	for _, o := range []Options{{URL: "localhost:6379"}, {URL: "http://x"}, {URL: "redis://x/y/z"}, {URL: "redis://:canary@[::1"}, {URL: "redis://x", Secret: make([]byte, MinSecret-1)}, {URL: "redis://x"}} {
		if o.Secret == nil && o.URL != "redis://x" {
			o.Secret = make([]byte, MinSecret)
		}
		s, err := Open(o)
		if err == nil {
			s.Close()
		}
		if err == nil || hint.Of(err) == "" || strings.Contains(err.Error(), "canary") {
			t.Errorf("Open(%q) = %v, with the hint %q", o.URL, err, hint.Of(err))
		}
	}
}

// TestPurges has one gateway purge what two have.
func TestPurges(t *testing.T) {
	url := redis(t)
	told := make(chan string, 10)
	a, b := openTest(t, Options{URL: url}), openTest(t, Options{URL: url, OnPurge: func(group string) { told <- group }})
	before := time.Now()
	after := before.Add(2 * purgeMargin)
	if a.Purged(before, "nx") {
		t.Error("a group is purged from the beginning")
	}
	if err := a.Purge(t.Context(), "nx"); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Store{a, b} {
		await(t, func() bool { return s.Purged(before, "ny", "nx") })
		if s.Purged(before, "ny") || s.Purged(after, "nx") {
			t.Error("more is purged than the group at that time")
		}
	}
	a.Put(testKey, []byte("x"), time.Hour)
	awaitValue(t, b, testKey)
	if err := b.Purge(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { _, ok := a.get(t.Context(), testKey); return !ok })
	if group := <-told; group != "nx" || len(told) != 0 {
		t.Errorf("b was told of the purge of %q, and %d more", group, len(told))
	}
	if !a.Purged(before, "nz") || a.Purged(after, "nx") {
		t.Error("after a purge of everything, an old value of some group is not purged, or a new one is")
	}
}

// TestManyPurges bounds what is remembered: beyond it everything older is purged.
func TestManyPurges(t *testing.T) {
	var s Store
	at := time.Now()
	for i := range maxPurged + 1 {
		s.purges.note(map[string]time.Time{fmt.Sprint(i): at})
	}
	if len(s.purges.groups) > maxPurged || !s.Purged(at, "any") {
		t.Errorf("%d groups are remembered", len(s.purges.groups))
	}
}

// TestClosingWrites closes a store with writes that wait: they are made, and later ones are
// dropped.
func TestClosingWrites(t *testing.T) {
	url := redis(t)
	s, err := Open(Options{URL: url, Secret: make([]byte, MinSecret)})
	if err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return !s.link.down() })
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := range 100 {
				s.Put([32]byte{byte(w), byte(i)}, make([]byte, 100), time.Hour)
			}
		})
	}
	writers.Wait()
	s.Close()
	s.Put(testKey, []byte("late"), time.Hour)
	other := openTest(t, Options{URL: url})
	client, _ := other.link.use()
	n, err := client.Do(context.Background(), client.B().Dbsize().Build()).AsInt64()
	if st := s.Stats(); err != nil || n != 800 || st.Dropped != 1 {
		t.Errorf("the server has %d values (%v), %d were dropped; want 800 and 1", n, err, st.Dropped)
	}
}

// TestTooMuchWaiting drops writes beyond the bounds.
func TestTooMuchWaiting(t *testing.T) {
	var w writes
	w.init()
	for range maxWaiting + 5 {
		w.add(write{name: "x", value: []byte("y")})
	}
	if got := w.dropped.Load(); got != 5 {
		t.Errorf("%d of %d writes are dropped, want 5", got, maxWaiting+5)
	}
	w = writes{}
	w.init()
	for range 3 {
		w.add(write{value: make([]byte, maxWaitingBytes/2)})
	}
	if got := w.dropped.Load(); got != 1 || w.bytes.Load() != maxWaitingBytes {
		t.Errorf("%d writes are dropped with %d bytes waiting", got, w.bytes.Load())
	}
}
