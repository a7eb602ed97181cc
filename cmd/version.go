package cmd

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
)

// Set by the linker (see Makefile); `go install` leaves them to the module's
// own build information.
var version, commit = "", ""

func (a *app) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version and the commit it was built from",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v, c := buildInfo()
			if a.format == "json" {
				return report.JSON(a.stdout, struct {
					FormatVersion string `json:"format_version"`
					Version       string `json:"version"`
					Commit        string `json:"commit"`
					Go            string `json:"go"`
					Platform      string `json:"platform"`
				}{report.FormatVersion, v, c, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH})
			}
			_, err := fmt.Fprintf(a.stdout, "terrier %s (commit %s, %s, %s/%s)\n", v, c, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	a.formatFlag(cmd, "text", "json")
	return cmd
}

func buildInfo() (v, c string) {
	v, c = version, commit
	info, ok := debug.ReadBuildInfo()
	if ok && v == "" {
		v = info.Main.Version
	}
	if ok && c == "" {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				c = s.Value
			}
		}
	}
	if v == "" || v == "(devel)" {
		v = "dev"
	}
	if c == "" {
		c = "unknown"
	}
	return v, c
}
