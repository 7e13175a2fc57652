package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// table is what a measurement prints: a line of headings, and rows.
type table struct{ rows [][]string }

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (b *bench) print(t *table) {
	w := tabwriter.NewWriter(b.out, 0, 0, 3, ' ', 0)
	for i, row := range t.rows {
		fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
		if i == 0 {
			lines := make([]string, len(row))
			for j, cell := range row {
				lines[j] = strings.Repeat("-", len([]rune(cell)))
			}
			fmt.Fprintln(w, "  "+strings.Join(lines, "\t"))
		}
	}
	_ = w.Flush() // the terminal's trouble is told by nobody
	fmt.Fprintln(b.out)
}

// mark says whether a figure is below its mark. unit makes both readable.
func mark[N int64 | float64 | time.Duration](got, limit N, unit func(N) string) string {
	if got < limit {
		return fmt.Sprintf("reached (below %s)", unit(limit))
	}
	return fmt.Sprintf("MISSED (%s, not below %s)", unit(got), unit(limit))
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// percentile is the smallest value that at least p percent do not exceed
// (nearest rank). sorted may be empty: 0.
func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

func median(all []time.Duration) time.Duration {
	sorted := slices.Clone(all)
	slices.Sort(sorted)
	return percentile(sorted, 50)
}
