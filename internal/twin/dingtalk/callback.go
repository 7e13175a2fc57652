package dingtalk

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1" // #nosec G505 -- as DingTalk signs
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Callback is where an app takes events, as its developer console has it.
type Callback struct {
	URL   string // "" = nowhere
	Token string // 3 to 32 letters and digits
	Key   string // aes_key, 43 letters and digits
}

// callbackTime is how long DingTalk waits for the answer to a callback.
const callbackTime = 1500 * time.Millisecond

// Subscribe saves where an app takes its events, as the console does: only if
// the address answers a check_url as it must.
func (t *Twin) Subscribe(ctx context.Context, appKey string, c Callback) error {
	if err := t.send(ctx, appKey, c, []byte(`{"EventType":"check_url"}`)); err != nil {
		return fmt.Errorf("the address was not saved: %w", err)
	}
	return t.UpdateApp(appKey, func(a *App) { a.Callback = c })
}

// callBack sends an event until it is taken: at once, and again after each of
// Config.Again. What is not taken then is kept in a list that can be asked for.
func (t *Twin) callBack(app App, e event) {
	t.sending.Add(1)
	go func() {
		defer t.sending.Done()
		body := e.callbackBody()
		for _, wait := range append([]time.Duration{0}, t.again...) {
			if !t.rest(wait) {
				return
			}
			if t.send(context.Background(), app.Key, app.Callback, body) == nil {
				return
			}
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.failed[app.Key] = append(t.failed[app.Key], e)
		t.tell()
	}()
}

// rest waits, and says whether the twin is still open.
func (t *Twin) rest(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.done:
		return false
	}
}

// send posts one message and checks the answer.
func (t *Twin) send(ctx context.Context, owner string, c Callback, message []byte) error {
	crypt, err := newCrypt(c)
	if err != nil {
		return err
	}
	encrypted := crypt.encrypt(message, owner)
	timestamp, nonce := strconv.FormatInt(time.Now().UnixMilli(), 10), secret()[:16]
	signature := crypt.signature(timestamp, nonce, encrypted)
	q := url.Values{"signature": {signature}, "msg_signature": {signature}, "timestamp": {timestamp}, "nonce": {nonce}}
	body, err := json.Marshal(map[string]string{"encrypt": encrypted})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callbackTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"?"+q.Encode(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil || resp.StatusCode != http.StatusOK {
		return errors.Join(err, fmt.Errorf("the answer was %s", resp.Status))
	}
	return crypt.checkAnswer(said, owner)
}

// crypt is the encryption of one event subscription.
type crypt struct {
	token string
	key   []byte
}

func newCrypt(c Callback) (crypt, error) {
	key, err := base64.StdEncoding.DecodeString(c.Key + "=")
	if err != nil || len(key) != 32 || len(c.Token) < 3 || len(c.Token) > 32 {
		return crypt{}, errors.New("the token or the aes_key is not right")
	}
	return crypt{c.Token, key}, nil
}

func (c crypt) signature(timestamp, nonce, encrypted string) string {
	all := []string{c.token, timestamp, nonce, encrypted}
	slices.Sort(all)
	return fmt.Sprintf("%x", sha1.Sum([]byte(strings.Join(all, "")))) // #nosec G401 -- as above
}

func (c crypt) encrypt(message []byte, owner string) string {
	var b bytes.Buffer
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails
	b.Write(random)
	_ = binary.Write(&b, binary.BigEndian, int32(len(message))) // #nosec G115 -- messages are short
	b.Write(message)
	b.WriteString(owner)
	n := 32 - b.Len()%32
	b.Write(bytes.Repeat([]byte{byte(n)}, n))
	block, err := aes.NewCipher(c.key)
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	out := make([]byte, b.Len())
	cipher.NewCBCEncrypter(block, c.key[:16]).CryptBlocks(out, b.Bytes())
	return base64.StdEncoding.EncodeToString(out)
}

func (c crypt) decrypt(encrypted, owner string) (string, error) {
	data, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil || len(data) < 32 || len(data)%16 != 0 {
		return "", errors.New("the answer is not encrypted")
	}
	block, err := aes.NewCipher(c.key)
	if err != nil {
		return "", err
	}
	cipher.NewCBCDecrypter(block, c.key[:16]).CryptBlocks(data, data)
	n := int(data[len(data)-1])
	if n < 1 || n > 32 || n > len(data)-20 {
		return "", errors.New("the answer's padding is wrong")
	}
	data = data[16 : len(data)-n]
	size := int(binary.BigEndian.Uint32(data))
	if size > len(data)-4 || string(data[4+size:]) != owner {
		return "", errors.New("the answer is another app's")
	}
	return string(data[4 : 4+size]), nil
}

// checkAnswer wants the encrypted word success with its signature.
func (c crypt) checkAnswer(body []byte, owner string) error {
	var a struct {
		Signature string `json:"msg_signature"`
		Timestamp string `json:"timeStamp"`
		Nonce     string `json:"nonce"`
		Encrypt   string `json:"encrypt"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return err
	}
	if a.Signature != c.signature(a.Timestamp, a.Nonce, a.Encrypt) {
		return errors.New("the answer's signature is wrong")
	}
	word, err := c.decrypt(a.Encrypt, owner)
	if err == nil && word != "success" {
		err = errors.New("the answer is not success")
	}
	return err
}

// failedCallbacks is /call_back/get_call_back_failed_result: what no callback
// could deliver. Each is told once.
func (t *Twin) failedCallbacks(c *call) answer {
	if refusal, ok := t.plainToken(c); !ok {
		return refusal
	}
	app := t.state.Apps[c.query.Get("access_token")].App
	all := t.failed[app]
	n := min(len(all), 200)
	list := []map[string]any{}
	for _, e := range all[:n] {
		list = append(list, map[string]any{
			"event_time": e.At.UnixMilli(), "call_back_tag": e.Kind,
			e.Kind: map[string]any{"corpid": e.CorpID, "userid": e.Users, "deptid": e.Departments},
		})
	}
	t.failed[app] = all[n:]
	return asJSON(http.StatusOK, map[string]any{"errcode": 0, "errmsg": "ok", "has_more": n < len(all), "failed_list": list})
}
