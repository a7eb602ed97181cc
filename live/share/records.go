package share

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/terrier-iac/terrier/live/runs"
)

const (
	recordsName = "records/"
	maxRecord   = 1 << 20
	atOnce      = 16 // requests
)

// recordKey names a record by its time, so that a listing is in order, its run,
// and its content.
func recordKey(r runs.Record, line []byte) string {
	sum := sha256.Sum256(line)
	at := r.Time.UTC()
	run := strings.Map(func(c rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", c) {
			return c
		}
		return '_'
	}, r.Run)
	return fmt.Sprintf("%s%s/%s-%.64s-%s.json", recordsName, at.Format("2006/01/02"), at.Format("20060102T150405Z"), run, hex.EncodeToString(sum[:16]))
}

// Append puts a record as an object of its own. The same again is no error;
// nothing is ever overwritten.
func (s *Share) Append(ctx context.Context, r runs.Record) error {
	line, err := r.Encode()
	if err != nil {
		return err
	}
	err = s.put(ctx, s.key(recordKey(r, line)), "application/json", bytes.NewReader(line))
	if errors.Is(err, errThere) { // its name is its content's
		return nil
	}
	return err
}

var (
	yearShape  = regexp.MustCompile(`^[0-9]{4}$`)
	monthShape = regexp.MustCompile(`^[0-9]{2}$`)
)

// Records are the newest limit records (0: all) that keep asks for, with nil
// any, newest first; damaged are the keys of objects that are no record. A
// record of a newer format is an error: what it means nobody can tell. Merge
// puts them together with those of the file.
func (s *Share) Records(ctx context.Context, limit int, keep func(*runs.Record) bool) (records []runs.Record, damaged []string, err error) {
	err = s.days(ctx, func(day string) (more bool, err error) {
		names, err := s.list(ctx, day, false)
		if err != nil {
			return false, err
		}
		slices.Reverse(names)
		for chunk := range slices.Chunk(names, 4*atOnce) {
			found, bad, err := s.readRecords(ctx, day, chunk)
			if err != nil {
				return false, err
			}
			damaged = append(damaged, bad...)
			for _, r := range found {
				if keep == nil || keep(r) {
					records = append(records, *r)
				}
				if limit > 0 && len(records) == limit {
					return false, nil
				}
			}
		}
		return true, nil
	})
	return records, damaged, err
}

// days calls use with each day's folder, newest first, until it wants no more.
func (s *Share) days(ctx context.Context, use func(day string) (more bool, err error)) error {
	var walk func(at string, depth int) (bool, error)
	walk = func(at string, depth int) (bool, error) {
		if depth == 3 {
			return use(at)
		}
		names, err := s.list(ctx, at, true)
		if err != nil {
			return false, err
		}
		slices.Reverse(names)
		for _, name := range names {
			shape := monthShape
			if depth == 0 {
				shape = yearShape
			}
			if !shape.MatchString(name) {
				continue // none of ours
			}
			if more, err := walk(at+name+"/", depth+1); err != nil || !more {
				return false, err
			}
		}
		return true, nil
	}
	_, err := walk(recordsName, 0)
	return err
}

// readRecords reads some of a day's records, in the order of their names.
func (s *Share) readRecords(ctx context.Context, day string, names []string) (found []*runs.Record, damaged []string, err error) {
	got := make([]*runs.Record, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, name := range names {
		group.Go(func() error {
			data, err := s.read(ctx, s.key(day+name), maxRecord+1)
			if err != nil {
				return err
			}
			r, err := runs.Decode(data)
			switch {
			case errors.Is(err, runs.ErrNewer):
				return fmt.Errorf("s3://%s/%s: %w", s.config.Bucket, s.key(day+name), err)
			case err != nil:
				return nil // damaged
			}
			// One that is called otherwise than it is was put there by hand.
			if line, err := r.Encode(); err == nil && (r.FormatVersion != runs.FormatVersion || recordKey(*r, line) == day+name) {
				got[i] = r
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	for i, r := range got {
		if r == nil {
			damaged = append(damaged, s.key(day+names[i]))
		} else {
			found = append(found, r)
		}
	}
	return found, damaged, nil
}
