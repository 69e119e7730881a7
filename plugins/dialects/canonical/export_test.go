package canonical

// Stored is what a state holds as its memory.
var Stored = progress{}
