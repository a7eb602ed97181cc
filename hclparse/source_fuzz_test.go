package hclparse

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// planted is the secret that FuzzParseSource hides in addresses. Neither it
// nor a part of it of this length stands in them by chance.
const planted = "pLantEdS3cr3t"

func FuzzParseSource(f *testing.F) {
	for _, c := range sourceCases {
		f.Add(c.raw, "v1.2.3")
	}
	for _, c := range noSources {
		f.Add(c.raw, "vpc/v1.2.3+b")
	}
	for _, ref := range []string{"a#b&c%d;e", "%2F", "größe", "a=b", "--x", "?", "//"} {
		f.Add("github.com/x/y//s?ref=v1&depth=1", ref)
		f.Add("git@h:p.git?depth=1&ref=v1", ref)
	}
	for _, raw := range []string{"@#", "1#", "1/", "1@/", ";"} {
		f.Add(raw, "v1")
	}
	f.Fuzz(func(t *testing.T, raw, ref string) {
		s, err := ParseSource(raw)
		if s.String() != raw {
			t.Fatalf("%q: String gives %q", raw, s)
		}
		if err != nil {
			if s.Kind != KindOther || s.Package != "" || s.Repository != "" || s.Query != nil {
				t.Fatalf("%q: %v comes with %+v", raw, err, s)
			}
		} else {
			checkShape(t, s)
		}
		checkWithRef(t, s, ref)
		checkRedacted(t, raw)
		_ = s.Pin(ref)
	})
}

// checkShape checks what the fields of a parsed source promise.
func checkShape(t *testing.T, s Source) {
	t.Helper()
	if strings.HasPrefix(s.Subdir, "/") || escapes(s.Subdir) || s.Subdir == "." {
		t.Fatalf("%q: subdirectory %q", s.raw, s.Subdir)
	}
	if s.Host != strings.ToLower(s.Host) {
		t.Fatalf("%q: host %q", s.raw, s.Host)
	}
	switch s.Kind {
	case KindLocal:
		if s.Path != "." && s.Path != ".." && !strings.HasPrefix(s.Path, "./") && !strings.HasPrefix(s.Path, "../") {
			t.Fatalf("%q: path %q", s.raw, s.Path)
		}
	case KindRegistry:
		if s.Package != s.Host+"/"+s.Repository || s.Query != nil {
			t.Fatalf("%q: %+v", s.raw, s)
		}
	default:
		// What terraform would write is the same address again.
		_, address := splitForced(s.Package)
		u, err := url.Parse(address)
		if err != nil || u.Query().Get("ref") != s.Ref {
			t.Fatalf("%q: package %q, %v", s.raw, s.Package, err)
		}
		// The ref is the one that Query shows.
		ref := ""
		for _, p := range s.Query {
			if p.isRef() {
				ref, _ = url.QueryUnescape(p.Value)
				break
			}
		}
		if ref != s.Ref {
			t.Fatalf("%q: ref %q, in the query %q", s.raw, s.Ref, ref)
		}
	}
	var pairs []string
	for _, p := range s.Query {
		pairs = append(pairs, p.Key+"="+p.Value)
	}
	// The parameters stand in raw, in this order.
	rest := s.raw
	for i, p := range s.Query {
		at := strings.Index(rest, p.Key)
		if at < 0 || !strings.Contains(rest[at:], p.Value) {
			t.Fatalf("%q: parameter %d of %q", s.raw, i, pairs)
		}
		rest = rest[at+len(p.Key):]
	}
}

func checkWithRef(t *testing.T, s Source, ref string) {
	t.Helper()
	got, err := s.WithRef(ref)
	if err != nil {
		if got.raw != s.raw {
			t.Fatalf("%q with %q: %v comes with %q", s.raw, ref, err, got)
		}
		return
	}
	if s.Kind != KindGit || checkRef(ref) != nil {
		t.Fatalf("%q takes the ref %q", s.raw, ref)
	}
	again, err := ParseSource(got.String())
	if err != nil || again.Ref != ref || !again.differsInRefOnly(s) {
		t.Fatalf("%q with %q: %q is read as %+v, %v", s.raw, ref, got, again, err)
	}
	// Only one run of bytes differs, and it is the ref.
	from := 0
	for from < len(s.raw) && from < len(got.raw) && s.raw[from] == got.raw[from] {
		from++
	}
	tail := 0
	for tail < len(s.raw)-from && tail < len(got.raw)-from && s.raw[len(s.raw)-1-tail] == got.raw[len(got.raw)-1-tail] {
		tail++
	}
	if gone := s.raw[from : len(s.raw)-tail]; strings.ContainsAny(gone, "&?#") {
		t.Fatalf("%q with %q: %q lost %q", s.raw, ref, got, gone)
	}
	if s.Ref == ref && len(s.Query) != len(again.Query) {
		t.Fatalf("%q has the ref %q, and gets another: %q", s.raw, ref, got)
	}
	twice, err := again.WithRef(ref)
	if err != nil || twice.raw != got.raw {
		t.Fatalf("%q with %q twice: %q, %v", s.raw, ref, twice, err)
	}
}

// otherHost begins a password that, written as it is, makes a valid URL of
// another host.
var otherHost = regexp.MustCompile(`(?s)^[0-9]+[?#]|@.*[?#]`)

// checkRedacted hides a secret in text in each way in which one comes.
func checkRedacted(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(strings.ToLower(text), "secr") {
		return
	}
	if once := redact(text); redact(once) != once {
		t.Fatalf("%q: redacted %q, and once more %q", text, once, redact(once))
	}
	word := strings.NewReplacer("/", "", "?", "", "#", "", "@", "", "&", "", ":", "", "[", "", "]", "").Replace(text)
	for i, address := range []string{
		"git::https://user:" + planted + "@h.example/p.git" + text,
		"git::https://" + planted + "@h.example/" + text,
		"git::https://user:" + text + planted + "@h.example/p.git",
		"git::https://user:x" + text + planted + "@h.example/p.git",
		"git::https://user:" + planted + text + "@h.example/p.git",
		"git::ssh://git:" + planted + "@h.example/" + text,
		"git::ssh://" + word + ":" + planted + "@h.example/" + text,
		"user:" + planted + "@h.example:" + text,
		"https:/user:" + planted + "@h.example/" + text,
		"https:///user:" + planted + "@h.example/" + text,
		"https:////user:" + planted + "@h.example/" + text,
		"git@h.example:p.git?sshkey=" + planted + "&" + text,
		"git@h.example:p.git?sshkey=" + strings.ReplaceAll(text, "&", "") + planted,
		text + "?token=" + planted,
		text + "&Token=" + planted + text,
		text + "?aws_access_key_secret=" + planted + "&" + text,
		text + "?" + word + "PASSWORD" + word + "=" + planted,
		text + "?x=1;passwd=" + planted,
		"https://h.example/p?checksum=file:https://u:" + planted + "@h.example/" + text,
		"https://h.example/p?checksum=" + url.QueryEscape("file:https://u:"+planted+"@h.example/"+text),
	} {
		if i == 2 && otherHost.MatchString(text) || i == 3 && otherHost.MatchString("x"+text) {
			continue
		}
		s, err := ParseSource(address)
		if got := s.Redacted(); strings.Contains(got, planted) {
			t.Fatalf("%q is redacted to %q", address, got)
		}
		if err != nil && strings.Contains(err.Error(), planted) {
			t.Fatalf("%q: %v", address, err)
		}
		if _, err := s.WithRef(text); err != nil && strings.Contains(err.Error(), planted) {
			t.Fatalf("%q: %v", address, err)
		}
	}
}
