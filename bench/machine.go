package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine says where the figures come from.
func machine(dir string) string {
	model := "unknown CPU"
	if v, ok := field("/proc/cpuinfo", "model name"); ok {
		model = v
	}
	memory := "?"
	if v, ok := field("/proc/meminfo", "MemTotal"); ok {
		if kb, err := kilobytes(v); err == nil {
			memory = fmt.Sprintf("%.1f GiB", float64(kb)/(1<<20))
		}
	}
	return fmt.Sprintf("Gatehouse on %s, %d cores, %s memory; %s/%s, %s; databases on %s; %s; %s\n",
		model, runtime.NumCPU(), memory, runtime.GOOS, runtime.GOARCH, runtime.Version(), filesystem(dir),
		time.Now().Format(time.DateOnly), load())
}

// load says what else the machine does.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "load unknown"
	}
	return "load " + strings.Join(strings.Fields(string(text))[:1], "")
}

// filesystem is the type of the one that a folder lies on: on tmpfs a durable
// write costs nothing, and the figures mean little.
func filesystem(dir string) string {
	if full, err := filepath.EvalSymlinks(dir); err == nil {
		dir = full
	}
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return "an unknown file system"
	}
	defer f.Close()
	best, kind := "", ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 3 {
			continue
		}
		at := words[1]
		if (dir == at || strings.HasPrefix(dir, strings.TrimSuffix(at, "/")+"/")) && len(at) >= len(best) {
			best, kind = at, words[2]
		}
	}
	return cmp.Or(kind, "an unknown file system")
}

// field is the first value of a key in a file of /proc.
func field(path, key string) (string, bool) {
	f, err := os.Open(path) //nolint:gosec // a file of /proc
	if err != nil {
		return "", false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), ":")
		if ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

func kilobytes(value string) (int64, error) {
	return strconv.ParseInt(strings.TrimSuffix(value, " kB"), 10, 64)
}

// memoryOf reads what a process holds in bytes: VmRSS now, VmHWM at most so far,
// RssAnon without the pages of files.
func memoryOf(pid int, what string) (int64, error) {
	value, ok := field(fmt.Sprintf("/proc/%d/status", pid), what)
	if !ok {
		return 0, fmt.Errorf("the memory of process %d cannot be read here (%s of /proc)", pid, what)
	}
	kb, err := kilobytes(value)
	return kb << 10, err
}

// ticks a second in which Linux tells the time of a process, on every platform
// that Go runs on.
const ticks = 100

// cpuOf is the processor time that a process has used.
func cpuOf(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseStat(string(text))
}

// parseStat reads utime and stime, the 14th and 15th field; the second is a name
// in parentheses that may hold anything.
func parseStat(text string) (time.Duration, error) {
	end := strings.LastIndexByte(text, ')')
	words := strings.Fields(text[end+1:])
	if end < 0 || len(words) < 13 {
		return 0, errors.New("/proc/PID/stat is not as expected")
	}
	user, err := strconv.ParseInt(words[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(words[12], 10, 64)
	return time.Duration(user+system) * time.Second / ticks, err
}
