// Command ollama-endpoint is an example plugin: a dialect for callers, with which Ollama's
// clients can use Penstock. It supports POST /api/chat with texts; see README.md.
package main

func main() {}
