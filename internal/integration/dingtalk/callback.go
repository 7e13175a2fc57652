package dingtalk

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1" // #nosec G505 -- DingTalk's signature, behind which stands an encryption with a key of its own
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
)

// Source of the encryption: open.dingtalk.com, "HTTP push of events"
// (configure-event-subscription): AES-256-CBC whose key is the aes_key in base64
// and whose IV are the key's first 16 bytes; PKCS#7 to blocks of 32 bytes; inside
// are 16 random bytes, the length in four bytes, the message, and the AppKey.
const (
	padTo     = 32
	saltBytes = 16
	preamble  = saltBytes + 4
)

// oldest is how far the time of a callback may be from ours. DingTalk tries
// again after 10 and 30 seconds.
const oldest = 15 * time.Minute

// envelope encrypts and signs for one event subscription.
type envelope struct {
	token string
	key   []byte
}

func newEnvelope(s callbackSecrets) (envelope, error) {
	key, err := base64.StdEncoding.DecodeString(s.aesKey + "=")
	if err == nil && len(key) != 32 {
		err = errors.New("the key does not have 32 bytes")
	}
	return envelope{s.token, key}, err
}

// sign is the signature of an encrypted message: SHA-1 over the four texts in
// their order.
func (e envelope) sign(timestamp, nonce, encrypted string) string {
	parts := []string{e.token, timestamp, nonce, encrypted}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, ""))) // #nosec G401 -- as above
	return hex.EncodeToString(sum[:])
}

// seal encrypts a message for its owner, the AppKey.
func (e envelope) seal(salt [saltBytes]byte, message []byte, owner string) (string, error) {
	block, err := aes.NewCipher(e.key)
	if err != nil {
		return "", err
	}
	plain := binary.BigEndian.AppendUint32(slices.Clone(salt[:]), uint32(len(message))) // #nosec G115 -- messages of ours are short
	plain = append(append(plain, message...), owner...)
	pad := padTo - len(plain)%padTo
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, e.key[:aes.BlockSize]).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain), nil
}

// open decrypts a message and says whose it is.
func (e envelope) open(encrypted string) (message []byte, owner string, err error) {
	data, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil || len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, "", errors.New("it is not whole blocks in base64")
	}
	block, err := aes.NewCipher(e.key)
	if err != nil {
		return nil, "", err
	}
	cipher.NewCBCDecrypter(block, e.key[:aes.BlockSize]).CryptBlocks(data, data)
	pad := int(data[len(data)-1])
	if pad < 1 || pad > padTo || pad > len(data)-preamble {
		return nil, "", errors.New("the padding is none")
	}
	data = data[:len(data)-pad]
	length := int64(binary.BigEndian.Uint32(data[saltBytes:preamble]))
	if length > int64(len(data)-preamble) {
		return nil, "", errors.New("the length is longer than the message")
	}
	return data[preamble : preamble+length], string(data[preamble+length:]), nil
}

// receiver reads DingTalk's encrypted callbacks.
type receiver struct {
	settings directory
	envelope envelope
	clock    gatehouse.Clock
}

// Receive checks the signature before anything else, decrypts, and answers with
// the encrypted word that DingTalk waits for.
func (r *receiver) Receive(_ context.Context, d integration.Delivery) (integration.Answer, []gatehouse.Notice, error) {
	var body struct {
		Encrypt string `json:"encrypt"`
	}
	if err := json.Unmarshal(d.Body, &body); err != nil || body.Encrypt == "" {
		return integration.Answer{}, nil, gatehouse.Errorf(gatehouse.Invalid, "This is no encrypted message of DingTalk.").Because(err)
	}
	timestamp, nonce := d.Query.Get("timestamp"), d.Query.Get("nonce")
	given := d.Query.Get("signature")
	if given == "" {
		given = d.Query.Get("msg_signature")
	}
	wanted := r.envelope.sign(timestamp, nonce, body.Encrypt)
	if subtle.ConstantTimeCompare([]byte(given), []byte(wanted)) != 1 {
		return integration.Answer{}, nil, gatehouse.Errorf(gatehouse.Unauthorized, "The signature of the message is wrong. If it comes from DingTalk, callback_token is not the token of the event subscription.")
	}
	if at, ok := moment(timestamp); !ok || at.Sub(r.clock.Now()).Abs() > oldest {
		return integration.Answer{}, nil, gatehouse.Errorf(gatehouse.Expired, "The message is too old, or the clock of this server is wrong.")
	}
	message, owner, err := r.envelope.open(body.Encrypt)
	if err != nil {
		return integration.Answer{}, nil, gatehouse.Errorf(gatehouse.Unauthorized, "The message cannot be decrypted. If it comes from DingTalk, callback_aes_key is not the aes_key of the event subscription.").Because(err)
	}
	if owner != r.settings.key && (r.settings.company == "" || owner != r.settings.company) {
		return integration.Answer{}, nil, gatehouse.Errorf(gatehouse.Unauthorized, "The message is for another app of DingTalk.").Because(quoted("owner", owner))
	}
	e, err := readEvent(message)
	if err != nil {
		return integration.Answer{}, nil, gatehouse.Errorf(gatehouse.Invalid, "The message of DingTalk is not one that we can read.").Because(err)
	}
	answer, err := r.answer()
	return answer, e.notices(r.settings.company, message), err
}

// answer is the word success, encrypted anew.
func (r *receiver) answer() (integration.Answer, error) {
	var salt [saltBytes]byte
	_, _ = rand.Read(salt[:]) // never fails
	encrypted, err := r.envelope.seal(salt, []byte("success"), r.settings.key)
	if err != nil {
		return integration.Answer{}, err
	}
	timestamp, nonce := strconv.FormatInt(r.clock.Now().UnixMilli(), 10), rand.Text()
	body, err := json.Marshal(struct {
		Signature string `json:"msg_signature"`
		Timestamp string `json:"timeStamp"`
		Nonce     string `json:"nonce"`
		Encrypt   string `json:"encrypt"`
	}{r.envelope.sign(timestamp, nonce, encrypted), timestamp, nonce, encrypted})
	return integration.Answer{Status: http.StatusOK, ContentType: "application/json", Body: body}, err
}

// moment reads a time in seconds or in milliseconds.
func moment(text string) (time.Time, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil || n <= 0:
		return time.Time{}, false
	case n < 1e11:
		return time.Unix(n, 0), true
	}
	return time.UnixMilli(n), true
}
