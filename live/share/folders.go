package share

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"filippo.io/age"

	"github.com/terrier-iac/terrier/live/store"
)

const (
	foldersName = "runs/"
	maxIndex    = 64 << 20
	ageHeader   = "age-encryption.org/" // of every file that age encrypts
)

var indexShape = regexp.MustCompile(`^index-([0-9]{6})\.json$`)

func folderName(run string) string     { return foldersName + run + "/" }
func indexName(number int) string      { return fmt.Sprintf("index-%06d.json", number) }
func objectsName(object string) string { return "objects/" + object }

// Put shares a run's folder as it is, each file encrypted, and its list of
// files last: who gets it, gets all of it. What is there is never overwritten.
// A run that others have changed since it was got is store.ErrConflict; the
// same files again are no change. The caller holds the run's lock, or knows
// that nobody writes to it.
func (s *Share) Put(ctx context.Context, from *store.Store, run string) error {
	if err := s.mayPut(from); err != nil {
		return err
	}
	b, err := from.Pack(run, s.purpose())
	if err != nil {
		return err
	}
	base, err := from.Shared(run)
	if err != nil {
		return err
	}
	last, err := s.last(ctx, run)
	if err != nil {
		return err
	}
	had := 0
	if base != nil {
		had = base.Number
	}
	if last > had {
		there, err := s.index(ctx, from, run, last)
		if err != nil {
			return err
		}
		if !there.Same(b) {
			return s.conflict(run)
		}
		return from.SetShared(there) // it got there, and we were killed before we knew
	}
	if last == had && base != nil && b.Same(base) && slices.Equal(b.Files, base.Files) {
		return nil
	}
	stored := map[string]bool{}
	if last > 0 {
		names, err := s.list(ctx, folderName(run)+"objects/", false)
		if err != nil {
			return err
		}
		for _, name := range names {
			stored[name] = true
		}
	}
	for _, p := range b.Files {
		if stored[p.Object] { // its name is its content's
			continue
		}
		if err := s.putFile(ctx, from, run, p); err != nil {
			return fmt.Errorf("%s of run %s: %w", p.Path, run, err)
		}
	}
	b.Number = max(last, had) + 1
	data, err := from.SealBundle(b)
	if err != nil {
		return err
	}
	body, done, err := s.encrypt(bytes.NewReader(data))
	if err != nil {
		return err
	}
	defer done()
	err = s.put(ctx, s.key(folderName(run)+indexName(b.Number)), "application/octet-stream", body)
	if errors.Is(err, errThere) {
		return s.conflict(run)
	}
	if err != nil {
		return err
	}
	return from.SetShared(b)
}

// mayPut refuses to store what others could read, or could not believe.
func (s *Share) mayPut(from *store.Store) error {
	if len(s.recipients) == 0 && s.config.KMSKeyID == "" {
		return errors.New("plans are not shared unencrypted: they hold secrets\nhint: set recipients (age1…) in the runs block, or kms_key_id in s3")
	}
	return s.needsTeam(from)
}

func (s *Share) needsTeam(to *store.Store) error {
	if !to.Team() {
		return errors.New("run folders are shared with a key that all machines have, which says that one of them made them\nhint: set TERRIER_RUNS_KEY to a random text, the same on each: openssl rand -base64 32")
	}
	return nil
}

func (s *Share) conflict(run string) error {
	return fmt.Errorf("%w: %s was shared by somebody else meanwhile\nhint: look at both with terrier runs show; what was applied is in the state in any case", store.ErrConflict, run)
}

// purpose is what the stored bytes depend on beside the content: who can read
// them.
func (s *Share) purpose() string {
	list := slices.Sorted(slices.Values(s.config.Recipients))
	return strings.Join(append(list, s.config.KMSKeyID), " ")
}

func (s *Share) putFile(ctx context.Context, from *store.Store, run string, p store.Packed) error {
	f, err := from.OpenPacked(run, p)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	// What is stored under a content's name has to be that content.
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != p.SHA256 {
		return errors.New("it changed while it was shared\nhint: the same command again, when nothing else is at work on the run")
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	body, done, err := s.encrypt(f)
	if err != nil {
		return err
	}
	defer done()
	err = s.put(ctx, s.key(folderName(run)+objectsName(p.Object)), "application/octet-stream", body)
	if errors.Is(err, errThere) {
		return nil
	}
	return err
}

// encrypt gives the bytes that leave: those that age makes where there are
// recipients, in a file of their own until done is called; S3 wants to know how
// many they are.
func (s *Share) encrypt(plain io.ReadSeeker) (_ io.ReadSeeker, done func(), err error) {
	if len(s.recipients) == 0 {
		return plain, func() {}, nil
	}
	f, err := os.CreateTemp("", "terrier-share-") // 0600, and encrypted
	if err != nil {
		return nil, nil, err
	}
	done = func() {
		_ = f.Close() // it is read and gone
		_ = os.Remove(f.Name())
	}
	w, err := age.Encrypt(f, s.recipients...)
	if err == nil {
		_, err = io.Copy(w, plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return f, done, nil
}

// decrypt gives the bytes as they were. What age did not encrypt comes as it
// is: whose it is says the seal.
func (s *Share) decrypt(in io.Reader) (io.Reader, error) {
	head := make([]byte, len(ageHeader))
	n, err := io.ReadFull(in, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	in = io.MultiReader(bytes.NewReader(head[:n]), in)
	if string(head[:n]) != ageHeader {
		return in, nil
	}
	identities, err := s.identities()
	if err != nil {
		return nil, err
	}
	out, err := age.Decrypt(in, identities...)
	if err != nil {
		return nil, fmt.Errorf("it cannot be decrypted: %w\nhint: TERRIER_AGE_IDENTITY has to be the key of one of the recipients", err)
	}
	return out, nil
}

// identities are the keys of TERRIER_AGE_IDENTITY. No error shows them.
func (s *Share) identities() ([]age.Identity, error) {
	text := strings.TrimSpace(s.config.Identity)
	if text == "" {
		return nil, errors.New("it is encrypted, and there is no key to read it with\nhint: set TERRIER_AGE_IDENTITY to the key of one of the recipients, or to the path of its file")
	}
	if !strings.HasPrefix(text, "AGE-SECRET-KEY-") {
		f, err := os.Open(text)
		if err != nil {
			return nil, errors.New("the file of TERRIER_AGE_IDENTITY cannot be opened\nhint: it is the path of a file that age-keygen made, or the key itself (AGE-SECRET-KEY-1…)")
		}
		defer f.Close()
		data, err := readAll(f, "the file of TERRIER_AGE_IDENTITY", 1<<20)
		if err != nil {
			return nil, err
		}
		text = string(data)
	}
	list, err := age.ParseIdentities(strings.NewReader(text))
	if err != nil || len(list) == 0 {
		return nil, errors.New("TERRIER_AGE_IDENTITY holds no key of age\nhint: age-keygen makes one: AGE-SECRET-KEY-1…")
	}
	return list, nil
}

// last is the number of a run's newest list of files, 0 for none.
func (s *Share) last(ctx context.Context, run string) (int, error) {
	names, err := s.list(ctx, folderName(run)+"index-", false)
	if err != nil {
		return 0, err
	}
	last := 0
	for _, name := range names {
		if m := indexShape.FindStringSubmatch("index-" + name); m != nil {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				return 0, err
			}
			last = max(last, n)
		}
	}
	return last, nil
}

func (s *Share) index(ctx context.Context, at *store.Store, run string, number int) (*store.Bundle, error) {
	key := s.key(folderName(run) + indexName(number))
	body, err := s.get(ctx, key)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	in, err := s.decrypt(body)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", run, err)
	}
	data, err := readAll(in, key, maxIndex)
	if err != nil {
		return nil, fmt.Errorf("the list of files of run %s cannot be read: %w\nhint: the same command again; where it stays so, somebody changed it, or it is damaged: plan anew", run, err)
	}
	b, err := at.OpenBundle(run, data)
	if err != nil {
		return nil, err
	}
	if b.Number != number {
		return nil, &store.ForeignError{Run: run, Why: "its list of files is an older one under a new name"}
	}
	return b, nil
}

// Get brings a run's folder, the newest that was shared, and has it checked:
// its seal, its files, and the digest of each plan. Only then it has the run's
// name. It needs the team's key, and where age encrypted it an identity. A run
// that was not shared is store.ErrNoRun; store.Latest is the newest that was.
func (s *Share) Get(ctx context.Context, to *store.Store, run string) (*store.Run, error) {
	if err := s.needsTeam(to); err != nil {
		return nil, err
	}
	if run == store.Latest {
		list, err := s.Runs(ctx)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			return nil, fmt.Errorf("%w: nothing was shared yet", store.ErrNoRun)
		}
		run = list[0]
	}
	if err := store.CheckID(run); err != nil {
		return nil, err
	}
	last, err := s.last(ctx, run)
	if err != nil {
		return nil, err
	}
	if last == 0 {
		return nil, fmt.Errorf("%w: s3://%s/%s has no %s", store.ErrNoRun, s.config.Bucket, s.key(foldersName), run)
	}
	b, err := s.index(ctx, to, run, last)
	if err != nil {
		return nil, err
	}
	return to.Unpack(b, func(p store.Packed) (io.ReadCloser, error) {
		body, err := s.get(ctx, s.key(folderName(run)+objectsName(p.Object)))
		if err != nil {
			return nil, err
		}
		plain, err := s.decrypt(body)
		if err != nil {
			body.Close()
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{plain, body}, nil
	})
}

// Runs are the ids of the runs that are there, newest first.
func (s *Share) Runs(ctx context.Context) ([]string, error) {
	names, err := s.list(ctx, foldersName, true)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return store.CheckID(name) != nil })
	slices.Reverse(names)
	return names, nil
}
