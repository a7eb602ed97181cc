package forge

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
)

// maxAnswer is the most of an answer that is read, in bytes: a hundred
// requests with bodies of full length are less.
const maxAnswer = 256 << 20

// A transport sees to it that what comes from the API is JSON: a sign-in page
// or a proxy's page of errors is told as what it is, not as bad JSON.
type transport struct{ next http.RoundTripper }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media != "text/html" || resp.StatusCode/100 == 3 {
		return resp, nil
	}
	resp.Body.Close()
	if resp.StatusCode/100 == 2 || resp.StatusCode == http.StatusNotFound {
		return nil, hintf("%s answers %s with a page instead of JSON, so its API is not there\nhint: is the host right? a path that the forge lives below belongs to it, and a sign-in page may stand before it", r.URL.Host, http.StatusText(resp.StatusCode))
	}
	page, _ := json.Marshal(map[string]string{"message": resp.Status + ", with a page instead of JSON"})
	resp.Header.Set("Content-Type", "application/json")
	resp.ContentLength = int64(len(page))
	resp.Body = io.NopCloser(bytes.NewReader(page))
	return resp, nil
}
