package ui

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// quiet is the empty border that a QR code needs around it, in modules.
const quiet = 4

// qrDrawing is a QR code of a text: its side in modules, and the path that fills
// the dark ones. A text that is too long for one gives nothing.
func qrDrawing(text string) (side int, path string) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return 0, ""
	}
	var b strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			begin := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if x > begin {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", begin+quiet, y+quiet, x-begin, x-begin)
			}
		}
	}
	return code.Size + 2*quiet, b.String()
}
