// Package share knows an S3 prefix through which CI runners share what they
// planned and applied: the records of runs, an object each, and run folders,
// encrypted. The layout is in README.md.
//
// It neither decides who may apply nor keeps a plan that is not encrypted.
package share

import (
	"context"

	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/live/store"
)

// A Config is `runs { s3 {…} }` of terrier.hcl. Credentials are those of
// AWS's default chain.
type Config struct {
	Bucket     string
	Prefix     string   // without slashes at its ends; "" for the bucket's root
	Region     string   // "" for the environment's
	KMSKeyID   string   // objects are encrypted by S3 with this key; "" for none
	Recipients []string // age1…: objects are encrypted here, before they leave
	// Identity is TERRIER_AGE_IDENTITY: a file's path, or the key itself
	// (AGE-SECRET-KEY-1…). Only Get needs it.
	Identity string
}

// A Share is an open prefix.
type Share struct{}

// Open checks the configuration. Nothing is asked yet.
func Open(ctx context.Context, c Config) (*Share, error) { panic("to come") }

// Append puts a record as an object of its own. The same again is no error;
// nothing is ever overwritten.
func (s *Share) Append(ctx context.Context, r runs.Record) error { panic("to come") }

// Records are the newest limit records (0: all) that keep asks for, newest
// first; damaged are the keys of objects that are no record.
func (s *Share) Records(ctx context.Context, limit int, keep func(*runs.Record) bool) (records []runs.Record, damaged []string, err error) {
	panic("to come")
}

// Put uploads a run's folder, each file encrypted. A file that is there with
// the same content is skipped, with another refused: the manifest alone has
// versions.
func (s *Share) Put(ctx context.Context, from *store.Store, run string) error { panic("to come") }

// Get brings a run's folder, verifies its seal and each plan's digest, and
// only then gives it its name. It needs the team's key.
func (s *Share) Get(ctx context.Context, to *store.Store, run string) (*store.Run, error) {
	panic("to come")
}

// Runs are the ids of the runs that are there, newest first.
func (s *Share) Runs(ctx context.Context) ([]string, error) { panic("to come") }
