package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"time"
)

// Latest is the id that means the newest run.
const Latest = "latest"

const idTime = "20060102T150405Z"

var idShape = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}$`)

// makeID is the attempt-th id for a run that began at now: the time, and six
// digits of what the run is.
func makeID(now time.Time, manifest []byte, attempt int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\n%s", attempt, manifest))
	return now.UTC().Format(idTime) + "-" + hex.EncodeToString(sum[:3])
}

// CheckID refuses what is no run's id, before it is part of a path. Latest is
// none.
func CheckID(id string) error {
	if _, err := timeOf(id); err != nil {
		return fmt.Errorf("%q is no run\nhint: a run is called like 20261124T145953Z-1a2b3c, or %s; terrier runs lists them", id, Latest)
	}
	return nil
}

// TimeOf is the time in a run's id, UTC; zero in what is none.
func TimeOf(id string) time.Time {
	at, _ := timeOf(id)
	return at
}

// timeOf is the time in an id.
func timeOf(id string) (time.Time, error) {
	if !idShape.MatchString(id) {
		return time.Time{}, fmt.Errorf("%q is no run", id)
	}
	return time.Parse(idTime, id[:len(idTime)])
}
