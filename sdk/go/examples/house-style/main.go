// Command house-style is an example plugin: a transform that puts a text in front of the
// system prompt, another one for each model or provider.
package main

func main() {}
