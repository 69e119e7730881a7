package policy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	opabundle "github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/util"
)

// Bounds of a bundle. What it holds of policies has the bounds of a folder.
const (
	maxUnpackedBytes = 64 << 20
	maxEntries       = 10_000
)

// Files of a bundle that are not policies.
const (
	signaturesFile = ".signatures.json"
	manifestFile   = ".manifest"
)

// BundleOptions say how a bundle is read.
type BundleOptions struct {
	// Name is the bundle's name in faults, such as its file.
	Name string
	// Key verifies the signature. Nil accepts any bundle and looks at no signature.
	Key *BundleKey
	// FS is policies.FS.
	FS fs.FS
}

// ReadBundle unpacks a bundle of OPA, a compressed archive, and verifies its signature. The
// source is as one of a folder with the bundle's files; nothing is compiled. The error has
// Faults.
func ReadBundle(archive []byte, o BundleOptions) (Source, error) {
	files, err := unpack(archive, o.Name)
	if err != nil {
		return Source{}, err
	}
	if o.Key != nil {
		if err := o.Key.verify(files, o.Name); err != nil {
			return Source{}, err
		}
	}
	m, err := readManifest(files, o.Name)
	if err != nil {
		return Source{}, err
	}
	src := Source{Dir: o.Name, Files: map[string]string{}, Revision: m.Revision, Roots: *m.Roots, FS: o.FS}
	for name, text := range files {
		if relevant(name) && !hidden(name) {
			src.Files[name] = string(text)
		}
	}
	return src, nil
}

// hidden reports whether a part of a path begins with a dot, which a folder leaves out, too.
func hidden(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return strings.HasPrefix(part, ".") })
}

// unpack returns the files of a compressed archive by their path, without a slash at its
// beginning.
func unpack(archive []byte, name string) (map[string][]byte, error) {
	compressed, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, Faults{{File: name, Message: "not a bundle: it is no gzip archive", Hint: "opa build and opa sign make bundles; does the address lead to a page of text, such as that of a login?"}}
	}
	unpacked := &limitedReader{from: compressed, left: maxUnpackedBytes}
	u := unpacker{name: name, files: map[string][]byte{}, tar: tar.NewReader(unpacked)}
	for err == nil {
		err = u.next()
	}
	if errors.Is(err, io.EOF) {
		_, err = io.Copy(io.Discard, unpacked) // the checksum is at the end
	}
	var faults Faults
	switch {
	case errors.As(err, &faults):
		return nil, faults
	case unpacked.left < 0:
		return nil, Faults{{File: name, Message: fmt.Sprintf("unpacks to more than %d MiB", maxUnpackedBytes>>20), Hint: "leave out what is neither policy nor data"}}
	case err != nil:
		return nil, Faults{{File: name, Message: "the bundle is damaged or incomplete: " + err.Error(), Hint: "build it again with opa build"}}
	}
	return u.files, nil
}

// limitedReader reads at most left bytes, and is below 0 and fails after that.
type limitedReader struct {
	from io.Reader
	left int64
}

var errTooLarge = errors.New("too large")

func (b *limitedReader) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.from.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// unpacker reads one entry of an archive after the other.
type unpacker struct {
	name    string
	files   map[string][]byte
	tar     *tar.Reader
	entries int
}

func (u *unpacker) fault(entry, hint, format string, args ...any) error {
	return Faults{{File: path.Join(u.name, entry), Message: fmt.Sprintf(format, args...), Hint: hint}}
}

// next reads the next entry; io.EOF says that there is none.
func (u *unpacker) next() error {
	h, err := u.tar.Next()
	if err != nil {
		return err
	}
	if u.entries++; u.entries > maxEntries {
		return u.fault("", "leave out what is neither policy nor data", "has more than %d entries", maxEntries)
	}
	entry := strings.TrimPrefix(strings.TrimPrefix(h.Name, "./"), "/")
	_, twice := u.files[entry]
	switch {
	case h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader:
		return nil
	case h.Typeflag != tar.TypeReg:
		return u.fault("", "put the file itself in the bundle", "%q is a link or a device", h.Name)
	case !fs.ValidPath(entry) || entry == "." || strings.ContainsAny(entry, "\\\x00"):
		return u.fault("", "build the bundle with opa build", "%q is no path within the bundle", h.Name)
	case twice:
		return u.fault(entry, "build the bundle with opa build", "is in the bundle twice")
	case h.Size > maxFileBytes:
		return u.fault(entry, "", "larger than %d MiB", maxFileBytes>>20)
	}
	u.files[entry], err = io.ReadAll(u.tar)
	return err
}

// readManifest reads what a bundle says of itself. Bundles that would need more than their
// policies and data are refused.
func readManifest(files map[string][]byte, name string) (*opabundle.Manifest, error) {
	refuse := func(file, hint, format string, args ...any) (*opabundle.Manifest, error) {
		return nil, Faults{{File: path.Join(name, file), Message: fmt.Sprintf(format, args...), Hint: hint}}
	}
	for file := range files {
		switch path.Base(file) {
		case "patch.json":
			return refuse(file, "serve whole bundles (snapshots)", "delta bundles are not supported")
		case "policy.wasm", "plan.json", "plan.pb":
			return refuse(file, "build the bundle with opa build --target rego", "compiled policies are not supported")
		case manifestFile + ".pb":
			return refuse(file, "write it as JSON, named .manifest", "a manifest in protobuf is not supported")
		}
	}
	m := &opabundle.Manifest{}
	if text, ok := files[manifestFile]; ok {
		if err := util.NewJSONDecoder(bytes.NewReader(text)).Decode(m); err != nil {
			return refuse(manifestFile, "build the bundle with opa build", "invalid manifest: %v", err)
		}
	}
	m.Init()
	roots := *m.Roots
	for i := range roots {
		roots[i] = strings.Trim(roots[i], "/")
		for _, other := range roots[:i] {
			if opabundle.RootPathsOverlap(roots[i], other) {
				return refuse(manifestFile, "", "the roots %q and %q overlap", other, roots[i])
			}
		}
	}
	versions := map[string]int{"rego_version": 1}
	for pattern, version := range m.FileRegoVersions {
		versions["file_rego_versions of "+pattern] = version
	}
	if m.RegoVersion != nil {
		versions["rego_version"] = *m.RegoVersion
	}
	for what, version := range versions {
		if version != 1 {
			return refuse(manifestFile, "policies are Rego v1: opa fmt --rego-v1 rewrites older ones", "%s is %d", what, version)
		}
	}
	if len(m.WasmResolvers) > 0 {
		return refuse(manifestFile, "build the bundle with opa build --target rego", "compiled policies are not supported")
	}
	return m, nil
}

// outsideRoots returns a fault for every module and data file that has something outside of
// the roots of its bundle: another bundle may own that.
func (b *bundle) outsideRoots(roots []string) (faults Faults) {
	const hint = "add it to the roots of .manifest, or move it: roots say what a bundle owns"
	for _, m := range b.allModules() {
		if at := constantPath(m.Package.Path[1:]); !opabundle.RootPathsContain(roots, strings.Join(at, "/")) {
			loc := m.Package.Location
			faults = append(faults, Fault{File: loc.File, Row: loc.Row, Col: loc.Col, Message: fmt.Sprintf("package %s is outside of the bundle's roots %q", strings.Join(at, "."), roots), Hint: hint})
		}
	}
	for _, f := range b.dataFiles {
		if at := firstOutside(f.doc, nil, roots); at != nil {
			faults = append(faults, Fault{File: f.name, Message: fmt.Sprintf("data.%s is outside of the bundle's roots %q", strings.Join(at, "."), roots), Hint: hint})
		}
	}
	faults.sort()
	return faults
}

// firstOutside returns the path of a member that no root contains, nil when there is none.
func firstOutside(v any, at []string, roots []string) []string {
	if opabundle.RootPathsContain(roots, strings.Join(at, "/")) {
		return nil
	}
	members, ok := v.(map[string]any)
	if !ok {
		return at
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if outside := firstOutside(members[name], append(slices.Clip(at), name), roots); outside != nil {
			return outside
		}
	}
	return nil
}
