package ollama

// Stored are what a state holds as their memory.
var Stored = []any{stream{}}
