package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
)

// StateProfileName is the AWS profile that the backend is given where the state
// is reached with other credentials than the resources. It is the same in every
// run: terraform writes it into a saved plan, and apply must find it again.
const StateProfileName = "terrier-state"

// maxProfiles is the largest credentials file that is copied.
const maxProfiles = 1 << 20

// A StateProfile is a private copy of the user's AWS credentials file that has
// the profile StateProfileName beside the user's own ones. terraform's s3
// backend takes a profile that it is given even where keys are in the
// environment, which the providers go on using.
//
// Keys in -backend-config would do too, but terraform writes those into
// .terraform and into every saved plan.
type StateProfile struct {
	dir  string
	file string
}

// NewStateProfile writes the file (0600, in a new directory of 0700 below
// dir; "" for the system's own for temporary files). It refuses where the user
// has a profile of that name, or where the user's files cannot be read: the
// user's own profiles, and the AWS configuration file, go on working.
func NewStateProfile(dir string, c Credentials) (_ *StateProfile, err error) {
	if c.keys == nil {
		return nil, &NoCredentials{Why: "none were given for the state"}
	}
	env, err := config.NewEnvConfig()
	if err != nil {
		return nil, &NoCredentials{Why: "the AWS variables of the environment cannot be read"}
	}
	configs, shared := config.DefaultSharedConfigFiles, config.DefaultSharedCredentialsFiles
	if env.SharedConfigFile != "" {
		configs = []string{env.SharedConfigFile}
	}
	if env.SharedCredentialsFile != "" {
		shared = []string{env.SharedCredentialsFile}
	}
	read := func(credentials []string) (config.SharedConfig, error) {
		return config.LoadSharedConfigProfile(context.Background(), StateProfileName, func(o *config.LoadSharedConfigOptions) {
			o.Logger, o.ConfigFiles, o.CredentialsFiles = logging.Nop{}, configs, credentials
		})
	}
	var (
		absent config.SharedConfigProfileNotExistError
		half   config.SharedConfigAssumeRoleError // it is there, and does not work
	)
	if _, err := read(shared); err == nil || errors.As(err, &half) {
		return nil, fmt.Errorf("the AWS configuration has a profile %s already\nhint: give it another name: terrier hands the state's credentials under this one", StateProfileName)
	} else if !errors.As(err, &absent) {
		return nil, explainLocal(question{}, "", err)
	}
	var text bytes.Buffer
	for _, name := range shared {
		if err := copyProfiles(&text, name); err != nil {
			return nil, err
		}
	}
	k := c.keys()
	for _, s := range []string{k.id, k.secret, k.token} {
		if !value.MatchString(s) {
			return nil, errors.New("the state's credentials hold characters that an AWS credentials file cannot")
		}
	}
	fmt.Fprintf(&text, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", StateProfileName, k.id, k.secret)
	if k.token != "" {
		fmt.Fprintf(&text, "aws_session_token = %s\n", k.token)
	}

	// MkdirTemp makes it 0700.
	tmp, err := os.MkdirTemp(dir, "terrier-aws-")
	if err != nil {
		return nil, err
	}
	p := &StateProfile{dir: tmp, file: filepath.Join(tmp, "credentials")}
	defer func() {
		if err != nil {
			_ = p.Close()
		}
	}()
	if p.file, err = filepath.Abs(p.file); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(p.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(text.Bytes())
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	// What the SDK reads there is what was to be written, whatever the user's
	// file holds.
	got, err := read([]string{p.file})
	if err != nil || got.Credentials.AccessKeyID != k.id || got.Credentials.SecretAccessKey != k.secret || got.Credentials.SessionToken != k.token || got.RoleARN != "" {
		return nil, fmt.Errorf("the profile %s cannot be put beside those of %s", StateProfileName, shared)
	}
	return p, nil
}

var value = regexp.MustCompile(`^[!-"$-:<-~]*$`) // no space, # or ; which begin a comment

func copyProfiles(w *bytes.Buffer, name string) error {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // as the SDK has it
	}
	cannot := func(why string) error {
		return fmt.Errorf("the AWS credentials file %s %s: the user's profiles would be lost to terraform\nhint: correct the file, or name another with AWS_SHARED_CREDENTIALS_FILE", name, why)
	}
	switch {
	case err != nil:
		return cannot("cannot be read")
	case !info.Mode().IsRegular():
		return cannot("is no regular file") // it could be a pipe, which is read once
	}
	f, err := os.Open(name)
	if err != nil {
		return cannot("cannot be read")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxProfiles+1))
	if e := f.Close(); err == nil {
		err = e
	}
	switch {
	case err != nil:
		return cannot("cannot be read")
	case len(text) > maxProfiles:
		return cannot("is larger than a megabyte")
	}
	w.Write(text)
	w.WriteString("\n")
	return nil
}

// Env returns the variables, NAME=VALUE, for the process, beside those of its
// own Credentials. It is the same for init, plan and apply.
func (p *StateProfile) Env() []string { return []string{"AWS_SHARED_CREDENTIALS_FILE=" + p.file} }

// BackendConfig returns the KEY=VALUE for -backend-config of an s3 backend. A
// backend block that has keys or credentials files of its own does not use it:
// that one is not to be given a StateProfile.
func (p *StateProfile) BackendConfig() []string { return []string{"profile=" + StateProfileName} }

// Close removes the file and its directory. It may be called twice.
func (p *StateProfile) Close() error { return os.RemoveAll(p.dir) }
