package oidc

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

// Bounds of a token.
const (
	// maxToken is in bytes. Entra's tokens with many groups have 10 KiB.
	maxToken = 16 << 10
	// maxNesting is how deep a token's JSON may be nested.
	maxNesting = 16
	// maxKeyID bounds the kid, in bytes.
	maxKeyID = 1024
)

// token is a token that is well formed. Nothing in it is verified.
type token struct {
	text []byte
	// algorithm and keyID are of its header.
	algorithm, keyID string
	claims           claims
}

// base64url is strict, so that a token has one spelling only.
var base64url = base64.RawURLEncoding.Strict()

// parseToken splits a token and reads its header and claims. Errors complete the sentence "The
// token …".
func parseToken(text string) (*token, error) {
	if len(text) > maxToken {
		return nil, fmt.Errorf("has %d bytes; at most %d are allowed", len(text), maxToken)
	}
	parts := strings.Split(text, ".")
	if len(parts) == 5 {
		return nil, errors.New("is encrypted; only signed tokens are accepted")
	}
	if len(parts) != 3 {
		return nil, fmt.Errorf("has %d parts instead of 3", len(parts))
	}
	header, err := decodeObject(parts[0])
	if err != nil {
		return nil, fmt.Errorf("has a header that %w", err)
	}
	t := &token{text: []byte(text)}
	if err := t.readHeader(header); err != nil {
		return nil, err
	}
	if t.claims, err = decodeObject(parts[1]); err != nil {
		return nil, fmt.Errorf("has claims, the second part, and it %w", err)
	}
	if parts[2] == "" {
		return nil, errors.New("is not signed")
	}
	if _, err := base64url.DecodeString(parts[2]); err != nil {
		return nil, errors.New("has a signature that is not base64url without padding")
	}
	return t, nil
}

// readHeader reads what counts in a token's header. Keys and addresses of keys in it (jwk, jku,
// x5c, x5u) are never used: whoever forges a token would choose them.
func (t *token) readHeader(header claims) error {
	var isText bool
	if t.algorithm, isText = header["alg"].(string); !isText {
		return errors.New("has no algorithm (alg) in its header")
	}
	if id, given := header["kid"]; given {
		if t.keyID, isText = id.(string); !isText || len(t.keyID) > maxKeyID {
			return fmt.Errorf("has a key id (kid) that is not a text of at most %d bytes", maxKeyID)
		}
	}
	for _, name := range []string{"crit", "b64", "zip", "enc"} {
		if _, given := header[name]; given {
			return fmt.Errorf("has %s in its header, which is not supported", name)
		}
	}
	return checkType(header)
}

// checkType refuses tokens that are not meant to grant access, such as those that log a user
// out and proofs of possession.
func checkType(header claims) error {
	given, has := header["typ"]
	if !has {
		return nil
	}
	name, _ := given.(string)
	switch strings.TrimPrefix(strings.ToLower(name), "application/") {
	case "jwt", "at+jwt":
		return nil
	}
	return errors.New("is of another type (typ) than JWT and at+jwt")
}

// decodeObject decodes one JSON object in base64url.
func decodeObject(part string) (claims, error) {
	text, err := base64url.DecodeString(part)
	if err != nil {
		return nil, errors.New("is not base64url without padding")
	}
	s := jsontext.New(text, maxNesting, jsontext.UTF8|jsontext.Pairs)
	if s.Peek() != '{' {
		return nil, errors.New("is not a JSON object")
	}
	object, _ := decodeValue(&s).(map[string]any)
	if err := s.End(); err != nil {
		return nil, fmt.Errorf("is not usable JSON: %w", err)
	}
	return object, nil
}

// decodeValue reads a value as encoding/json does into an any with numbers as json.Number. An
// object with two members of one name is a fault: readers differ in which of them counts.
func decodeValue(s *jsontext.Scanner) any {
	switch s.Peek() {
	case '{':
		object := map[string]any{}
		for name := range s.Members() {
			key := name.String()
			if _, twice := object[key]; twice {
				s.Stop(errors.New("a member occurs twice"))
				return nil
			}
			object[key] = decodeValue(s)
		}
		return object
	case '[':
		var list []any
		for range s.Elements() {
			list = append(list, decodeValue(s))
		}
		return list
	case '"':
		return s.Text().String()
	}
	switch raw := string(s.Raw()); raw {
	case "true", "false":
		return raw == "true"
	case "null", "": // "" after a fault
		return nil
	default:
		return json.Number(raw)
	}
}
