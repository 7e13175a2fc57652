package c1z

import (
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"gatehouse"
)

// The messages of the files are read by their field numbers. They are those of
// github.com/ConductorOne/baton-sdk, proto/c1/connector/v2: resource.proto,
// annotation_trait.proto, entitlement.proto, grant.proto, annotation_grant.proto.
// Nothing nests without an end: each reader below goes as deep as its own text.

// mostFields bounds one message.
const mostFields = 20_000

// longestText bounds what people read, in bytes.
const longestText = 1024

// field is one field of a message: bytes of a text, blob or message, else a number.
type field struct {
	number int
	bytes  []byte
	value  uint64
}

// text is the field as text that can be kept.
func (f field) text() string {
	s := strings.ReplaceAll(strings.ToValidUTF8(string(f.bytes), "\uFFFD"), "\x00", "")
	if len(s) <= longestText {
		return s
	}
	cut := longestText
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// id is the field as it names something: as it stands there.
func (f field) id() string { return string(f.bytes) }

// fields gives the fields of a message to do, in their order.
func fields(message []byte, do func(field) error) error {
	for n := 0; len(message) > 0; n++ {
		number, kind, used := protowire.ConsumeTag(message)
		if used < 0 || n == mostFields {
			return malformed()
		}
		message = message[used:]
		f := field{number: int(number)}
		switch kind {
		case protowire.BytesType:
			f.bytes, used = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			f.value, used = protowire.ConsumeVarint(message)
		case protowire.StartGroupType, protowire.EndGroupType:
			return malformed() // none of the messages has groups
		case protowire.Fixed32Type, protowire.Fixed64Type:
			used = protowire.ConsumeFieldValue(number, kind, message)
		default:
			return malformed()
		}
		if used < 0 {
			return malformed()
		}
		message = message[used:]
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}

func malformed() error {
	return gatehouse.Errorf(gatehouse.Invalid, "Something in the file is not written as such files are. Was it copied whole?")
}

// resourceType is what a kind of things is.
type resourceType struct {
	id, name string
	user     bool // its resources are accounts
	group    bool
}

// The traits of resource types (ResourceType.Trait).
const (
	traitUser  = 1
	traitGroup = 2
)

func readType(message []byte) (t resourceType, err error) {
	trait := func(v uint64) {
		t.user = t.user || v == traitUser
		t.group = t.group || v == traitGroup
	}
	err = fields(message, func(f field) error {
		switch f.number {
		case 1:
			t.id = f.id()
		case 2:
			t.name = f.text()
		case 3:
			if f.bytes == nil {
				trait(f.value)
			}
			for packed := f.bytes; len(packed) > 0; {
				v, used := protowire.ConsumeVarint(packed)
				if used < 0 {
					return malformed()
				}
				trait(v)
				packed = packed[used:]
			}
		}
		return nil
	})
	return t, err
}

// ref names a resource.
type ref struct{ kind, id string }

func readRef(message []byte) (r ref, err error) {
	err = fields(message, func(f field) error {
		switch f.number {
		case 1:
			r.kind = f.id()
		case 2:
			r.id = f.id()
		}
		return nil
	})
	return r, err
}

// resource is a thing of the app, or an account.
type resource struct {
	id, parent ref
	name       string
	status     status
	created    time.Time
	user       *user // it says so of itself
}

type status struct {
	code    uint64 // 1 enabled, 2 disabled, 3 deleted
	details string
}

func readResource(message []byte) (r resource, err error) {
	err = fields(message, func(f field) (err error) {
		switch f.number {
		case 1:
			r.id, err = readRef(f.bytes)
		case 2:
			r.parent, err = readRef(f.bytes)
		case 3:
			r.name = f.text()
		case 4:
			var name string
			var value []byte
			if name, value, err = readAny(f.bytes); err == nil && name == "UserTrait" {
				r.user, err = readUser(value)
			}
		case 11:
			r.status, err = readStatus(f.bytes)
		case 12:
			r.created, err = readTime(f.bytes)
		}
		return err
	})
	return r, err
}

// ours is the package of the messages that are read.
const ours = "c1.connector.v2."

// readAny gives the name of a message of ours and its bytes; "": of another.
func readAny(message []byte) (name string, value []byte, err error) {
	err = fields(message, func(f field) error {
		switch f.number {
		case 1:
			whole := f.id()
			name, _ = strings.CutPrefix(whole[strings.LastIndexByte(whole, '/')+1:], ours)
		case 2:
			value = f.bytes
		}
		return nil
	})
	return name, value, err
}

func readStatus(message []byte) (s status, err error) {
	err = fields(message, func(f field) error {
		switch f.number {
		case 1:
			s.code = f.value
		case 2:
			s.details = f.text()
		}
		return nil
	})
	return s, err
}

// readTime reads a google.protobuf.Timestamp. One beyond the years that a
// Timestamp may have is none.
func readTime(message []byte) (time.Time, error) {
	var seconds, nanos int64
	err := fields(message, func(f field) error {
		switch f.number {
		case 1:
			seconds = int64(f.value)
		case 2:
			nanos = int64(f.value)
		}
		return nil
	})
	at := time.Unix(seconds, nanos).UTC()
	if err != nil || seconds == 0 && nanos == 0 || nanos < 0 || nanos > 999_999_999 || seconds < -62135596800 || seconds > 253402300799 {
		return time.Time{}, err
	}
	return at.Truncate(time.Millisecond), nil
}

// user is what an account says of its person (UserTrait).
type user struct {
	email, login string
	status       status
	kind         uint64 // 1 human, 2 service, 3 system
	created      time.Time
	signedIn     time.Time
	secondFactor bool
}

func readUser(message []byte) (*user, error) {
	var u user
	primary := false
	err := fields(message, func(f field) (err error) {
		switch f.number {
		case 1:
			address, first, err := readEmail(f.bytes)
			if err == nil && address != "" && (u.email == "" || first && !primary) {
				u.email, primary = address, first
			}
			return err
		case 2:
			u.status, err = readStatus(f.bytes)
		case 5:
			u.kind = f.value
		case 6:
			u.login = f.text()
		case 8:
			u.created, err = readTime(f.bytes)
		case 9:
			u.signedIn, err = readTime(f.bytes)
		case 10:
			err = fields(f.bytes, func(f field) error {
				u.secondFactor = f.number == 1 && f.value != 0
				return nil
			})
		}
		return err
	})
	return &u, err
}

func readEmail(message []byte) (address string, primary bool, err error) {
	err = fields(message, func(f field) error {
		switch f.number {
		case 1:
			address = f.text()
		case 2:
			primary = f.value != 0
		}
		return nil
	})
	return address, primary, err
}

// entitlement is something that can be held of a resource.
type entitlement struct {
	id, name, slug string
	of             ref
}

func readEntitlement(message []byte) (e entitlement, err error) {
	err = fields(message, func(f field) (err error) {
		switch f.number {
		case 1:
			var r resource
			r, err = readResource(f.bytes)
			e.of = r.id
		case 2:
			e.id = f.id()
		case 3:
			e.name = f.text()
		case 8:
			e.slug = f.text()
		}
		return err
	})
	return e, err
}

// grant says that an account or a group holds an entitlement.
type grant struct {
	entitlement entitlement
	to          ref
	derived     bool      // it comes by another grant alone
	expands     expansion // those who hold what is named there hold this, too
}

// expansion is GrantExpandable.
type expansion struct {
	by      []string // ids of entitlements; none: it does not expand
	shallow bool     // only those who hold them directly
	kinds   []string // only accounts of these resource types; none: of all
}

func readGrant(message []byte) (g grant, err error) {
	var sources []string
	err = fields(message, func(f field) (err error) {
		switch f.number {
		case 1:
			g.entitlement, err = readEntitlement(f.bytes)
		case 2:
			var r resource
			r, err = readResource(f.bytes)
			g.to = r.id
		case 4:
			var name string
			var value []byte
			if name, value, err = readAny(f.bytes); err == nil && name == "GrantExpandable" {
				g.expands, err = readExpansion(value)
			}
		case 5:
			sources, err = readSources(f.bytes, sources)
		}
		return err
	})
	g.derived = len(sources) > 0
	for _, s := range sources {
		if s == g.entitlement.id {
			g.derived = false
		}
	}
	return g, err
}

// readSources reads GrantSources, a map by ids of entitlements.
func readSources(message []byte, sources []string) ([]string, error) {
	err := fields(message, func(f field) error {
		if f.number != 1 {
			return nil
		}
		return fields(f.bytes, func(f field) error {
			if f.number == 1 {
				sources = append(sources, f.id())
			}
			return nil
		})
	})
	return sources, err
}

func readExpansion(message []byte) (e expansion, err error) {
	err = fields(message, func(f field) error {
		switch f.number {
		case 1:
			if id := f.id(); strings.TrimSpace(id) != "" {
				e.by = append(e.by, id)
			}
		case 2:
			e.shallow = f.value != 0
		case 3:
			e.kinds = append(e.kinds, f.id())
		}
		return nil
	})
	return e, err
}
