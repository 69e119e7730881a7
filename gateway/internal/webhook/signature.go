package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
)

// The headers of a call.
const (
	HeaderEvent     = "X-Penstock-Event"
	HeaderID        = "X-Penstock-Event-Id"
	HeaderTimestamp = "X-Penstock-Timestamp" // in Unix seconds
	HeaderSignature = "X-Penstock-Signature"
)

// Sign returns the signature of a call: "v1=" and, in hexadecimal, HMAC-SHA256 with the secret
// over the timestamp as it is in its header, a dot, and the body. A receiver computes it anew,
// and refuses a timestamp that is long ago.
func Sign(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// host returns the part of an address that tells receivers apart and holds no credential.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// withoutURL returns the cause of a failed call. The address may hold a credential, as some
// receivers have it.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
