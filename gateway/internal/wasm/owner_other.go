//go:build !unix

package wasm

import "io/fs"

// Other systems protect a user's folders by their own rules.
func ownedByUser(fs.FileInfo) bool { return true }
func ownedByRoot(fs.FileInfo) bool { return false }
