package zstd

import "math/bits"

// forward reads bits from the beginning of bytes, the lowest first.
type forward struct {
	data []byte
	at   int // in bits
}

func (f *forward) read(n int) (int, bool) {
	if f.at+n > 8*len(f.data) {
		return 0, false
	}
	v := field(f.data, f.at, n)
	f.at += n
	return v, true
}

// backward reads bits from the end of bytes. Its last byte has a bit that marks
// the end (section 4.1).
type backward struct {
	data []byte
	left int // bits that were not read; below zero: more were read than there are
}

func newBackward(data []byte) (backward, error) {
	if len(data) == 0 || data[len(data)-1] == 0 {
		return backward{}, corrupt("a stream of bits has no end")
	}
	return backward{data, 8*len(data) - 9 + bits.Len8(data[len(data)-1])}, nil
}

// read gives the next bits; zeros beyond the beginning.
func (b *backward) read(n int) int {
	b.left -= n
	if b.left >= 0 {
		return field(b.data, b.left, n)
	}
	if missing := -b.left; missing < n {
		return field(b.data, 0, n-missing) << missing
	}
	return 0
}

// field is n bits (at most 32) from a place on. All of them are there.
func field(data []byte, at, n int) int {
	var v uint64
	from := at >> 3
	for i := range min(5, len(data)-from) {
		v |= uint64(data[from+i]) << (8 * i)
	}
	return int(v >> (at & 7) & (1<<n - 1))
}

// state is a cell of a decoding table of finite state entropy.
type state struct {
	symbol byte
	bits   uint8  // to read for the next state
	base   uint16 // to which they are added
}

type table struct {
	log   int
	cells []state
}

// readTable reads the description of a table (section 4.1.1) and says how many
// bytes it takes.
func readTable(data []byte, maxLog, maxSymbol int) (table, int, error) {
	in := forward{data: data}
	log, ok := in.read(4)
	log += 5
	if !ok || log > maxLog {
		return table{}, 0, corrupt("a table of %d bits", log)
	}
	var counts []int
	for left := 1 << log; left > 0; {
		if len(counts) > maxSymbol {
			return table{}, 0, corrupt("a table of too many symbols")
		}
		count, ok := readCount(&in, left)
		if !ok {
			return table{}, 0, corrupt("a table ends too early")
		}
		counts = append(counts, count)
		left -= max(count, -count)
		for again := count == 0; again; {
			zeros, ok := in.read(2)
			if !ok || len(counts)+zeros > maxSymbol+1 {
				return table{}, 0, corrupt("a table of too many symbols")
			}
			counts = append(counts, make([]int, zeros)...)
			again = zeros == 3
		}
		if left < 0 {
			return table{}, 0, corrupt("a table of too many cells")
		}
	}
	t, err := makeTable(log, counts)
	return t, (in.at + 7) / 8, err
}

// readCount reads how often a symbol comes; -1 is less than once. Small numbers
// take a bit less.
func readCount(in *forward, left int) (int, bool) {
	n := bits.Len(uint(left + 1))
	low := 1<<(n-1) - 1
	short := 1<<n - 1 - (left + 1)
	v, ok := in.read(n - 1)
	if !ok {
		return 0, false
	}
	if v >= short {
		high, ok := in.read(1)
		if !ok {
			return 0, false
		}
		if v |= high << (n - 1); v > low {
			v -= short
		}
	}
	return v - 1, true
}

// makeTable spreads symbols over the cells of a table (section 4.1.1).
func makeTable(log int, counts []int) (table, error) {
	size := 1 << log
	t := table{log: log, cells: make([]state, size)}
	high := size
	next := make([]int, len(counts))
	for s, n := range counts {
		next[s] = n
		if n == -1 {
			high--
			t.cells[high].symbol, next[s] = byte(s), 1
		}
	}
	at, step := 0, size>>1+size>>3+3
	for s, n := range counts {
		for range max(n, 0) {
			t.cells[at].symbol = byte(s)
			for at = (at + step) & (size - 1); at >= high; {
				at = (at + step) & (size - 1)
			}
		}
	}
	if at != 0 {
		return t, corrupt("a table whose symbols do not fit")
	}
	for i := range t.cells {
		c := &t.cells[i]
		n := next[c.symbol]
		next[c.symbol]++
		c.bits = uint8(log - bits.Len(uint(n)) + 1)
		c.base = uint16(n<<c.bits - size)
	}
	return t, nil
}

// same is the table of one symbol that always comes.
func same(symbol byte) table { return table{cells: []state{{symbol: symbol}}} }
