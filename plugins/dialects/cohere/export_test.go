package cohere

// Stored are what a state holds as their memory.
var Stored = []any{progress{}, openCall{}}
