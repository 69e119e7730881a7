package hint

import "strings"

// ShellWord quotes a word for the command line of a POSIX shell, where that would not take it as
// it is. No word can end the quotes that it is in. NUL, which no command can be given, is left out.
func ShellWord(s string) string {
	s = strings.ReplaceAll(s, "\x00", "")
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
