package dashboard

import "github.com/penstock/penstock/gateway/internal/hint"

// curlCommand is a command for a shell that posts a JSON body, with the key of the environment
// where one is needed. A body that begins with an @ would be the name of a file: JSON never does.
func curlCommand(url, body string, key bool) string {
	line := "curl " + hint.ShellWord(url) + " \\\n  -H 'Content-Type: application/json' \\\n"
	if key {
		line += "  -H \"Authorization: Bearer $PENSTOCK_API_KEY\" \\\n"
	}
	return line + "  -d " + hint.ShellWord(body)
}
