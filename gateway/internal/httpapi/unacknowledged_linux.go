package httpapi

import (
	"net"
	"syscall"
	"unsafe"
)

// unacknowledged returns how many written bytes of a connection the peer has not
// acknowledged, 0 if that is unknown.
func unacknowledged(c net.Conn) int {
	s, ok := c.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return 0
	}
	var n int32
	err = raw.Control(func(fd uintptr) {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&n))); errno != 0 {
			n = 0
		}
	})
	if err != nil {
		return 0
	}
	return int(n)
}
