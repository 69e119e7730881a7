// Command cheapest is an example plugin: a router that ranks targets by what the request
// would cost there. It has both forms of the hook; the gateway uses the flat one.
package main

func main() {}
