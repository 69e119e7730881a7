//go:build wasip1

package penstock

//go:wasmimport penstock error
func hostError(code int32, message string)

//go:wasmimport penstock log
func hostLog(level int32, message string)

//go:wasmexport penstock_abi_version
func abiVersion() int32 { return ABIVersion }

//go:wasmexport penstock_alloc
func alloc(n uint32) uint32 { return Alloc(n) }
