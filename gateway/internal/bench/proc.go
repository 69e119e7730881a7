package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit in which Linux reports processor time to programs (USER_HZ). It
// is fixed at 100 a second on every architecture that Go runs on.
const tick = 10 * time.Millisecond

// cpuTime is the user and system time that a process, all its threads included,
// has used so far. Its resolution is one tick.
func cpuTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read processor time: %w", err)
	}
	return parseStat(string(stat))
}

// parseStat reads utime and stime, fields 14 and 15 of /proc/PID/stat. The second field is
// the program's name in parentheses, which may contain blanks and parentheses, so counting
// starts after the last one.
func parseStat(stat string) (time.Duration, error) {
	_, after, found := cutLast(stat, ")")
	fields := strings.Fields(after)
	if !found || len(fields) < 13 {
		return 0, fmt.Errorf("processor time: unexpected form %q", stat)
	}
	user, uerr := strconv.ParseUint(fields[11], 10, 62)
	system, serr := strconv.ParseUint(fields[12], 10, 62)
	if err := errors.Join(uerr, serr); err != nil {
		return 0, fmt.Errorf("processor time: %w", err)
	}
	return time.Duration(user+system) * tick, nil
}

// cutLast is strings.Cut around the last occurrence of sep.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// memory is a process's resident memory, in bytes.
type memory struct {
	// Now is the resident set; Peak is its highest value since resetPeak, or since the
	// process's start if the system does not support the reset.
	Now, Peak int64
}

func residentMemory(pid int) (memory, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}, fmt.Errorf("read memory: %w", err)
	}
	return parseStatus(status)
}

// parseStatus reads VmRSS and VmHWM of /proc/PID/status.
func parseStatus(status []byte) (memory, error) {
	now, nerr := statusKB(status, "VmRSS:")
	peak, perr := statusKB(status, "VmHWM:")
	return memory{Now: now << 10, Peak: peak << 10}, errors.Join(nerr, perr)
}

func statusKB(status []byte, name string) (int64, error) {
	for line := range bytes.Lines(status) {
		value, found := bytes.CutPrefix(line, []byte(name))
		if !found {
			continue
		}
		number, ok := bytes.CutSuffix(bytes.TrimSpace(value), []byte(" kB"))
		kb, err := strconv.ParseInt(string(bytes.TrimSpace(number)), 10, 50)
		if !ok || err != nil || kb < 0 {
			return 0, fmt.Errorf("memory: unexpected form %q", line)
		}
		return kb, nil
	}
	return 0, fmt.Errorf("memory: no %s line", name)
}

// resetPeak resets the peak to the current memory, as far as possible: a kernel without the
// reset reports the peak since the process's start, which is never less.
func resetPeak(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}
