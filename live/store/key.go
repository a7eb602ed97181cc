package store

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// MinKey is how many bytes a team's key has at least: what is shorter could be
// guessed from one seal.
const MinKey = 32

const ownKey = 32 // bytes of .terrier/key

// master is the key that all others come from: the team's, or the clone's own,
// which create makes where there is none. fs.ErrNotExist.
func (s *Store) master(create bool) ([]byte, error) {
	if s.team != nil {
		return s.team, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own != nil {
		return s.own, nil
	}
	home, err := s.home(create)
	if err != nil {
		return nil, err
	}
	defer home.Close()
	key, err := readKey(home)
	if errors.Is(err, fs.ErrNotExist) && create {
		key, err = s.makeKey(home)
	}
	if err == nil {
		s.own = key
	}
	return key, err
}

func readKey(home *os.Root) ([]byte, error) {
	const shown = homeName + "/" + keyName
	info, err := home.Lstat(keyName)
	if err != nil {
		return nil, err
	}
	if err := guarded(info, shown, true); err != nil {
		return nil, err
	}
	key, err := read(home, keyName, shown, ownKey)
	if err != nil {
		return nil, err
	}
	if len(key) != ownKey || bytes.Count(key, key[:1]) == ownKey {
		return nil, fmt.Errorf("%s is damaged\nhint: remove it, and plan anew: what it sealed cannot be told from what others made", shown)
	}
	return key, nil
}

// makeKey makes the clone's key. Of several processes the first has it: a link
// is made only where there is none, and to a file that is whole.
func (s *Store) makeKey(home *os.Root) ([]byte, error) {
	key := make([]byte, ownKey)
	rand.Read(key) // never fails
	f, temp, err := s.temp(home, keyName)
	if err != nil {
		return nil, err
	}
	defer func() { _ = home.Remove(temp) }()
	_, err = s.writer(f, keyName).Write(key)
	if err == nil {
		err = fsync(f)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = s.at("link " + keyName)
	}
	if err != nil {
		return nil, told(err)
	}
	if err := home.Link(temp, keyName); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s/%s cannot be made: %w", homeName, keyName, told(err))
	}
	s.syncDir(home)
	return readKey(home)
}

// derive is the key for one purpose, from which no other can be found.
func derive(master []byte, purpose string) []byte {
	m := hmac.New(sha256.New, master)
	m.Write([]byte("terrier runs 1\n" + purpose))
	return m.Sum(nil)
}

// keyID names a key, and tells nothing of it.
func keyID(master []byte) string { return hex.EncodeToString(derive(master, "id")[:8]) }

// Key is the key for the HMACs of a run's fingerprints: the same for all runs
// of a clone, and with a team's key for all of the team's, so that equal plans
// have equal fingerprints.
func (s *Store) Key(run string) ([]byte, error) {
	if err := CheckID(run); err != nil {
		return nil, err
	}
	master, err := s.master(true)
	if err != nil {
		return nil, err
	}
	return derive(master, "fingerprint"), nil
}

// Team reports whether the key is one that other machines may have.
func (s *Store) Team() bool { return s.team != nil }

// A sealShape is how a seal stands at the end of a JSON object.
type sealShape struct{ before, after string }

var (
	sealIndented = sealShape{",\n  \"seal\": \"", "\"\n}\n"}
	sealLine     = sealShape{",\"seal\":\"", "\"}"}
)

// seal adds a seal to a JSON object, which ends with its brace. What is sealed
// is bytes, so nobody can read them otherwise than we wrote them.
func (sh sealShape) seal(master []byte, purpose string, object []byte) []byte {
	body := bytes.TrimSuffix(bytes.TrimRight(object, " \n"), []byte("}"))
	body = bytes.TrimRight(body, " \n")
	out := append(bytes.Clone(body), sh.before...)
	out = hex.AppendEncode(out, mac(master, purpose, body))
	return append(out, sh.after...)
}

// check reports whether the object has a seal at all, and whether it is ours.
func (sh sealShape) check(master []byte, purpose string, object []byte) (has, ours bool) {
	rest, ok := bytes.CutSuffix(object, []byte(sh.after))
	if !ok || len(rest) < 2*sha256.Size {
		return false, false
	}
	sum := make([]byte, sha256.Size)
	at := len(rest) - 2*sha256.Size
	if _, err := hex.Decode(sum, rest[at:]); err != nil {
		return false, false
	}
	body, ok := bytes.CutSuffix(rest[:at], []byte(sh.before))
	if !ok {
		return false, false
	}
	return true, hmac.Equal(sum, mac(master, purpose, body))
}

func mac(master []byte, purpose string, body []byte) []byte {
	m := hmac.New(sha256.New, derive(master, "seal"))
	fmt.Fprintf(m, "%d\n%s\n", len(purpose), purpose)
	m.Write(body)
	return m.Sum(nil)
}
