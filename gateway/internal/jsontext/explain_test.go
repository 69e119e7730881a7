package jsontext_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

func TestExplain(t *testing.T) {
	for text, want := range map[string]string{
		``:                       `it is empty`,
		`{"score":`:              `the JSON ends too early`,
		`{"score":"1"}`:          `score must be a number, not a text`,
		`{"score":true}`:         `score must be a number, not true or false`,
		`{"score":1e400}`:        `score must be a number, not the number 1e400`,
		`{"id":5}`:               `id must be a text, not a number`,
		`{"n":1.5}`:              `n must be a whole number, not the number 1.5`,
		`{"list":{}}`:            `list must be a list, not an object`,
		`{"in":{"on":[]}}`:       `in.on must be true or false, not a list`,
		`[]`:                     `it must be an object, not a list`,
		`{"score":NaN}`:          `it is not JSON: invalid character 'N' looking for beginning of value, at byte 10`,
		`{"scor":1}`:             `unknown field "scor"`,
		`{"score":1,"other":{}}`: `unknown field "other"`,
	} {
		var into struct {
			Score *float64 `json:"score"`
			ID    string   `json:"id"`
			N     int      `json:"n"`
			List  []string `json:"list"`
			In    struct {
				On bool `json:"on"`
			} `json:"in"`
		}
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if got := jsontext.Explain(d.Decode(&into)); got != want {
			t.Errorf("Explain(error of %s) = %q, want %q", text, got, want)
		}
	}
}
