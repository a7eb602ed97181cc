package modules

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNames(t *testing.T) {
	for name, tc := range map[string]struct {
		dirs  []string
		fixed map[string]string
		want  map[string]string
	}{
		"base names":          {dirs: []string{"modules/vpc", "modules/rds"}, want: map[string]string{"modules/vpc": "vpc", "modules/rds": "rds"}},
		"equal base names":    {dirs: []string{"a/modules/vpc", "b/modules/vpc"}, want: map[string]string{"a/modules/vpc": "a-vpc", "b/modules/vpc": "b-vpc"}},
		"equal but for case":  {dirs: []string{"a/VPC", "b/vpc"}, want: map[string]string{"a/VPC": "a-VPC", "b/vpc": "b-vpc"}},
		"one path runs out":   {dirs: []string{"vpc", "aws/vpc"}, want: map[string]string{"vpc": "vpc", "aws/vpc": "aws-vpc"}},
		"whole paths meet":    {dirs: []string{"a-b/c", "a/b-c", "x/c", "x/b-c"}, want: map[string]string{"a-b/c": "a-b-c", "a/b-c": "a-b-c-2", "x/c": "x-c", "x/b-c": "x-b-c"}},
		"a fixed name wins":   {dirs: []string{"a/vpc", "b/x"}, fixed: map[string]string{"b/x": "vpc"}, want: map[string]string{"a/vpc": "a-vpc", "b/x": "vpc"}},
		"odd characters":      {dirs: []string{"modules/-ä b"}, want: map[string]string{"modules/-ä b": "b"}},
		"git's own endings":   {dirs: []string{"m/x.git", "m/y.lock"}, want: map[string]string{"m/x.git": "x-git", "m/y.lock": "y-lock"}},
		"nothing but modules": {dirs: []string{"modules"}, want: map[string]string{"modules": "modules"}},
		"dots":                {dirs: []string{"m/..."}, want: map[string]string{"m/...": "module"}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, Names(tc.dirs, tc.fixed)); d != "" {
				t.Error(d)
			}
		})
	}
}
