package fingerprint

import tfjson "github.com/hashicorp/terraform-json"

// A Summary counts what a plan would do. A replace is in Replace alone. Reads
// of data sources count nowhere.
type Summary struct {
	Add      int      `json:"add"`
	Change   int      `json:"change"`
	Replace  int      `json:"replace"` // in either order
	Destroy  int      `json:"destroy"` // deposed objects too
	Forget   int      `json:"forget"`  // leaves the state, stays in the account; also where a new one is created for it
	Moved    int      `json:"moved"`   // in addition to what else is done with it
	Import   int      `json:"import"`  // in addition to what else is done with it
	Drift    int      `json:"drift"`   // objects that are no longer as the state has them
	Outputs  int      `json:"outputs"`
	Deferred int      `json:"deferred,omitempty"` // changes that terraform has put off: they are in none of the above
	Later    []string `json:"later,omitempty"`    // their addresses, sorted
	Unknown  int      `json:"unknown,omitempty"`  // objects with an action that this version does not know
}

// Empty is true where an apply of the plan would change neither an object nor
// the state nor an output.
func (s Summary) Empty() bool { panic("not yet") }

// Summarize counts. A nil plan counts as one that does nothing.
func Summarize(p *tfjson.Plan) Summary { panic("not yet") }
