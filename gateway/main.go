// Penstock is an AI gateway: one HTTP endpoint in front of every model provider. This is
// its program; the command line is in internal/cli, and internal/doc.go is a map of the
// packages.
package main

import (
	"os"

	"github.com/penstock/penstock/gateway/internal/cli"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(cli.Main(version)) }
