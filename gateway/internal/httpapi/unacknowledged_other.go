//go:build !linux

package httpapi

import "net"

// unacknowledged returns 0: the queue is not read on this system, so a slow client makes
// progress only when the kernel accepts more bytes for it.
func unacknowledged(net.Conn) int { return 0 }
