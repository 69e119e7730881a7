//go:build !unix

package upstream

// alive can't be told here; a connection that the server has closed shows when it is
// used.
func (c *conn) alive() bool { return true }
