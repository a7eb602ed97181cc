package fingerprint

// A Document is a plan in canonical form, under one key: sensitive values,
// values of variables, and the literals of the configuration are in it as
// HMAC-SHA256 only. All else of the plan is in clear, so it belongs into files
// for the user alone.
type Document struct {
	context Context
	key     string         // tells keys apart, tells nothing of the key
	plan    map[string]any // sorted, sealed, without what is volatile
}

// Make makes the document of a plan's JSON. The key is 32 bytes or more, and
// documents that are to be compared are made under the same one. An error says
// what is missing or that the JSON is no plan.
func Make(planJSON []byte, c Context, key []byte) (*Document, error) { panic("not yet") }

// Sum is the fingerprint: "sha256:" and 64 hexadecimal digits. Two documents
// under one key have the same one only where all of them is the same.
func (d *Document) Sum() string { panic("not yet") }

// MarshalJSON gives the canonical form, the bytes of which Sum is the digest.
func (d *Document) MarshalJSON() ([]byte, error) { panic("not yet") }

// Read reads what MarshalJSON gave.
func Read(data []byte) (*Document, error) { panic("not yet") }

// Diff says in lines for people what distinguishes two documents, none where
// they are the same. Lines hold no sensitive value and no control characters;
// there are at most MaxLines.
func Diff(old, new *Document) []string { panic("not yet") }

// MaxLines bounds what Diff gives; its last line then says how many are left.
const MaxLines = 50
