// Package zstd reads Zstandard frames (RFC 8878) that somebody else made, within
// limits: so much window, so much output. What .c1z files hold is compressed by
// it. Dictionaries are not known.
package zstd

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"
)

// Limits bound what a reader may spend on a stream. Both are in bytes.
type Limits struct {
	Window int64 // how far back a frame may refer, which is what is held in memory
	Output int64 // how much may come out of all frames together
}

// The errors of a reader. ErrCorrupt wraps what exactly is wrong.
var (
	ErrCorrupt = errors.New("not a Zstandard stream as RFC 8878 has it")
	ErrWindow  = errors.New("the window of the Zstandard frame is beyond the limit")
	ErrOutput  = errors.New("what comes out of the Zstandard stream is beyond the limit")
)

const (
	magic        = 0xFD2FB528
	skippable    = 0x184D2A50 // and the fifteen after it
	longestBlock = 128 << 10  // section 3.1.1.2.4
)

// Reader gives what is in one frame or several after another.
type Reader struct {
	from   *bufio.Reader
	limits Limits
	total  int64 // what came out so far
	err    error

	inFrame bool
	window  int
	size    int64 // as the frame tells; -1: it does not
	made    int64 // of this frame
	sums    bool  // a checksum follows the frame
	sum     *xxhash.Digest

	out   []byte // the window, and behind it what was not handed out yet
	given int    // of out
	blockDecoder
}

// NewReader reads a stream within limits.
func NewReader(from io.Reader, limits Limits) *Reader {
	return &Reader{from: bufio.NewReaderSize(from, 64<<10), limits: limits, sum: xxhash.New()}
}

// Read gives decompressed bytes. io.EOF comes after a whole frame only.
func (r *Reader) Read(p []byte) (int, error) {
	for r.given == len(r.out) {
		if r.err != nil {
			return 0, r.err
		}
		r.err = r.step()
	}
	n := copy(p, r.out[r.given:])
	r.given += n
	return n, nil
}

// step reads the beginning of a frame, or a block.
func (r *Reader) step() error {
	if !r.inFrame {
		return r.begin()
	}
	if r.given > 2*r.window+longestBlock { // forget what nothing can refer to any more
		kept := copy(r.out, r.out[r.given-r.window:])
		r.out, r.given = r.out[:kept], kept
	}
	from := len(r.out)
	last, err := r.block()
	if err != nil {
		return unexpected(err)
	}
	fresh := r.out[from:]
	r.made += int64(len(fresh))
	r.total += int64(len(fresh))
	if r.total > r.limits.Output {
		r.out = r.out[:from]
		return ErrOutput
	}
	_, _ = r.sum.Write(fresh)
	if !last {
		return nil
	}
	return unexpected(r.end())
}

// begin reads the header of a frame (section 3.1.1.1), or skips one that is to
// be skipped. io.EOF: there is no further one.
func (r *Reader) begin() error {
	var word [4]byte
	if n, err := io.ReadFull(r.from, word[:]); err != nil {
		if n == 0 && errors.Is(err, io.EOF) {
			return io.EOF
		}
		return unexpected(err)
	}
	switch id := binary.LittleEndian.Uint32(word[:]); {
	case id&^0xF == skippable:
		if _, err := io.ReadFull(r.from, word[:]); err != nil {
			return unexpected(err)
		}
		_, err := io.CopyN(io.Discard, r.from, int64(binary.LittleEndian.Uint32(word[:])))
		return unexpected(err)
	case id != magic:
		return corrupt("no frame begins here")
	}
	window, err := r.header()
	if err != nil {
		return unexpected(err)
	}
	if window > uint64(max(r.limits.Window, 0)) {
		return ErrWindow
	}
	r.inFrame, r.window, r.made = true, int(window), 0
	r.out, r.given = r.out[:0], 0
	r.sum.Reset()
	r.blockDecoder = newBlockDecoder()
	return nil
}

// header reads what follows the magic number and gives the size of the window.
func (r *Reader) header() (window uint64, err error) {
	descriptor, err := r.from.ReadByte()
	if err != nil {
		return 0, err
	}
	if descriptor&0x08 != 0 {
		return 0, corrupt("a reserved bit is set")
	}
	single := descriptor&0x20 != 0
	if !single {
		b, err := r.from.ReadByte()
		if err != nil {
			return 0, err
		}
		base := uint64(1) << (10 + b>>3)
		window = base + base/8*uint64(b&7)
	}
	dictionary, err := r.number([]int{0, 1, 2, 4}[descriptor&3])
	if err != nil {
		return 0, err
	}
	if dictionary != 0 {
		return 0, corrupt("it needs a dictionary")
	}
	length := []int{0, 2, 4, 8}[descriptor>>6]
	if length == 0 && single {
		length = 1
	}
	size, err := r.number(length)
	if err != nil {
		return 0, err
	}
	if length == 2 {
		size += 256
	}
	r.sums, r.size = descriptor&0x04 != 0, -1
	if length > 0 {
		if size > uint64(max(r.limits.Output, 0)) {
			return 0, ErrOutput
		}
		r.size = int64(size)
	}
	if single {
		window = size
	}
	return window, nil
}

func (r *Reader) number(bytes int) (uint64, error) {
	var word [8]byte
	_, err := io.ReadFull(r.from, word[:bytes])
	return binary.LittleEndian.Uint64(word[:]), err
}

// block reads one block behind out (section 3.1.1.2).
func (r *Reader) block() (last bool, err error) {
	head, err := r.number(3)
	if err != nil {
		return false, err
	}
	last, size := head&1 != 0, int(head>>3)
	longest := min(longestBlock, max(r.window, 1))
	if size > longest {
		return last, corrupt("a block of %d bytes is longer than it may be", size)
	}
	switch head >> 1 & 3 {
	case 0:
		from := len(r.out)
		r.out = append(r.out, make([]byte, size)...)
		_, err := io.ReadFull(r.from, r.out[from:])
		if err != nil {
			r.out = r.out[:from]
		}
		return last, err
	case 1:
		b, err := r.from.ReadByte()
		for range size {
			r.out = append(r.out, b)
		}
		return last, err
	case 2:
		data := make([]byte, size)
		if _, err := io.ReadFull(r.from, data); err != nil {
			return last, err
		}
		from := len(r.out)
		r.out, err = r.decode(r.out, data, max(0, from-int(min(r.made, int64(r.window)))), longest)
		if err != nil {
			r.out = r.out[:from]
		}
		return last, err
	}
	return last, corrupt("a block of the reserved type")
}

// end checks a frame that is over.
func (r *Reader) end() error {
	r.inFrame = false
	if r.size >= 0 && r.made != r.size {
		return corrupt("a frame has %d bytes and says %d", r.made, r.size)
	}
	if !r.sums {
		return nil
	}
	says, err := r.number(4)
	if err == nil && says != r.sum.Sum64()&0xFFFFFFFF {
		err = corrupt("the checksum is wrong")
	}
	return err
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// unexpected makes an end in the middle of something an error.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return corrupt("it ends too early")
	}
	return err
}
