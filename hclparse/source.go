package hclparse

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	tfaddr "github.com/hashicorp/terraform-registry-address"
)

// Kind says how terraform installs a module from a source address.
type Kind string

const (
	KindLocal    Kind = "local"    // ./ or ../
	KindGit      Kind = "git"      // any spelling that go-getter gives to git
	KindRegistry Kind = "registry" // a module registry
	KindOther    Kind = "other"    // archives, S3, GCS, Mercurial, absolute paths, and what is no address
)

// A Source is a module source address, split into its parts. String gives
// back the bytes it was parsed from.
//
// Raw, Package, Query and everything that is printed from them may hold
// credentials: what leaves the program is Redacted.
type Source struct {
	raw  string
	Kind Kind
	// Path is a local source's cleaned slash path: "./x", "../x", ".", "..".
	Path string
	// Package is the address that go-getter fetches, as terraform writes it
	// to modules.json: forced getter, normalised URL, query, and no
	// subdirectory. For a registry source, HOST/NAMESPACE/NAME/SYSTEM.
	Package string
	// Host is in lower case, with the port where one is given. "" for
	// local sources, for file URLs and where there is none.
	Host string
	// Repository is the path on the host: no leading or trailing slash and
	// no .git, percent-decoded. For a registry source, NAMESPACE/NAME/SYSTEM.
	// For a file URL the absolute path, cleaned, with its .git where it has
	// one: it names a directory. It is there to compare and to show; a
	// hostile address can put any bytes into it.
	Repository string
	// Subdir is what follows the package's //, cleaned; "" for the root.
	Subdir string
	// Ref is the first ref in the query, decoded.
	Ref string
	// Query holds every parameter as it is written, in order.
	Query []Param

	// The query is raw[queryStart:queryEnd], after the question mark. Both
	// are 0 where there is none.
	queryStart, queryEnd int
	// scp says that the address is of the form git@host:path, in which the
	// query reaches to the end: it has no fragment.
	scp bool
	// shorthand says that go-getter, unlike terraform, cuts the address at
	// every slash, also in the query.
	shorthand bool
}

// A Param is one query parameter, undecoded.
type Param struct{ Key, Value string }

// ParseSource splits a module source address the way terraform and
// OpenTofu do. The error says why raw is no address at all; the Source is
// then of KindOther and still holds raw. No credential is in the error, and
// the network is never asked. SOURCES.md lists where the reading differs
// from that of a peer.
func ParseSource(raw string) (Source, error) {
	s := Source{raw: raw, Kind: KindOther}
	if isLocal(raw) {
		s.Kind = KindLocal
		s.Path = path.Clean(strings.ReplaceAll(raw, `\`, "/"))
		if s.Path != "." && s.Path != ".." && !strings.HasPrefix(s.Path, "../") {
			s.Path = "./" + s.Path
		}
		return s, nil
	}
	if s.parseRegistry() {
		return s, nil
	}
	if err := s.parseRemote(); err != nil {
		return Source{raw: raw, Kind: KindOther}, fmt.Errorf("module source %q: %w", redact(raw), err)
	}
	return s, nil
}

// String returns the address exactly as it was parsed.
func (s Source) String() string { return s.raw }

// isLocal reports whether terraform takes raw for a path in the same
// package. A lone . or .. is none: terraform refuses both.
func isLocal(raw string) bool {
	for _, prefix := range []string{"./", "../", `.\`, `..\`} {
		if strings.HasPrefix(raw, prefix) {
			return true
		}
	}
	return false
}

// parseRegistry fills s in from a registry address, and reports whether it
// is one.
func (s *Source) parseRegistry() (ok bool) {
	// The library accepts some host names that it then cannot write, and
	// panics: see the seeds of FuzzParseSource.
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	m, err := tfaddr.ParseModuleSource(s.raw)
	if err != nil || escapes(m.Subdir) {
		return false
	}
	host := m.Package.Host.ForDisplay()
	s.Kind = KindRegistry
	s.Host = host
	s.Repository = m.Package.ForRegistryProtocol()
	s.Package = host + "/" + s.Repository
	s.Subdir = tidySubdir(m.Subdir)
	return true
}

// parseRemote fills s in from what is neither a local path nor a registry
// address. Its errors hold no part of the address but a subdirectory.
func (s *Source) parseRemote() error {
	pkg, subdir := splitSubdir(s.raw)
	if escapes(subdir) {
		return errEscapes
	}
	norm, err := s.normalise(pkg)
	if err != nil {
		return err
	}
	norm, more := splitSubdir(norm)
	if more != "" {
		// The detected part comes first: the written one is below it.
		subdir = path.Join(more, subdir)
		if escapes(subdir) {
			return errEscapes
		}
	}
	forced, address := splitForced(norm)
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%w%s", errNotURL, urlHint(err))
	}
	s.Package = norm
	s.Subdir = tidySubdir(subdir)
	if forced == "git" || forced == "" && u.Scheme == "git" {
		s.Kind = KindGit
	}
	s.place(u)
	s.Ref = u.Query().Get("ref")
	s.locateQuery()
	return nil
}

var errEscapes = errors.New("its subdirectory leads outside of the package")

// urlHint explains the one mistake that people make in these URLs. The
// text of err itself is never used: it quotes the address, password included.
func urlHint(err error) string {
	if err != nil && strings.Contains(err.Error(), "invalid port") {
		return "\nhint: what follows the colon after a host is a port; write git@HOST:PATH without ssh://, or ssh://git@HOST/PATH"
	}
	return ""
}

// place sets Host and Repository from the package's URL.
func (s *Source) place(u *url.URL) {
	switch {
	case u.Scheme == "file":
		// Git reads what stands before the path as a part of it.
		s.Repository = path.Clean(u.Host + u.Path)
	case u.Opaque == "":
		s.Host = strings.ToLower(u.Host)
		s.Repository = tidyRepository(u.Path)
	case s.Kind == KindGit && !strings.HasPrefix(u.Opaque, ":") && !strings.Contains(u.Opaque, "@"):
		// git::host:path passes for a URL with the scheme "host", and goes
		// to git as it is, which takes it for ssh. With a second colon it
		// is a remote helper (ext::…), which has no host, and with an @
		// somebody has put a password there.
		s.Host = u.Scheme
		s.Repository = tidyRepository(u.Opaque)
	}
}

func tidyRepository(p string) string {
	return strings.Trim(strings.TrimSuffix(strings.Trim(p, "/"), ".git"), "/")
}

// splitSubdir cuts an address at the first // that is neither the scheme's
// nor in the query. The query stays with the package; the subdirectory is
// cleaned, and "" where there is none.
func splitSubdir(address string) (pkg, subdir string) {
	before, query := address, ""
	if i := strings.IndexByte(address, '?'); i >= 0 {
		before, query = address[:i], address[i:]
	}
	from := 0
	if i := strings.Index(before, "://"); i >= 0 {
		from = i + len("://")
	}
	i := strings.Index(before[from:], "//")
	if i < 0 {
		return address, ""
	}
	if subdir = before[from+i+2:]; subdir != "" {
		subdir = path.Clean(subdir)
	}
	return before[:from+i] + query, subdir
}

// escapes reports whether a cleaned subdirectory leaves its package.
func escapes(subdir string) bool {
	return subdir == ".." || strings.HasPrefix(subdir, "../")
}

// tidySubdir gives one spelling to a cleaned subdirectory.
func tidySubdir(subdir string) string {
	subdir = strings.TrimPrefix(subdir, "/")
	if subdir == "." {
		return ""
	}
	return subdir
}

var forcedGetter = regexp.MustCompile(`^([A-Za-z0-9]+)::(.+)$`)

// splitForced cuts a forced getter (git::) from an address.
func splitForced(address string) (getter, rest string) {
	if m := forcedGetter.FindStringSubmatch(address); m != nil {
		return m[1], m[2]
	}
	return "", address
}

// normalise turns the shorthands that terraform knows into a getter and a
// URL, and leaves a URL as it is. The result may have a subdirectory.
func (s *Source) normalise(pkg string) (string, error) {
	forced, address := splitForced(pkg)
	address, rest := splitSubdir(address)
	u, parseErr := url.Parse(address)
	if parseErr == nil && u.Scheme != "" {
		return pkg, nil
	}
	if address == "" && rest == "" {
		return "", errors.New("it is empty")
	}
	if rest != "" {
		// Only of the form git:://x, which nothing can fetch.
		return "", errors.New("it has no package before its subdirectory")
	}
	getter, long, err := s.expand(address)
	if err != nil {
		if parseErr != nil && strings.Contains(address, "://") {
			return "", fmt.Errorf("%w%s", errNotURL, urlHint(parseErr))
		}
		return "", err
	}
	if forced != "" {
		getter = forced
	}
	// Terraform takes a detected subdirectory out and puts it in again. That
	// escapes a percent sign once more.
	if base, subdir := splitSubdir(long); subdir != "" {
		u, err := url.Parse(base)
		if err != nil {
			return "", errNotURL
		}
		u.Path += "//" + subdir
		u.RawPath = u.Path
		long = u.String()
	}
	if getter != "" {
		long = getter + "::" + long
	}
	return long, nil
}

// scpAddress is git's own short form of an ssh address, user@host:path.
var scpAddress = regexp.MustCompile(`^(?:([^@]+)@)?([^:]+):/?(.+)$`)

var (
	errNotURL  = errors.New("it is not a valid URL")
	errUnknown = errors.New("it is of no known form\nhint: write ./ or ../ before a path in the same repository, git:: before the URL of a git repository")
)

// expand turns a shorthand into a getter and a URL, which may have a
// subdirectory. The order is terraform's.
func (s *Source) expand(address string) (getter, long string, err error) {
	if strings.HasPrefix(address, "github.com/") || strings.HasPrefix(address, "gitlab.com/") {
		s.shorthand = true
		path, query, _ := strings.Cut(address, "?")
		return expandForge(path, query)
	}
	if m := scpAddress.FindStringSubmatch(address); m != nil {
		path, query, hasQuery := strings.Cut(m[3], "?")
		u := url.URL{Scheme: "ssh", User: url.User(m[1]), Host: m[2], Path: path}
		if hasQuery {
			// Terraform reads the query of any address of this form here,
			// also where the user is not git.
			values, err := url.ParseQuery(query)
			if err != nil {
				return "", "", errors.New("its query is not well formed")
			}
			u.RawQuery = values.Encode()
		}
		if m[1] == "git" {
			s.scp = true
			return "git", u.String(), nil
		}
	}
	switch {
	case strings.HasPrefix(address, "bitbucket.org/"):
		u, err := url.Parse("https://" + address)
		if err != nil {
			return "", "", errNotURL
		}
		if !strings.HasSuffix(u.Path, ".git") {
			u.Path += ".git"
		}
		return "git", u.String(), nil
	case strings.Contains(address, "googleapis.com/"):
		// HOST/storage/VERSION/BUCKET/OBJECT
		parts := strings.SplitN(address, "/", 5)
		if len(parts) < 5 {
			return "", "", errors.New("it is not a Google Cloud Storage address\nhint: write www.googleapis.com/storage/v1/BUCKET/OBJECT")
		}
		return expandBucket("gcs", "www.googleapis.com/storage/"+strings.Join(parts[2:], "/"))
	case strings.Contains(address, ".amazonaws.com/"):
		host, object, _ := strings.Cut(address, "/")
		switch label := strings.Split(host, "."); {
		case len(label) == 3: // REGION.amazonaws.com/BUCKET/OBJECT
			return expandBucket("s3", label[0]+".amazonaws.com/"+object)
		case len(label) == 4: // BUCKET.REGION.amazonaws.com/OBJECT
			return expandBucket("s3", label[1]+".amazonaws.com/"+label[0]+"/"+object)
		case len(label) == 5 && label[1] == "s3": // BUCKET.s3.REGION.amazonaws.com/OBJECT
			return expandBucket("s3", "s3."+label[2]+".amazonaws.com/"+label[0]+"/"+object)
		}
		return "", "", errors.New("it is not an S3 address\nhint: write s3::https://s3-REGION.amazonaws.com/BUCKET/OBJECT")
	case strings.HasPrefix(address, "/"):
		return "", "file://" + address, nil
	}
	return "", "", errUnknown
}

// expandForge expands HOST/OWNER/NAME, and HOST/OWNER/NAME/SUB as a
// subdirectory.
func expandForge(path, query string) (getter, long string, err error) {
	parts := strings.SplitN(path, "/", 4)
	if len(parts) < 3 {
		return "", "", fmt.Errorf("it names no repository\nhint: write %s/OWNER/NAME", parts[0])
	}
	u, err := url.Parse("https://" + strings.Join(parts[:3], "/"))
	if err != nil {
		return "", "", errNotURL
	}
	u.RawQuery = query
	if !strings.HasSuffix(u.Path, ".git") {
		u.Path += ".git"
	}
	if len(parts) == 4 {
		u.Path += "//" + parts[3]
	}
	return "git", u.String(), nil
}

func expandBucket(kind, address string) (getter, long string, err error) {
	u, err := url.Parse("https://" + address)
	if err != nil {
		return "", "", errNotURL
	}
	return kind, u.String(), nil
}

// locateQuery finds the query in raw and lists its parameters.
func (s *Source) locateQuery() {
	i := strings.IndexByte(s.raw, '?')
	if i < 0 {
		return
	}
	end := len(s.raw)
	if j := strings.IndexByte(s.raw, '#'); j >= 0 && !s.scp {
		if j < i {
			return // the question mark is in the fragment
		}
		end = j
	}
	s.queryStart, s.queryEnd = i+1, end
	s.eachParam(func(_ int, p Param) bool {
		s.Query = append(s.Query, p)
		return true
	})
}

// eachParam calls visit for each parameter and where it starts in raw, until
// that returns false. Between two & there may be nothing.
func (s *Source) eachParam(visit func(start int, p Param) bool) {
	if s.queryStart == 0 {
		return
	}
	start := s.queryStart
	for piece := range strings.SplitSeq(s.raw[s.queryStart:s.queryEnd], "&") {
		if piece != "" {
			key, value, _ := strings.Cut(piece, "=")
			if !visit(start, Param{key, value}) {
				return
			}
		}
		start += len(piece) + 1
	}
}

func (p Param) isRef() bool { return p.is("ref") }

// is reports whether go-getter reads p as the parameter of a name. One that
// does not decode is none for it, and neither is one with a semicolon.
func (p Param) is(name string) bool {
	key, err := url.QueryUnescape(p.Key)
	if err != nil || key != name || strings.Contains(p.Key+p.Value, ";") {
		return false
	}
	_, err = url.QueryUnescape(p.Value)
	return err == nil
}

// WithRef returns the address with its ref replaced, or added where there
// is none. Every other byte stays. Where ref stands more than once, the
// first is replaced: it is the one that go-getter reads.
//
// Only a git source has a ref. One that is empty, or that no git repository
// could have as a tag, a branch or a commit, is an error.
func (s Source) WithRef(ref string) (Source, error) {
	_, _, _, t, err := s.refEdit(ref)
	return t, err
}

// RefEdit is what [Source.WithRef] changes: String()[from:to] becomes written,
// which holds no character that means something in a string of HCL or JSON, so
// that it can be put into one as it is.
func (s Source) RefEdit(ref string) (from, to int, written string, err error) {
	from, to, written, _, err = s.refEdit(ref)
	return from, to, written, err
}

func (s Source) refEdit(ref string) (from, to int, written string, t Source, err error) {
	switch s.Kind {
	case KindGit:
	case KindRegistry:
		return 0, 0, "", s, fmt.Errorf("module source %q has no ref: it is of a registry\nhint: set the version argument of the call", s.Redacted())
	case KindLocal:
		return 0, 0, "", s, fmt.Errorf("module source %q has no ref: it is a path in the same repository", s.Redacted())
	default:
		return 0, 0, "", s, fmt.Errorf("module source %q has no ref: terraform does not fetch it with git\nhint: put git:: before the URL of a git repository", s.Redacted())
	}
	if err := checkRef(ref); err != nil {
		return 0, 0, "", s, fmt.Errorf("ref %q: %w", ref, err)
	}
	from, to, before := s.refPlace()
	written = before + s.escapeRef(ref)
	t, err = ParseSource(s.raw[:from] + written + s.raw[to:])
	// What was written is read again rather than trusted: addresses have
	// forms in which a question mark is no query.
	if err != nil || !t.differsInRefOnly(s) || t.Ref != ref {
		return 0, 0, "", s, fmt.Errorf("module source %q cannot be given the ref %q: terraform would read another address\nhint: write it as git::https://HOST/PATH.git//SUBDIRECTORY?ref=REF", s.Redacted(), ref)
	}
	return from, to, written, t, nil
}

// refPlace is where a new ref is written: raw[from:to] is the old one, and
// before is what has to stand in front of the new one.
func (s *Source) refPlace() (from, to int, before string) {
	found := false
	s.eachParam(func(start int, p Param) bool {
		if !p.isRef() {
			return true
		}
		found = true
		from = start + len(p.Key)
		if from < len(s.raw) && s.raw[from] == '=' {
			from++
		} else {
			before = "="
		}
		to = from + len(p.Value)
		return false
	})
	switch {
	case found:
		return from, to, before
	case s.queryStart == 0:
		at := len(s.raw)
		if i := strings.IndexByte(s.raw, '#'); i >= 0 && !s.scp {
			at = i
		}
		return at, at, "?ref="
	}
	at := s.queryEnd
	if at == s.queryStart || s.raw[at-1] == '&' {
		return at, at, "ref="
	}
	return at, at, "&ref="
}

// differsInRefOnly reports whether s and t are the same address but for the
// first ref.
func (s Source) differsInRefOnly(t Source) bool {
	if s.Kind != t.Kind || s.Host != t.Host || s.Repository != t.Repository || s.Subdir != t.Subdir {
		return false
	}
	a, b := withoutRef(s.Query), withoutRef(t.Query)
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func withoutRef(query []Param) []Param {
	for i, p := range query {
		if p.isRef() {
			return append(append([]Param(nil), query[:i]...), query[i+1:]...)
		}
	}
	return query
}

// escapeRef writes a ref into a query. Of the characters that git allows,
// these mean something in a query or, the quote, the dollar and the brace, in a
// string of HCL. What is not ASCII would be read in Unicode's form NFC, which
// may be another ref.
func (s Source) escapeRef(ref string) string {
	var b strings.Builder
	for i := range len(ref) {
		switch c := ref[i]; {
		case c >= utf8.RuneSelf, strings.IndexByte("%#&+;\"${", c) >= 0, c == '/' && s.shorthand:
			fmt.Fprintf(&b, "%%%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// CheckRef reports why ref can be neither a commit nor the name of a tag or
// branch: nil where it can.
func CheckRef(ref string) error { return checkRef(ref) }

// ParamSpan is where the value of a query parameter stands in the address, as
// it is written: String()[from:to]. Of several of one name it is the first,
// the one that go-getter reads; a name may be percent-encoded. It is false
// where no parameter of that name is read.
func (s Source) ParamSpan(name string) (from, to int, ok bool) {
	s.eachParam(func(start int, p Param) bool {
		if !p.is(name) {
			return true
		}
		from = start + len(p.Key)
		if from < len(s.raw) && s.raw[from] == '=' {
			from++
		}
		to, ok = from+len(p.Value), true
		return false
	})
	return from, to, ok
}

// ParamCuts are the parts of the address that go, as String()[from:to] each,
// where every parameter of a name is taken out of the query: behind the first
// another would count. Each goes with the & behind it, the last ones with the &
// before them, and the only one with the question mark.
func (s Source) ParamCuts(name string) [][2]int {
	var cuts [][2]int
	if s.queryStart == 0 {
		return nil
	}
	pieces := strings.Split(s.raw[s.queryStart:s.queryEnd], "&")
	named := func(piece string) bool {
		key, _, _ := strings.Cut(piece, "=")
		key, err := url.QueryUnescape(key)
		return err == nil && key == name
	}
	behind := 0 // parameters that stay and stand behind
	for _, piece := range pieces {
		if !named(piece) {
			behind++
		}
	}
	at := s.queryStart
	for _, piece := range pieces {
		end := at + len(piece)
		switch {
		case !named(piece):
			behind--
		case behind > 0:
			cuts = append(cuts, [2]int{at, end + 1})
		default: // what is before a first one is the question mark
			cuts = append(cuts, [2]int{at - 1, end})
		}
		at = end + 1
	}
	return cuts
}

// checkRef reports why ref can be neither a commit nor the name of a tag or
// branch. The rules are those of git check-ref-format, and a few more that
// keep a ref from being taken for an option or for something else.
func checkRef(ref string) error {
	switch {
	case ref == "":
		return errors.New("it is empty")
	case ref[0] == '-':
		return errors.New("it begins with -, so git would take it for an option")
	case !utf8.ValidString(ref):
		return errors.New("it is not UTF-8")
	case ref == "@" || strings.Contains(ref, "@{"):
		return errors.New("@ and @{ mean something else to git")
	case strings.Contains(ref, ".."):
		return errors.New("git allows no .. in it")
	case strings.HasSuffix(ref, "."):
		return errors.New("git allows no . at its end")
	}
	for _, r := range ref {
		if unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune(`~^:?*[\`, r) {
			return fmt.Errorf("git allows no %q in it", r)
		}
	}
	for part := range strings.SplitSeq(ref, "/") {
		switch {
		case part == "":
			return errors.New("it has an empty part between slashes")
		case part[0] == '.':
			return errors.New("a part of it begins with a dot")
		case strings.HasSuffix(part, ".lock"):
			return errors.New("a part of it ends with .lock")
		}
	}
	return nil
}

const redacted = "REDACTED"

// Redacted returns the address with every credential replaced by REDACTED:
// passwords, tokens that stand for a user, and the parameters that are known
// or named to hold one. It reads the text, not the parsed address, so that
// it serves what is no address too, and rather takes too much than too little.
func (s Source) Redacted() string { return redact(s.raw) }

// Redact is [Source.Redacted] for a text that may be an address, without
// looking what it leads to.
func Redact(text string) string { return redact(text) }

// RedactedSpan is the part of a text that [Redact] takes out, from byte from up
// to to: all between the first credential and the last. It may be all of the
// text; ok is false where there is none.
func RedactedSpan(text string) (from, to int, ok bool) {
	safe := Redact(text)
	if safe == text {
		return 0, 0, false
	}
	from, last := strings.Index(safe, redacted), strings.LastIndex(safe, redacted)
	tail := len(safe) - last - len(redacted)
	if from < 0 || from+tail > len(text) || text[:from] != safe[:from] || text[len(text)-tail:] != safe[len(safe)-tail:] {
		return 0, len(text), true
	}
	return from, len(text) - tail, true
}

func redact(text string) string { return redactDepth(text, 0) }

func redactDepth(text string, depth int) string {
	return redactParams(redactUsers(text), depth)
}

// plainUser is an ssh user without a password, before a host.
var plainUser = regexp.MustCompile(`^[^:@/?#%&=]+@[^:@/?#]+(?::|/|$)`)

// redactUsers replaces the credentials before each host.
func redactUsers(text string) string {
	if isLocal(text) {
		return text
	}
	i := strings.Index(text, "//")
	if i < 0 || strings.ContainsAny(text[:i], "@?#") {
		// No URL, or not at its start: git::user:password@host:path
		getters, rest := splitGetters(text)
		query := strings.IndexByte(rest, '?')
		if query < 0 {
			query = len(rest)
		}
		at := strings.LastIndexByte(rest, '@')
		switch colon := strings.IndexAny(rest, ":%"); {
		case at < 0 || plainUser.MatchString(rest):
			// nobody, or git@host:path
		case strings.HasPrefix(rest, "/") && !strings.HasPrefix(rest, "//"):
			// a path
		case colon >= 0 && colon < at && colon < query:
			text = getters + redacted + rest[at:]
		}
	}
	// One pass: hostile text is as long as a file.
	var out strings.Builder
	last := strings.LastIndexByte(text, '@')
	query := -1
	done := 0 // what is before is written to out
	for pos := 0; pos <= last; {
		i := strings.Index(text[pos:], "//")
		if i < 0 {
			break
		}
		scheme := text[pos : pos+i]
		pos += i + len("//")
		// Every // but that of a scheme begins a subdirectory.
		if scheme != "" && !strings.HasSuffix(scheme, ":") {
			continue
		}
		end := indexAny(text, pos, "/?#")
		if query < pos {
			query = indexAny(text, pos, "?#")
		}
		at := pos + strings.LastIndexByte(text[pos:end], '@')
		// A password may have an @, a slash, a question mark or a # in it. What
		// looks like a port may be the beginning of one.
		switch host := text[at+1 : end]; {
		case !plausibleHost.MatchString(host), strings.HasSuffix(host, ":"), host == "" && at >= pos:
			at = max(at, last)
		case hasPort.MatchString(host), at >= pos && strings.Contains(text[pos:at], ":"), host == "" && !strings.HasSuffix(scheme, "file:"):
			at = pos + strings.LastIndexByte(text[pos:query], '@')
		}
		if at < pos {
			continue
		}
		user, _, password := strings.Cut(text[pos:at], ":")
		ssh := len(scheme) >= 4 && strings.EqualFold(scheme[len(scheme)-4:], "ssh:")
		out.WriteString(text[done:pos])
		switch {
		case user == "git" && !password:
			out.WriteString(user)
		case ssh && !strings.ContainsAny(user, "%/?#@"):
			out.WriteString(user)
			if password {
				out.WriteString(":" + redacted)
			}
		default:
			out.WriteString(redacted)
		}
		done, pos = at, at
	}
	out.WriteString(text[done:])
	return out.String()
}

// indexAny is where the first of chars stands at or after pos, or the end.
func indexAny(text string, pos int, chars string) int {
	for ; pos < len(text); pos++ {
		if strings.IndexByte(chars, text[pos]) >= 0 {
			break
		}
	}
	return pos
}

var (
	plausibleHost = regexp.MustCompile(`^(?:[^:@\[\]]*|\[[0-9A-Fa-f:.%]*\])(?::[0-9]*)?$`)
	hasPort       = regexp.MustCompile(`:[0-9]+$`)
)

// splitGetters cuts every leading "name::" from text.
func splitGetters(text string) (getters, rest string) {
	rest = text
	for {
		_, next := splitForced(rest)
		if next == rest {
			return text[:len(text)-len(rest)], rest
		}
		rest = next
	}
}

// redactParams replaces the values of parameters that hold a secret,
// wherever a name and an equals sign stand.
func redactParams(text string, depth int) string {
	pieces := strings.Split(text, "&")
	inQuery := false
	for i, piece := range pieces {
		start := 0
		if !inQuery {
			if j := strings.IndexAny(piece, "?#"); j >= 0 {
				inQuery, start = true, j+1
			} else if j := strings.IndexByte(piece, '='); j >= 0 {
				start = strings.LastIndexByte(piece[:j], '/') + 1
			}
		}
		pieces[i] = piece[:start] + redactParam(piece[start:], depth)
	}
	return strings.Join(pieces, "&")
}

// redactParam redacts one parameter. In what is not well formed there is
// more than one equals sign, and all that stands before one is taken for
// a name: a=1;password=…
func redactParam(param string, depth int) string {
	name := 0
	for i := range len(param) {
		if param[i] == '=' {
			if secretName(param[name:i]) {
				return param[:i+1] + redacted
			}
			name = i + 1
		}
	}
	// A value that holds an address, encoded: checksum=file:https%3A%2F%2F…
	if key, value, ok := strings.Cut(param, "="); ok && depth < 3 {
		if plain := unescape(value); plain != value && redactDepth(plain, depth+1) != plain {
			return key + "=" + redacted
		}
	}
	return param
}

// secretName reports whether a parameter of this name holds a secret.
func secretName(name string) bool {
	name = strings.ToLower(unescape(name))
	for _, word := range []string{
		"token", "secret", "password", "passwd", "passphrase", "pwd", "credential", "signature", "auth", "jwt",
		"key", // sshkey, aws_access_key_id, aws_access_key_secret, api_key …
	} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return name == "sig" || name == "pass"
}

// unescape decodes what can be decoded, and leaves the rest.
func unescape(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if s, err := url.PathUnescape(text[i : i+3]); err == nil {
				out.WriteString(s)
				i += 2
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return out.String()
}
