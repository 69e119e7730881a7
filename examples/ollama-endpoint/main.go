// Command ollama-endpoint is an example plugin: a dialect for callers that lets Ollama's
// clients talk to Penstock. It knows POST /api/chat with texts; see README.md.
package main

func main() {}
