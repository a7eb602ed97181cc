package live

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"

	"github.com/terrier-iac/terrier/live/terraform"
)

// leastHidden is the length from which on a value is hidden, in bytes: a short
// one would be found in names that have nothing to do with it.
const leastHidden = 8

// hidden takes the values of variables whose names tell that they are secrets
// out of a plan's JSON, wherever they stand in it, whether they are marked
// sensitive or not. In their place is an HMAC under the run's key, so that
// another secret is another plan. It goes by names and not by the environment:
// that of an apply need not have what that of the plan had.
func hidden(planJSON, key []byte) ([]byte, error) {
	var plan struct {
		Variables map[string]struct{ Value json.RawMessage }
	}
	if err := json.Unmarshal(planJSON, &plan); err != nil {
		return nil, err
	}
	for name, v := range plan.Variables {
		var value string
		if !terraform.SecretName(name) || json.Unmarshal(v.Value, &value) != nil || len(value) < leastHidden {
			continue
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(value))
		sum := []byte("hmac-sha256:" + hex.EncodeToString(mac.Sum(nil)))
		for _, form := range []string{value, base64.StdEncoding.EncodeToString([]byte(value))} {
			quoted, err := json.Marshal(form)
			if err != nil {
				return nil, err
			}
			planJSON = bytes.ReplaceAll(planJSON, quoted[1:len(quoted)-1], sum)
		}
	}
	return planJSON, nil
}
