package zstd

// blockDecoder is what blocks of one frame take over from those before.
type blockDecoder struct {
	tree   tree
	tables [3]table // of literal lengths, offsets, match lengths; without cells: none yet
	recent [3]int   // offsets
}

func newBlockDecoder() blockDecoder { return blockDecoder{recent: [3]int{1, 4, 8}} }

// decode appends what a compressed block holds. It may refer back to first, and
// have so many bytes at most.
func (d *blockDecoder) decode(out, data []byte, first, longest int) ([]byte, error) {
	literals, data, err := d.literals(data)
	if err != nil {
		return out, err
	}
	return d.sequences(out, data, literals, first, len(out)+longest)
}

// literals reads the literals of a block (section 3.1.1.3.1) and gives what is
// behind them.
func (d *blockDecoder) literals(data []byte) (literals, rest []byte, err error) {
	if len(data) == 0 {
		return nil, nil, corrupt("a block ends too early")
	}
	kind, format := data[0]&3, data[0]>>2&3
	if kind >= 2 {
		return d.huffman(data, kind == 3, int(format))
	}
	head, shift := 1, 3
	if format&1 != 0 {
		head, shift = 2+int(format>>1), 4
	}
	if len(data) < head {
		return nil, nil, corrupt("a block ends too early")
	}
	n := field(data[:head], shift, 8*head-shift)
	data = data[head:]
	if n > longestBlock || kind == 0 && len(data) < n || len(data) < 1 && n > 0 {
		return nil, nil, corrupt("literals that are not there")
	}
	if kind == 0 {
		return data[:n], data[n:], nil
	}
	literals = make([]byte, n)
	for i := range literals {
		literals[i] = data[0]
	}
	return literals, data[min(1, len(data)):], nil
}

// huffman reads literals that are compressed by a tree, a new one or the last.
func (d *blockDecoder) huffman(data []byte, again bool, format int) (literals, rest []byte, err error) {
	head, width := []int{3, 3, 4, 5}[format], []int{10, 10, 14, 18}[format]
	if len(data) < head {
		return nil, nil, corrupt("a block ends too early")
	}
	n, size := field(data[:head], 4, width), field(data[:head], 4+width, width)
	if n > longestBlock || len(data)-head < size {
		return nil, nil, corrupt("literals that are not there")
	}
	data, rest = data[head:head+size], data[head+size:]
	if !again {
		var used int
		if d.tree, used, err = readTree(data); err != nil {
			return nil, nil, err
		}
		data = data[used:]
	}
	if d.tree.codes == nil {
		return nil, nil, corrupt("literals without a tree")
	}
	literals = make([]byte, 0, n)
	if format == 0 {
		literals, err = d.tree.decode(literals, data, n)
		return literals, rest, err
	}
	if len(data) < 6 {
		return nil, nil, corrupt("a block ends too early")
	}
	sizes, data := data[:6], data[6:]
	for i := range 4 {
		each, stream := (n+3)/4, len(data)
		if i < 3 {
			stream = int(sizes[2*i]) | int(sizes[2*i+1])<<8
		}
		if each = min(each, n-len(literals)); i == 3 {
			each = n - len(literals)
		}
		if stream > len(data) {
			return nil, nil, corrupt("literals that are not there")
		}
		if literals, err = d.tree.decode(literals, data[:stream], each); err != nil {
			return nil, nil, err
		}
		data = data[stream:]
	}
	return literals, rest, nil
}

// The three things that a sequence is made of (section 3.1.1.3.2.1).
const (
	literalLength = iota
	offset
	matchLength
)

// alphabet is how one of them is told.
type alphabet struct {
	maxLog, maxSymbol int
	usualLog          int
	usual             []int
}

func alphabets() [3]alphabet {
	return [3]alphabet{
		{9, 35, 6, []int{4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1}},
		{8, 31, 5, []int{1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1}},
		{9, 52, 6, []int{
			1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
			1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
		}},
	}
}

// lengths gives what a code of a length begins at, and how many bits follow.
func lengths(kind, symbol int) (base, extra int) {
	if kind == literalLength {
		if symbol < 16 {
			return symbol, 0
		}
		return []int{16, 18, 20, 22, 24, 28, 32, 40, 48, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536}[symbol-16],
			[]int{1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}[symbol-16]
	}
	if symbol < 32 {
		return symbol + 3, 0
	}
	return []int{35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027, 2051, 4099, 8195, 16387, 32771, 65539}[symbol-32], //nolint:gosec // no table has more symbols
		[]int{1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}[symbol-32] //nolint:gosec // likewise
}

// count reads how many sequences follow, and how many bytes that takes.
func count(data []byte) (n, used int, err error) {
	switch {
	case len(data) == 0:
		return 0, 0, corrupt("a block ends too early")
	case data[0] < 128:
		return int(data[0]), 1, nil
	case data[0] < 255 && len(data) > 1:
		return int(data[0]-128)<<8 + int(data[1]), 2, nil
	case data[0] == 255 && len(data) > 2:
		return int(data[1]) + int(data[2])<<8 + 0x7F00, 3, nil
	}
	return 0, 0, corrupt("a block ends too early")
}

// sequences carries out the sequences of a block (section 3.1.1.3.2).
func (d *blockDecoder) sequences(out, data, literals []byte, first, end int) ([]byte, error) {
	n, used, err := count(data)
	if err != nil {
		return out, err
	}
	data = data[used:]
	if n == 0 {
		if len(data) > 0 || len(out)+len(literals) > end {
			return out, corrupt("a block has something behind it, or is too long")
		}
		return append(out, literals...), nil
	}
	if data, err = d.readTables(data); err != nil {
		return out, err
	}
	in, err := newBackward(data)
	if err != nil {
		return out, err
	}
	var at [3]int
	for i := range at {
		at[i] = in.read(d.tables[i].log)
	}
	for i := range n {
		literal, back, match := d.sequence(&in, at)
		if in.left < 0 || back <= 0 || literal > len(literals) || len(out)+literal+match > end || back > len(out)+literal-first {
			return out, corrupt("a sequence that cannot be")
		}
		out = append(out, literals[:literal]...)
		literals = literals[literal:]
		for from := len(out) - back; match > 0; match-- {
			out = append(out, out[from])
			from++
		}
		if i == n-1 {
			break
		}
		for _, k := range [3]int{literalLength, matchLength, offset} {
			c := d.tables[k].cells[at[k]]
			at[k] = int(c.base) + in.read(int(c.bits))
		}
	}
	if in.left != 0 || len(out)+len(literals) > end {
		return out, corrupt("sequences have something behind them")
	}
	return append(out, literals...), nil
}

// readTables reads by which tables sequences are told, and gives what is behind.
func (d *blockDecoder) readTables(data []byte) ([]byte, error) {
	if len(data) == 0 || data[0]&3 != 0 {
		return nil, corrupt("sequences of an unknown kind")
	}
	modes, data := data[0], data[1:]
	for i, a := range alphabets() {
		var err error
		used := 0
		switch modes >> (6 - 2*i) & 3 {
		case 0:
			d.tables[i], err = makeTable(a.usualLog, a.usual)
		case 1:
			if len(data) == 0 || int(data[0]) > a.maxSymbol {
				return nil, corrupt("a symbol that is not known")
			}
			d.tables[i], used = same(data[0]), 1
		case 2:
			d.tables[i], used, err = readTable(data, a.maxLog, a.maxSymbol)
		case 3:
			if d.tables[i].cells == nil {
				err = corrupt("a table that was not told")
			}
		}
		if err != nil || used > len(data) {
			return nil, errorOr(err)
		}
		data = data[used:]
	}
	return data, nil
}

func errorOr(err error) error {
	if err == nil {
		return corrupt("a block ends too early")
	}
	return err
}

// sequence reads one: so many literals, then so many bytes from so far back.
func (d *blockDecoder) sequence(in *backward, at [3]int) (literal, back, match int) {
	symbol := func(k int) int { return int(d.tables[k].cells[at[k]].symbol) }
	far := symbol(offset)
	value := 1<<far + in.read(far)
	base, extra := lengths(matchLength, symbol(matchLength))
	match = base + in.read(extra)
	base, extra = lengths(literalLength, symbol(literalLength))
	literal = base + in.read(extra)
	return literal, d.offset(value, literal == 0), match
}

// offset is what an offset's value means, of which three stand for those that
// were used last (section 3.1.1.5).
func (d *blockDecoder) offset(value int, none bool) int {
	r := &d.recent
	if value > 3 {
		r[2], r[1], r[0] = r[1], r[0], value-3
		return r[0]
	}
	which := value - 1
	if none {
		which++
	}
	back := r[0] - 1
	if which < 3 {
		back = r[which]
	}
	if which > 1 {
		r[2] = r[1]
	}
	if which > 0 {
		r[1], r[0] = r[0], back
	}
	return back
}
