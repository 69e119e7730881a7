// Command redact is an example plugin: a transform that takes e-mail addresses out of
// replies, also when a stream cuts them into pieces.
package main

func main() {}
