package zstd

import "math/bits"

// maxCode is the longest code of literals, in bits (section 4.2.1).
const maxCode = 11

// code is what the next bits of literals mean.
type code struct {
	symbol byte
	bits   uint8
}

type tree struct {
	log   int
	codes []code // nil: there is none
}

// readTree reads the description of a Huffman tree (section 4.2.1) and says how
// many bytes it takes.
func readTree(data []byte) (tree, int, error) {
	if len(data) == 0 {
		return tree{}, 0, corrupt("a tree ends too early")
	}
	head, data := int(data[0]), data[1:]
	if head >= 128 {
		n := head - 127
		size := (n + 1) / 2
		if len(data) < size {
			return tree{}, 0, corrupt("a tree ends too early")
		}
		weights := make([]byte, n)
		for i := range weights {
			weights[i] = data[i/2] >> (4 * (1 - i%2)) & 0xF
		}
		t, err := makeTree(weights)
		return t, 1 + size, err
	}
	if len(data) < head {
		return tree{}, 0, corrupt("a tree ends too early")
	}
	weights, err := readWeights(data[:head])
	if err != nil {
		return tree{}, 0, err
	}
	t, err := makeTree(weights)
	return t, 1 + head, err
}

// readWeights reads weights of two states that take turns (section 4.2.1.2).
func readWeights(data []byte) ([]byte, error) {
	t, used, err := readTable(data, 6, maxCode+1)
	if err != nil {
		return nil, err
	}
	in, err := newBackward(data[used:])
	if err != nil {
		return nil, err
	}
	var weights []byte
	now, other := in.read(t.log), in.read(t.log)
	for {
		c := t.cells[now]
		weights = append(weights, c.symbol)
		if len(weights) > 254 {
			return nil, corrupt("a tree of too many symbols")
		}
		now = int(c.base) + in.read(int(c.bits))
		if in.left < 0 {
			return append(weights, t.cells[other].symbol), nil
		}
		now, other = other, now
	}
}

// makeTree finds the weight of the last symbol, which is not told, and the codes.
func makeTree(weights []byte) (tree, error) {
	sum := 0
	for _, w := range weights {
		if w > maxCode {
			return tree{}, corrupt("a code that is too long")
		}
		sum += 1 << w >> 1
	}
	log := bits.Len(uint(sum))
	rest := 1<<log - sum
	if sum == 0 || log > maxCode || rest&(rest-1) != 0 {
		return tree{}, corrupt("a tree that is not whole")
	}
	weights = append(weights, byte(bits.Len(uint(rest))))
	t := tree{log: log, codes: make([]code, 0, 1<<log)}
	for w := 1; w <= log; w++ {
		for s, of := range weights {
			if int(of) != w {
				continue
			}
			for range 1 << (w - 1) {
				t.codes = append(t.codes, code{byte(s), uint8(log + 1 - w)})
			}
		}
	}
	if len(t.codes) != 1<<log {
		return tree{}, corrupt("a tree that is not whole")
	}
	return t, nil
}

// decode appends n literals of one stream.
func (t tree) decode(out, data []byte, n int) ([]byte, error) {
	in, err := newBackward(data)
	if err != nil {
		return out, err
	}
	for range n {
		c := t.codes[in.read(t.log)]
		in.left += t.log - int(c.bits)
		if in.left < 0 {
			return out, corrupt("literals end too early")
		}
		out = append(out, c.symbol)
	}
	if in.left != 0 {
		return out, corrupt("literals have something behind them")
	}
	return out, nil
}
