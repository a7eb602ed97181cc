package versions

import "testing"

// Two ports for one transport are two servers; one for SSH and one for HTTP, and
// those that the schemes have, are one.
func TestPorts(t *testing.T) {
	s := load(t, nil, map[string]string{
		"live/qa/main.tf": backend +
			call("a", "git::https://a.example.com:8443/t/vpc.git?ref=v1.0.0") +
			call("b", "git::https://a.example.com:9443/t/vpc.git?ref=v1.0.0") +
			call("c", "git::https://a.example.com/t/vpc.git?ref=v1.0.0") +
			call("d", "git::https://b.example.com:8443/t/dns.git?ref=v1.0.0") +
			call("e", "git::ssh://git@b.example.com:2222/t/dns.git?ref=v1.0.0") +
			call("f", "git::https://c.example.com:443/t/eks.git?ref=v1.0.0") +
			call("g", "git::http://c.example.com/t/eks.git?ref=v1.0.0"),
	})
	want := `a.example.com/t/vpc qa=1.0.0 live/qa/main.tf:11
a.example.com:8443/t/vpc qa=1.0.0 live/qa/main.tf:5
a.example.com:9443/t/vpc qa=1.0.0 live/qa/main.tf:8
dns qa=1.0.0 live/qa/main.tf:14
dns qa=1.0.0 live/qa/main.tf:17
eks qa=1.0.0 live/qa/main.tf:20
eks qa=1.0.0 live/qa/main.tf:23
`
	if got := shown(s); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if m := s.Named("a.example.com:8443/t/vpc"); len(m) != 1 {
		t.Errorf("the name with a port means %d modules", len(m))
	}
	all := s.Named("git::https://a.example.com:8443/t/vpc.git")
	if Ambiguous("vpc", all) == nil || len(all) != 3 {
		t.Errorf("the address means %d modules, and nothing says that these are several", len(all))
	}
	if n := len(s.questions()); n != 5 {
		t.Errorf("%d repositories are asked, want 5", n)
	}
}
