package main

import (
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const rest = " S 1 4242 4242 0 -1 4194560 900 0 0 0 150 25 7 8 20 0 9 0 12345 1000000 5000"
	for _, name := range []string{"(penstock)", "(a b)", "(odd) name)", "())"} {
		got, err := parseStat("4242 " + name + rest)
		if err != nil || got != 1750*time.Millisecond {
			t.Errorf("parseStat with name %s = %v, %v, want 1.75s", name, got, err)
		}
	}
	for _, bad := range []string{"", "4242 penstock", "4242 (penstock) S 1 2 3", "1 (x) S 1 1 1 0 -1 1 1 0 0 0 x 25 7 8"} {
		if got, err := parseStat(bad); err == nil {
			t.Errorf("parseStat(%q) = %v, want an error", bad, got)
		}
	}
}

func TestParseStatus(t *testing.T) {
	got, err := parseStatus([]byte("Name:\tpenstock\nVmPeak:\t  999 kB\nVmHWM:\t   61440 kB\nVmRSS:\t   51200 kB\nThreads:\t9\n"))
	if want := (memory{Now: 50 << 20, Peak: 60 << 20}); err != nil || got != want {
		t.Errorf("parseStatus = %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "VmRSS:\t1 kB\n", "VmRSS:\tx kB\nVmHWM:\t1 kB\n", "VmRSS:\t1 MB\nVmHWM:\t1 kB\n", "VmRSS: -1 kB\nVmHWM: 1 kB\n"} {
		if got, err := parseStatus([]byte(bad)); err == nil {
			t.Errorf("parseStatus(%q) = %+v, want an error", bad, got)
		}
	}
}

func TestOwnProcess(t *testing.T) {
	pid := os.Getpid()
	resetPeak(pid)
	m, err := residentMemory(pid)
	if err != nil || m.Now <= 0 || m.Peak < m.Now {
		t.Errorf("residentMemory(self) = %+v, %v", m, err)
	}
	if _, err := cpuTime(pid); err != nil {
		t.Errorf("cpuTime(self): %v", err)
	}
	if _, err := cpuTime(-1); err == nil {
		t.Error("cpuTime(-1) = nil error")
	}
}
