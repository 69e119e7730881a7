package main

import "runtime/debug"

// gcPercent is how far the heap may grow beyond what is alive before it is cleaned.
// Guests' memory is not in the heap, so what is alive is small, and a larger share of it
// may wait for the collector.
const gcPercent = 150

// tuneMemory keeps the process small. What starting up has used and nobody needs
// any more is given back to the system.
func tuneMemory() {
	debug.SetGCPercent(gcPercent)
	debug.FreeOSMemory()
}
