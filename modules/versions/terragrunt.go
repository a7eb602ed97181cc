package versions

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

// AsTerraform reads terragrunt's own form of a registry address,
// tfr://HOST/NAMESPACE/NAME/SYSTEM//sub?version=1.2.3, in which the host may be
// left out (docs.terragrunt.com, "source"): the call comes back as terraform
// would write it. Without a version in the address that of the terraform block
// counts. Any other call is returned as it is.
func AsTerraform(c *lint.Call) *lint.Call {
	if c.Call.Terragrunt == nil || !c.Known {
		return c
	}
	rest, ok := strings.CutPrefix(c.Source.String(), "tfr://")
	if !ok {
		return c
	}
	address, query, _ := strings.Cut(rest, "?")
	host, name, _ := strings.Cut(address, "/")
	values, err := url.ParseQuery(query)
	if err != nil {
		return c
	}
	s, err := hclparse.ParseSource(cmp.Or(host, strings.TrimSuffix(defaultRegistry, "/")) + "/" + name)
	if err != nil || s.Kind != hclparse.KindRegistry {
		return c
	}
	own := *c
	own.Source = s
	if v := values.Get("version"); v != "" {
		own.Version, own.VersionRange = v, hcl.Range{}
	}
	own.Pin = s.Pin(own.Version)
	return &own
}
