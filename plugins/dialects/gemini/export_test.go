package gemini

// Stored are what a state holds as their memory.
var Stored = []any{progress{}, clientProgress{}, streamCall{}}
