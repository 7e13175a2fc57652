package authcode

import (
	"crypto/x509"
	"io"
	"os"
	"strings"

	"gatehouse"
)

// maxAuthority bounds certificates of authorities, in bytes of PEM.
const maxAuthority = 1 << 20

// Authority reads the certificates, in PEM, of the private authority by which
// the provider's own certificate is checked besides the system's: from the
// setting ca, or from the file that ca_file names. "" when there is neither. A
// file is read only for what the configuration file itself names: elsewhere an
// administrator of the dashboard could ask what files there are.
func Authority(c gatehouse.Connection) (string, error) {
	args := Read(c, nil)
	pem, file := strings.Join(args.Words("ca", false), "\n"), args.Text("ca_file", "") // the dashboard keeps lines
	key := "ca"
	switch {
	case args.Err() != nil || pem == "" && file == "":
		return "", args.Err()
	case pem != "" && file != "":
		args.Wrong("ca_file", "only one of ca and ca_file")
	case file != "" && c.Managed != gatehouse.ManagedByFile:
		args.Wrong("ca_file", "the certificates themselves, in args.ca; a file is read only for connections of the configuration file")
	case file != "":
		key, pem = "ca_file", readUpTo(file, maxAuthority)
	}
	if args.Err() == nil && (len(pem) > maxAuthority || !x509.NewCertPool().AppendCertsFromPEM([]byte(pem))) {
		args.Wrong(key, "certificates of authorities in PEM (-----BEGIN CERTIFICATE-----), in a file that can be read")
	}
	return pem, args.Err()
}

// readUpTo reads at most n bytes of a file and one more; "" when it cannot.
func readUpTo(name string, n int64) string {
	f, err := os.Open(name) //nolint:gosec // named by the operator's own configuration file
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, n+1))
	if err != nil {
		return ""
	}
	return string(text)
}
