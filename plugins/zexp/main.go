//go:build wasip1

package main

import penstock "github.com/penstock/penstock/sdk/go"

func main() {}

var sink int

//go:wasmexport penstock_route
func route(ptr, n uint32) uint64 {
	return penstock.Call(func(out, in []byte) ([]byte, error) {
		mode := in[0] - '0'
		body := penstock.JSON(in[1:])
		switch mode {
		case 0:
		case 1:
			if body.Valid() {
				sink++
			}
		case 2:
			for k, v := range body.Members {
				sink += len(k) + len(v)
			}
		case 3:
			sink += len(body.Member("target", "model"))
		case 4:
			out = penstock.AppendText(out, in[1:])
		case 5:
			x, _ := body.Member("created").Whole()
			sink += int(x)
		case 6:
			x, _ := body.Member("created").Number()
			sink += int(x)
		case 8:
			for v := range body.Member("candidates").Items {
				sink += len(v)
			}
		case 9:
			for v := range body.Member("candidates").Items {
				for k, v := range v.Members {
					sink += len(k) + len(v)
				}
			}
		case 7:
			x, _ := body.Member("request_id").Text(nil)
			sink += len(x)
		}
		return append(out, 'x'), nil
	}, ptr, n)
}
