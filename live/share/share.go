// Package share knows an S3 prefix through which CI runners share what they
// planned and applied: the records of runs, an object each, and run folders,
// encrypted. The layout is in README.md.
//
// It neither decides who may apply nor keeps a plan that is not encrypted.
package share

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/logging"
)

// A Config is `runs { s3 {…} }` of terrier.hcl. Credentials are those of
// AWS's default chain.
type Config struct {
	Bucket     string
	Prefix     string   // without slashes at its ends; "" for the bucket's root
	Region     string   // "" for the environment's
	KMSKeyID   string   // S3 encrypts objects with this key; "" for none
	Recipients []string // age1…: files are encrypted here, before they leave
	// Identity is TERRIER_AGE_IDENTITY: a file's path, or the key itself
	// (AGE-SECRET-KEY-1…). Only Get, and a Put of what others have put too,
	// need it.
	Identity string
}

// A Share is an open prefix.
type Share struct {
	config     Config
	client     *s3.Client
	recipients []age.Recipient
}

var (
	bucketShape = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`) // S3's rules for general purpose buckets
	prefixShape = regexp.MustCompile(`^[A-Za-z0-9!_.*'()-]+(/[A-Za-z0-9!_.*'()-]+)*$`)
)

// Open checks the configuration. Nothing is asked of the bucket yet. With
// AWS_ENDPOINT_URL_S3, or AWS_ENDPOINT_URL, its name is part of the path, as
// servers that are not Amazon's need it.
func Open(ctx context.Context, c Config) (*Share, error) {
	switch {
	case !bucketShape.MatchString(c.Bucket):
		return nil, fmt.Errorf("%q is no name of a bucket", c.Bucket)
	case c.Prefix != "" && (!prefixShape.MatchString(c.Prefix) || slices.ContainsFunc(strings.Split(c.Prefix, "/"), func(s string) bool { return s == "." || s == ".." })):
		return nil, fmt.Errorf("%q is no prefix\nhint: letters, digits and -_. between slashes, and no slash at its ends", c.Prefix)
	case strings.ContainsFunc(c.KMSKeyID, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return nil, fmt.Errorf("%q is no id of a KMS key", c.KMSKeyID)
	}
	s := &Share{config: c}
	for _, text := range c.Recipients {
		// One line each: what else ParseRecipients would read is refused.
		list, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil || len(list) != 1 {
			return nil, fmt.Errorf("the recipient %q is no public key of age\nhint: age-keygen prints it: age1…", public(text))
		}
		s.recipients = append(s.recipients, list...)
	}
	var options []func(*config.LoadOptions) error
	if c.Region != "" {
		options = append(options, config.WithRegion(c.Region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("AWS's configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, errors.New("the region of the bucket is not known\nhint: set region beside bucket, or AWS_REGION")
	}
	s.client = s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.Logger = logging.Nop{} // what there is to say, errors say
		o.DisableLogOutputChecksumValidationSkipped = true
		o.UsePathStyle = os.Getenv("AWS_ENDPOINT_URL_S3") != "" || os.Getenv("AWS_ENDPOINT_URL") != ""
	})
	return s, nil
}

// public is what may be shown of what should be a public key.
func public(text string) string {
	if strings.Contains(strings.ToUpper(text), "SECRET") {
		return "(a secret key)"
	}
	return text
}

// key is an object's, below the prefix.
func (s *Share) key(name string) string {
	if s.config.Prefix == "" {
		return name
	}
	return s.config.Prefix + "/" + name
}

// errThere says that the key has an object already.
var errThere = errors.New("it is there already")

// put stores an object where none is: errThere.
func (s *Share) put(ctx context.Context, key, kind string, body io.ReadSeeker) error {
	in := &s3.PutObjectInput{
		Bucket: &s.config.Bucket, Key: &key, Body: body, ContentType: &kind,
		IfNoneMatch: aws.String("*"),
	}
	if s.config.KMSKeyID != "" {
		in.ServerSideEncryption = types.ServerSideEncryptionAwsKms
		in.SSEKMSKeyId = &s.config.KMSKeyID
	}
	_, err := s.client.PutObject(ctx, in)
	if status(err) == http.StatusPreconditionFailed {
		return errThere
	}
	return s.told("writing", key, err)
}

// get reads an object of at most limit bytes; the caller closes it.
func (s *Share) get(ctx context.Context, key string) (io.ReadCloser, error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.config.Bucket, Key: &key})
	if err != nil {
		return nil, s.told("reading", key, err)
	}
	return out.Body, nil
}

// read reads an object whole.
func (s *Share) read(ctx context.Context, key string, limit int64) ([]byte, error) {
	body, err := s.get(ctx, key)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return readAll(body, key, limit)
}

func readAll(in io.Reader, what string, limit int64) ([]byte, error) {
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(in, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("%s has more than %d bytes", what, limit)
	}
	return b.Bytes(), err
}

// list calls use with the names below a prefix that ends with a slash: those of
// objects, and with folders those of folders instead, without their slash.
func (s *Share) list(ctx context.Context, below string, folders bool) ([]string, error) {
	in := &s3.ListObjectsV2Input{Bucket: &s.config.Bucket, Prefix: aws.String(s.key(below))}
	if folders {
		in.Delimiter = aws.String("/")
	}
	var out []string
	pages := s3.NewListObjectsV2Paginator(s.client, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, s.told("listing", *in.Prefix, err)
		}
		if folders {
			for _, p := range page.CommonPrefixes {
				out = append(out, strings.TrimSuffix(strings.TrimPrefix(aws.ToString(p.Prefix), *in.Prefix), "/"))
			}
			continue
		}
		for _, o := range page.Contents {
			out = append(out, strings.TrimPrefix(aws.ToString(o.Key), *in.Prefix))
		}
	}
	slices.Sort(out)
	return out, nil
}

// told says what was done, and what can be done about it.
func (s *Share) told(doing, key string, err error) error {
	if err == nil {
		return nil
	}
	hint := ""
	switch status(err) {
	case http.StatusForbidden:
		hint = "\nhint: the credentials of this job may not do that; it needs s3:GetObject and s3:PutObject below the prefix, and s3:ListBucket"
	case http.StatusNotFound:
		hint = "\nhint: is the bucket there, and the region right?"
	}
	return fmt.Errorf("%s s3://%s/%s: %w%s", doing, s.config.Bucket, key, err, hint)
}

// status is the HTTP status of an error, 0 for none.
func status(err error) int {
	var r *awshttp.ResponseError
	if errors.As(err, &r) {
		return r.HTTPStatusCode()
	}
	return 0
}
