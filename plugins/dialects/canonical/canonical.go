// Package canonical reads and writes the canonical form: OpenAI's chat-completions JSON
// with the extensions that ../README.md lists. It holds what every dialect needs on its
// way from and to that form: the members of requests, messages, parts, tools and
// schemas, and the writers of replies, stream chunks, usage and errors. It knows no
// provider's own format; each of those has a package beside this one.
package canonical
