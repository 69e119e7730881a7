package apierror

import "encoding/json"

func first(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// object is the members of a JSON object, nil if raw is none.
func object(raw []byte) (m map[string]json.RawMessage) {
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

func array(raw []byte) (list []json.RawMessage) {
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}

// text is the value of a JSON string, empty if raw is none.
func text(raw []byte) (s string) {
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

func number(raw []byte) (n int) {
	if json.Unmarshal(raw, &n) != nil {
		return 0
	}
	return n
}

func isString(raw []byte) bool { return len(raw) > 0 && raw[0] == '"' }

func stringOrNull(raw []byte) bool { return isString(raw) || string(raw) == "null" }
