package cmd

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// What the README shows is there: each configuration is read without a
// complaint, each command and each flag exists, and each attribute is named.
func TestReadme(t *testing.T) {
	data, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(data)
	t.Run("configurations", func(t *testing.T) {
		blocks := regexp.MustCompile("(?ms)^ *```hcl\n(.*?)^ *```$").FindAllStringSubmatch(readme, -1)
		if len(blocks) < 3 {
			t.Fatalf("%d found", len(blocks))
		}
		for _, b := range blocks {
			if shown := shownConfig([]byte(b[1])); shown != "" {
				t.Errorf("%s\n%s", b[1], shown)
			}
		}
	})
	t.Run("commands", func(t *testing.T) {
		commands := regexp.MustCompile("(?m)^(terrier [^#\n]*)|`(terrier [^`#\n]*)`").FindAllStringSubmatch(readme, -1)
		if len(commands) < 8 {
			t.Fatalf("%d found", len(commands))
		}
		for _, c := range commands {
			a := &app{stdout: io.Discard, stderr: io.Discard}
			cmd, rest, err := a.rootCommand().Find(strings.Fields(c[1] + c[2])[1:])
			if err != nil || !cmd.Runnable() {
				t.Errorf("%s: %v", c[0], err)
				continue
			}
			var flags []string
			for _, word := range rest {
				flags = append(flags, strings.Split(word, "|")[0])
			}
			if err := cmd.ParseFlags(flags); err != nil {
				t.Errorf("%s: %v", c[0], err)
			}
		}
	})
	t.Run("flags of split", func(t *testing.T) {
		a := &app{stdout: io.Discard, stderr: io.Discard}
		a.splitCommand().Flags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(readme, "--"+f.Name) {
				t.Errorf("--%s is not in it", f.Name)
			}
		})
	})
	t.Run("attributes", func(t *testing.T) {
		decode, err := os.ReadFile("config_decode.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range regexp.MustCompile(`attributes\(("[^)]*)\)`).FindAllStringSubmatch(string(decode), -1) {
			for _, name := range regexp.MustCompile(`"(\w+)!?"`).FindAllStringSubmatch(call[1], -1) {
				if !strings.Contains(readme, "`"+name[1]+"`") {
					t.Errorf("`%s` is not in it", name[1])
				}
			}
		}
	})
}
