package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/internal/seal"
)

const row = "connections/0191/app_secret"

func open(t *testing.T, path string) *seal.Box {
	t.Helper()
	b, err := seal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sealed(t *testing.T, b *seal.Box, plain string) []byte {
	t.Helper()
	s, err := b.Seal([]byte(plain), row)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wantOpens(t *testing.T, b *seal.Box, value []byte, plain string) {
	t.Helper()
	got, err := b.Unseal(value, row)
	if err != nil || string(got) != plain {
		t.Errorf("Unseal = %q, %v; want %q", got, err, plain)
	}
}

func wantRefused(t *testing.T, b *seal.Box, value []byte, about string) {
	t.Helper()
	if got, err := b.Unseal(value, about); !errors.Is(err, seal.ErrUnseal) || got != nil {
		t.Errorf("Unseal for %q = %q, %v; want ErrUnseal", about, got, err)
	}
}

func TestBox(t *testing.T) {
	t.Parallel()
	box, err := seal.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("WhatIsSealedOpens", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			plain := rapid.SliceOfN(rapid.Byte(), 1, 2000).Draw(t, "plain")
			about := rapid.StringN(1, 40, -1).Draw(t, "about")
			value, err := box.Seal(plain, about)
			if err != nil {
				t.Fatal(err)
			}
			if len(plain) > 8 && bytes.Contains(value, plain) {
				t.Fatal("the value can be read")
			}
			if got, err := box.Unseal(value, about); err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("Unseal = %q, %v", got, err)
			}
		})
	})
	t.Run("EmptyStaysEmpty", func(t *testing.T) {
		t.Parallel()
		for _, plain := range [][]byte{nil, {}} {
			value, err := box.Seal(plain, row)
			if err != nil || len(value) != 0 {
				t.Errorf("Seal = %q, %v", value, err)
			}
			if got, err := box.Unseal(value, row); err != nil || len(got) != 0 {
				t.Errorf("Unseal = %q, %v", got, err)
			}
		}
	})
	t.Run("SameValueNeverLooksTheSame", func(t *testing.T) {
		t.Parallel()
		if bytes.Equal(sealed(t, box, "s3cret"), sealed(t, box, "s3cret")) {
			t.Error("two seals of one value are equal")
		}
	})
	t.Run("ValueOfAnotherRowIsRefused", func(t *testing.T) {
		t.Parallel()
		value := sealed(t, box, "s3cret")
		wantRefused(t, box, value, "connections/0192/app_secret")
		wantRefused(t, box, value, row+" ")
	})
	t.Run("AnotherBoxIsRefused", func(t *testing.T) {
		t.Parallel()
		other, err := seal.Ephemeral()
		if err != nil {
			t.Fatal(err)
		}
		wantRefused(t, other, sealed(t, box, "s3cret"), row)
	})
	t.Run("ChangedAndCutValuesAreRefused", func(t *testing.T) {
		t.Parallel()
		value := sealed(t, box, "s3cret")
		for i := range value {
			changed := bytes.Clone(value)
			changed[i] ^= 1
			wantRefused(t, box, changed, row)
			if i > 0 {
				wantRefused(t, box, value[:i], row)
			}
		}
		wantRefused(t, box, append(bytes.Clone(value), 0), row)
		wantRefused(t, box, []byte("s3cret, in clear"), row)
	})
	t.Run("WithoutARowNothingIsSealed", func(t *testing.T) {
		t.Parallel()
		if _, err := box.Seal([]byte("s3cret"), ""); err == nil {
			t.Error("Seal without a row succeeded")
		}
	})
	t.Run("ZeroBoxIsAnErrorAndNoPanic", func(t *testing.T) {
		t.Parallel()
		var zero seal.Box
		if _, err := zero.Seal([]byte("s3cret"), row); err == nil {
			t.Error("Seal succeeded")
		}
		if _, err := zero.Unseal([]byte("s3cret"), row); err == nil {
			t.Error("Unseal succeeded")
		}
	})
	t.Run("ErrorsDoNotQuoteTheSecret", func(t *testing.T) {
		t.Parallel()
		_, err := box.Unseal([]byte("s3cret"), row)
		if strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), row) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("ManyAtOnce", func(t *testing.T) {
		t.Parallel()
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for range 100 {
					wantOpens(t, box, sealed(t, box, fmt.Sprint("s3cret", i)), fmt.Sprint("s3cret", i))
				}
			})
		}
		wg.Wait()
	})
}

func TestOpen(t *testing.T) {
	t.Parallel()
	t.Run("MakesAPrivateFileAndUsesItAgain", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "gatehouse.key")
		value := sealed(t, open(t, path), "s3cret")
		info, err := os.Stat(path)
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		wantOpens(t, open(t, path), value, "s3cret")
		wantFiles(t, path)
	})
	t.Run("TwoAtOnceEndWithOneKey", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "gatehouse.key")
		boxes := make([]*seal.Box, 16)
		start := make(chan struct{})
		var wg sync.WaitGroup
		for i := range boxes {
			wg.Go(func() {
				<-start
				b, err := seal.Open(path)
				if err != nil {
					t.Errorf("open: %v", err)
				}
				boxes[i] = b
			})
		}
		close(start)
		wg.Wait()
		value := sealed(t, boxes[0], "s3cret")
		for _, b := range boxes {
			wantOpens(t, b, value, "s3cret")
		}
		wantFiles(t, path)
	})
	for mode, want := range map[os.FileMode]bool{
		0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o660: false, 0o620: false, 0o644: false, 0o601: false,
	} {
		t.Run(fmt.Sprintf("Mode%04o", mode), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "gatehouse.key")
			open(t, path)
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			_, err := seal.Open(path)
			if want && err != nil {
				t.Errorf("refused: %v", err)
			}
			if !want && (err == nil || !strings.Contains(err.Error(), "chmod 600 "+path)) {
				t.Errorf("error %v, want one that says chmod 600", err)
			}
		})
	}
	t.Run("MissingFolderIsNamed", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "no", "gatehouse.key")
		if _, err := seal.Open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("FolderIsNoKeyFile", func(t *testing.T) {
		t.Parallel()
		if _, err := seal.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("error %v", err)
		}
	})
}

// What is wrong with a key file is said, the file is left as it is, and its
// contents are not quoted.
func TestOpenBadFiles(t *testing.T) {
	t.Parallel()
	good := filepath.Join(t.TempDir(), "gatehouse.key")
	open(t, good)
	data, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	key := string(data)
	for name, text := range map[string]string{
		"Empty":           "",
		"NotJSON":         "hunter2",
		"OtherJSON":       `{"primary": "hunter2"}`,
		"NoKeys":          `{"primaryKeyId": 1, "key": []}`,
		"CutOff":          key[:len(key)-10],
		"OtherKeyType":    strings.Replace(key, "AesGcmKey", "HmacKey", 1),
		"ShortKey":        strings.Replace(key, `"value": "Gi`, `"value": "GhBo`, 1),
		"DisabledPrimary": strings.Replace(key, "ENABLED", "DISABLED", 1),
		"OtherPrimary":    strings.Replace(key, `"primaryKeyId": `, `"primaryKeyId": 1`, 1),
		"TooLong":         key + strings.Repeat(" ", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "gatehouse.key")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := seal.Open(path)
			if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "hunter2") {
				t.Fatalf("error %v", err)
			}
			if err := seal.Rotate(path); err == nil {
				t.Error("Rotate of a bad file succeeded")
			}
			if left, _ := os.ReadFile(path); string(left) != text {
				t.Errorf("the file was changed to %q", left)
			}
			wantFiles(t, path)
		})
	}
}

func TestRotate(t *testing.T) {
	t.Parallel()
	t.Run("OldValuesOpenAndNewOnesNeedTheNewKey", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "gatehouse.key")
		before := open(t, path)
		old := sealed(t, before, "old")
		for range 3 {
			if err := seal.Rotate(path); err != nil {
				t.Fatal(err)
			}
		}
		after := open(t, path)
		wantOpens(t, after, old, "old")
		fresh := sealed(t, after, "fresh")
		wantOpens(t, after, fresh, "fresh")
		wantRefused(t, before, fresh, row)
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		wantFiles(t, path)
	})
	t.Run("NeverMakesAFile", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "gatehouse.key")
		if err := seal.Rotate(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("OpenFileIsRefused", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "gatehouse.key")
		open(t, path)
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := seal.Rotate(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("error %v", err)
		}
		wantFiles(t, path)
	})
	t.Run("TwoAtOnceLoseNoKey", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "gatehouse.key")
		old := sealed(t, open(t, path), "old")
		var wg sync.WaitGroup
		var mu sync.Mutex
		done := 0
		for range 8 {
			wg.Go(func() {
				err := seal.Rotate(path)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					done++
				} else if !strings.Contains(err.Error(), path+".lock") {
					t.Errorf("error %v", err)
				}
			})
		}
		wg.Wait()
		data, err := os.ReadFile(path)
		if err != nil || strings.Count(string(data), `"ENABLED"`) != done+1 || done == 0 {
			t.Errorf("%d rotations left %d keys (%v)", done, strings.Count(string(data), `"ENABLED"`), err)
		}
		wantOpens(t, open(t, path), old, "old")
		wantFiles(t, path)
	})
	t.Run("LinkStaysALink", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		path, link := filepath.Join(dir, "real.key"), filepath.Join(dir, "gatehouse.key")
		old := sealed(t, open(t, path), "old")
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		if err := seal.Rotate(link); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("link is %v, %v", info.Mode(), err)
		}
		wantOpens(t, open(t, path), old, "old")
	})
}

// wantFiles says that nothing but the key file lies in its folder.
func wantFiles(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff([]string{filepath.Base(path)}, names); diff != "" {
		t.Errorf("files in the folder: %s", diff)
	}
}

func FuzzUnseal(f *testing.F) {
	box, err := seal.Ephemeral()
	if err != nil {
		f.Fatal(err)
	}
	value, err := box.Seal([]byte("s3cret"), row)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value, "other")
	f.Add([]byte{1, 0, 0, 0, 0}, row)
	f.Fuzz(func(t *testing.T, value []byte, about string) {
		if plain, err := box.Unseal(value, about); err == nil && len(value) > 0 {
			t.Errorf("opened to %q", plain)
		}
	})
}

// testdata/tink.json and the values were made once, before and after
// a rotation; they belong to no installation.
func TestOpenFileOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/tink.json")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "gatehouse.key")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	box := open(t, path)
	for plain, value := range map[string]string{
		"before": "AQsmmEgMOjbKIGH+dTxBgv19IVjI+CShHf6WVrQgc2zraXT+JJaf",
		"after":  "AVYwVpQCDrWdMGS/2WqS5lWzzwDAMhNJHItiU/h3FqG8CoIO+mQ=",
	} {
		raw, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			t.Fatal(err)
		}
		wantOpens(t, box, raw, plain)
	}
}
