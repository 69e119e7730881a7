package llm

import "sync"

// Medium is an image, a sound or a file that was fetched by its URL, or why it was not.
type Medium struct {
	// Type is its media type.
	Type string
	// Base64 is its data.
	Base64 []byte
	Err    error
}

// Media keeps what was fetched for one request, so that nothing is fetched twice however many
// targets are tried. Who fills it bounds it. The zero value is empty. It is safe for concurrent
// use.
type Media struct {
	mu    sync.Mutex
	known map[MediaKey]Medium
}

// MediaKey is what a Medium is known by: its URL, and as what it was asked for, one of Vision,
// AudioIn and FileIn.
type MediaKey struct {
	URL  string
	Kind Features
}

// Get returns a medium, and whether it was put.
func (m *Media) Get(k MediaKey) (Medium, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	got, ok := m.known[k]
	return got, ok
}

// Put keeps a medium.
func (m *Media) Put(k MediaKey, medium Medium) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[MediaKey]Medium{}
	}
	m.known[k] = medium
}
