package password

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"gatehouse"
)

// cheap is for tests that are not about the cost.
func cheap() *Hasher { return &Hasher{Cost: Cost{Memory: 64, Passes: 1}} }

func TestS5Check(t *testing.T) {
	t.Parallel()
	who := About{Username: "li.na", Email: "na.li@example.com"}
	for name, tt := range map[string]struct {
		password string
		right    bool
	}{
		"Words":                   {"correct horse battery staple", true},
		"EightOfAllKinds":         {"7h!Kv9q#", true},
		"Chinese":                 {"马到成功 万事如意", true},
		"Emoji":                   {"🐎🔋📎🐴 four signs", true},
		"SpacesAtTheEnds":         {"  a b c d e f  ", true},
		"256Characters":           {strings.Repeat("abcdefgh", 32), true},
		"Empty":                   {"", false},
		"Seven":                   {"7h!Kv9q", false},
		"257Characters":           {strings.Repeat("abcdefgh", 32) + "i", false},
		"Megabyte":                {strings.Repeat("abcdefgh", 1<<17), false},
		"OneCharacter":            {"zzzzzzzzzzzzzzzz", false},
		"Common":                  {"password123", false},
		"CommonInOtherCase":       {"PassWord123", false},
		"CommonWithMoreBehind":    {"Sunshine2026!", true}, // five behind it
		"CommonWithAFewBehind":    {"Basketball99!", false},
		"Username":                {"my li.na password", false},
		"UsernameInOtherCase":     {"xx LI.NA xx 42", false},
		"Address":                 {"na.li@example.com", false},
		"LocalPart":               {"me, NA.LI, again", false},
		"LineBreak":               {"correct horse\nbattery", false},
		"Zero":                    {"correct horse\x00battery", false},
		"NoUTF8":                  {"correct horse \xff battery", false},
		"EightAfterComposition":   {"a\u0308bcdefgh", true},
		"SevenAfterComposition":   {"a\u0308bcdefg", false},
		"WideLettersAreTheirOwn":  {"ｐａｓｓｗｏｒｄ", true}, // as long as its reader takes it for others
		"ShortNamesAreNoMatter":   {"mona lisa smiles", true},
		"TabIsAControlCharacter":  {"correct\thorse battery", false},
		"UnassignedOfTheTables":   {"correct \U0001FAE9 horse", true},
		"ZeroWidthJoinerOfEmojis": {"family 👨‍👩‍👧 of three", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Check(tt.password, who)
			if (err == nil) != tt.right || err != nil && !errors.Is(err, gatehouse.Invalid) {
				t.Errorf("%v", err)
			}
			if err != nil && tt.password != "" && strings.Contains(err.Error(), tt.password) {
				t.Error("G7: the password is in the error")
			}
		})
	}
}

func TestCommonList(t *testing.T) {
	t.Parallel()
	if n := len(common()); n != 17959 {
		t.Errorf("%d common passwords, and COMMON.md says another number", n)
	}
	for p := range common() {
		if len(p) < Shortest || p != strings.ToLower(p) {
			t.Fatalf("%q cannot be found by what is looked for", p)
		}
	}
}

// TestS5WholeLengthCounts: every character matters, to the last.
func TestS5WholeLengthCounts(t *testing.T) {
	t.Parallel()
	h := cheap()
	long := strings.Repeat("abcdefgh", 32)
	phc, err := h.Hash(t.Context(), long)
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]bool{long: true, long[:255] + "H": false, long[:255]: false, long + "i": false, strings.ToUpper(long): false} {
		if got, err := h.Matches(t.Context(), p, phc); err != nil || got != want {
			t.Errorf("%d characters: %t, %v", len(p), got, err)
		}
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := cheap()
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		phc, err := h.Hash(context.Background(), a)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(phc, "$argon2id$v=19$m=64,t=1,p=1$") || len(a) > 8 && strings.Contains(phc, a) {
			t.Fatalf("kept as %s", phc)
		}
		if ok, err := h.Matches(context.Background(), a, phc); err != nil || !ok {
			t.Fatalf("the same: %t, %v", ok, err)
		}
		if ok, err := h.Matches(context.Background(), b, phc); err != nil || ok != (Normal(a) == Normal(b)) {
			t.Fatalf("another: %t, %v", ok, err)
		}
	})
	h := cheap()
	composed, err := h.Hash(t.Context(), "B\u00fccher im Regal")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := h.Matches(t.Context(), "Bu\u0308cher im\u00a0Regal", composed); err != nil || !ok {
		t.Errorf("the same letters of another keyboard: %t, %v", ok, err)
	}
	for _, phc := range []string{
		"", "x", "$argon2i$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=99999999,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=64,t=0,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$", "$argon2id$v=16$m=64,t=1,p=1$a$b",
	} {
		if ok, err := h.Matches(t.Context(), "", phc); err != nil || ok {
			t.Errorf("%q matches: %t, %v", phc, ok, err)
		}
		if !h.Outdated(phc) {
			t.Errorf("%q is not made anew", phc)
		}
	}
	if h.Outdated(composed) || !(&Hasher{}).Outdated(composed) {
		t.Error("outdated is what has another cost")
	}
}

// TestWorkIsBounded: however many ask, two are worked on, a few wait, and the
// rest is told to come again.
func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	h := cheap()
	if _, err := h.Hash(t.Context(), "makes the channels"); err != nil {
		t.Fatal(err)
	}
	for range slots { // all places are taken
		h.working <- struct{}{}
		h.waiting <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var waiters sync.WaitGroup
	results := make(chan error, mostWaiting)
	for range mostWaiting {
		h.waiting <- struct{}{} // stands for one in the queue, whose place it takes below
	}
	if _, err := h.Matches(ctx, "x", ""); !errors.Is(err, gatehouse.Limited) {
		t.Errorf("the queue is full: %v", err)
	}
	for range mostWaiting {
		<-h.waiting
		waiters.Go(func() {
			_, err := h.Matches(ctx, "x", "")
			results <- err
		})
	}
	cancel()
	waiters.Wait()
	for range mostWaiting {
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("who waits and goes away: %v", err)
		}
	}
	for range slots {
		<-h.working
		<-h.waiting
	}
	if ok, err := h.Matches(t.Context(), "x", ""); err != nil || ok {
		t.Errorf("afterwards: %t, %v", ok, err)
	}
}

// BenchmarkHash is the figure in docs/security.md.
func BenchmarkHash(b *testing.B) {
	h := &Hasher{}
	for b.Loop() {
		if _, err := h.Hash(b.Context(), "correct horse battery staple"); err != nil {
			b.Fatal(err)
		}
	}
}
