package split

import (
	"fmt"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/terrier-iac/terrier/fixtures"
)

// stackOf is a stack live/NAME that calls modules.
func stackOf(name string, calls ...string) string {
	up := strings.Repeat("../", 2+strings.Count(name, "/"))
	s := "-- live/" + name + "/main.tf --\nterraform {\n  backend \"local\" {}\n}\n"
	for _, c := range calls {
		s += fmt.Sprintf("module %q {\n  source = %q\n}\n", strings.ReplaceAll(c, "/", "-"), up+c)
	}
	return s
}

// outline says what a plan makes of a tree, a line for each thing.
func outline(p *Plan) []string {
	var out []string
	note := func(who string, copies []Copy, links []Link) {
		for _, c := range copies {
			out = append(out, fmt.Sprintf("%s copies %s of %s", who, c.Path, c.Owner))
		}
		for _, l := range links {
			out = append(out, fmt.Sprintf("%s has %s for %s", who, l.Target, l.Path))
		}
	}
	for _, pkg := range p.Packages {
		line := pkg.Name + " at " + pkg.Root
		if len(pkg.Owns) != 1 || pkg.Owns[0] != pkg.Root {
			line += " owns " + strings.Join(pkg.Owns, " ")
		}
		out = append(out, line)
		note(pkg.Name, pkg.Copies, pkg.Links)
	}
	for _, l := range p.Live {
		note("live", l.Copies, l.Links)
	}
	for _, b := range p.Blocked {
		for _, r := range b.Reasons {
			out = append(out, fmt.Sprintf("%s blocked by %s %s:%d", b.Path, r.ID, r.File, r.Line))
		}
	}
	for _, e := range p.Edits {
		to := e.To
		if i := strings.Index(to, ".git"); i >= 0 {
			to = to[strings.LastIndexByte(to[:i], '/')+1:]
		}
		out = append(out, fmt.Sprintf("%s: %s → %s", e.File, e.From, strings.TrimSuffix(to, "?ref=v1.0.0")))
	}
	sort.Strings(out)
	return out
}

// TestClosures splits small trees for real: what each becomes, that the
// written repositories are whole, and that the judge finds nothing wrong.
func TestClosures(t *testing.T) {
	pinned := func(file, from, to string) string { return file + ": " + from + " → " + to }
	for name, tc := range map[string]struct {
		archive string
		config  func(*Config)
		want    []string
	}{
		"nothing outside": {
			archive: stackOf("a", "modules/m") + "-- modules/m/main.tf --\nlocals {\n  a = file(\"${path.module}/x.json\")\n}\n-- modules/m/x.json --\n{}\n-- modules/x.json --\n{}\n",
			want:    []string{pinned("live/a/main.tf", "../../modules/m", "m.git"), "m at modules/m"},
		},
		"a file, with its executable bit": {
			archive: stackOf("a", "modules/m") + "-- modules/m/main.tf --\nlocals {\n  a = file(\"${path.module}/../../bin/x.sh\")\n}\n-- bin/x.sh (executable) --\n#!/bin/sh\n-- bin/y.sh --\n",
			want:    []string{pinned("live/a/main.tf", "../../modules/m", "m.git//modules/m"), "m at . owns modules/m", "m copies bin/x.sh of live/live"},
		},
		"a directory that is known": {
			archive: stackOf("a", "modules/m") + "-- modules/m/main.tf --\nvariable \"n\" {}\nlocals {\n  a = file(\"${path.module}/../../policies/${var.n}.json\")\n}\n-- policies/a.json --\n{}\n-- policies/b/c.json --\n{}\n-- policies.txt --\n",
			want:    []string{pinned("live/a/main.tf", "../../modules/m", "m.git//modules/m"), "m at . owns modules/m", "m copies policies/a.json of live/live", "m copies policies/b/c.json of live/live"},
		},
		"the beginning of a name": {
			archive: stackOf("a", "modules/m") + "-- modules/m/main.tf --\nvariable \"n\" {}\nlocals {\n  a = file(\"${path.module}/../policy-${var.n}.json\")\n}\n-- modules/policy-a.json --\n{}\n-- modules/polic.json --\n{}\n",
			want:    []string{pinned("live/a/main.tf", "../../modules/m", "m.git//m"), "m at modules owns modules/m", "m copies modules/policy-a.json of live/live"},
		},
		"a directory that holds the module": {
			archive: stackOf("a", "modules/m", "modules/n") + "-- modules/m/main.tf --\nvariable \"n\" {}\nlocals {\n  a = file(\"${path.module}/../${var.n}/x.json\")\n}\n-- modules/n/main.tf --\n-- modules/n/x.json --\n{}\n",
			want:    []string{pinned("live/a/main.tf", "../../modules/n", "n.git"), "modules/m blocked by unevaluated-path modules/m/main.tf:3", "n at modules/n"},
		},
		"an archive of a directory with configuration": {
			archive: stackOf("a", "modules/m", "lib/b") + "-- modules/m/main.tf --\ndata \"archive_file\" \"x\" {\n  source_dir = \"${path.module}/../../lib/a\"\n}\n-- lib/a/main.tf --\nmodule \"b\" {\n  source = \"../b\"\n}\n-- lib/b/main.tf --\n",
			want: []string{pinned("lib/a/main.tf", "../b", "b.git"), pinned("live/a/main.tf", "../../lib/b", "b.git"), pinned("live/a/main.tf", "../../modules/m", "m.git//modules/m"),
				"b at lib/b", "m at . owns modules/m", "m copies lib/a/main.tf of live/live"},
		},
		"command lines, locals and defaults": {
			archive: stackOf("a", "modules/m") + `-- modules/m/main.tf --
variable "dir" {
  default = "../../d"
}
locals {
  root   = "${path.module}/../.."
  script = format("%s/bin/x.sh", local.root)
  here   = var.dir == "" ? "${path.module}/in.txt" : "${local.root}/one.txt"
}
resource "terraform_data" "x" {
  input = [file("${path.module}/${var.dir}/y.txt"), file(local.here)]
  provisioner "local-exec" {
    command     = "bash ${local.script} --now"
    working_dir = "${dirname(local.script)}/../work"
  }
}
-- modules/m/in.txt --
-- bin/x.sh --
-- bin/z.sh --
-- d/y.txt --
-- one.txt --
-- work/w.txt --
`,
			want: []string{pinned("live/a/main.tf", "../../modules/m", "m.git//modules/m"), "m at . owns modules/m", "m copies bin/x.sh of live/live", "m copies d/y.txt of live/live",
				"m copies one.txt of live/live", "m copies work/w.txt of live/live"},
		},
		"filesets": {
			archive: stackOf("a", "modules/m") + "-- modules/m/main.tf --\nlocals {\n  a = [fileset(\"${path.module}/..\", \"*.json\"), fileset(path.module, \"../../d/*.sh\")]\n}\n-- modules/x.json --\n{}\n-- modules/y.txt --\n-- d/a.sh --\n-- d/a.txt --\n",
			want:    []string{pinned("live/a/main.tf", "../../modules/m", "m.git//modules/m"), "m at . owns modules/m", "m copies d/a.sh of live/live", "m copies modules/x.json of live/live"},
		},
		"JSON": {
			archive: stackOf("a", "modules/m") + "-- modules/m/main.tf.json --\n{\"locals\": {\"d\": \"${path.module}/../d\"}, \"output\": {\"x\": {\"value\": \"${file(\\\"${local.d}/x.txt\\\")}\"}}, \"module\": {\"n\": {\"source\": \"../n\"}}}\n-- modules/d/x.txt --\n-- modules/n/main.tf --\n",
			want:    []string{pinned("live/a/main.tf", "../../modules/m", "m.git//m"), pinned("modules/m/main.tf.json", "../n", "n.git"), "m at modules owns modules/m", "m copies modules/d/x.txt of live/live", "n at modules/n"},
		},
		"a file of another module": {
			archive: stackOf("a", "modules/m", "modules/n") + "-- modules/m/main.tf --\nlocals {\n  a = file(\"${path.module}/../n/x.json\")\n}\n-- modules/n/main.tf --\n-- modules/n/x.json --\n{}\n",
			want: []string{pinned("live/a/main.tf", "../../modules/m", "m.git//m"), pinned("live/a/main.tf", "../../modules/n", "n.git"), "m at modules owns modules/m",
				"m copies modules/n/x.json of modules/n.git", "n at modules/n"},
		},
		"its own file by its name": {
			archive: stackOf("a", "modules/m") + "-- modules/m/main.tf --\nlocals {\n  a = file(\"${path.module}/../m/x.json\")\n}\nmodule \"s\" {\n  source = \"../m/s\"\n}\n-- modules/m/x.json --\n{}\n-- modules/m/s/main.tf --\n",
			want:    []string{pinned("live/a/main.tf", "../../modules/m", "m.git//m"), "m at modules owns modules/m"},
		},
		"a stack reads files of a module": {
			archive: stackOf("a", "modules/m") + "-- live/a/x.tf --\nlocals {\n  a = file(\"../../modules/m/x.json\")\n  }\noutput \"b\" {\n  value = \"${path.module}/../../modules/m/dir\"\n}\n-- modules/m/main.tf --\n-- modules/m/x.json --\n{}\n-- modules/m/y.json --\n{}\n-- modules/m/dir/z.tf --\nmodule \"n\" {\n  source = \"../../n\"\n}\n-- modules/n/main.tf --\n",
			want: []string{"live copies modules/m/dir/z.tf of modules/m.git", "live copies modules/m/x.json of modules/m.git", pinned("live/a/main.tf", "../../modules/m", "m.git"),
				pinned("modules/m/dir/z.tf", "../../n", "n.git"), "m at modules/m", "n at modules/n"},
		},
		"a module reads from the working directory": {
			archive: stackOf("a", "modules/m") + "-- modules/m/main.tf --\nlocals {\n  a = file(\"${path.root}/../../modules/m/x.json\")\n  b = file(\"own.json\")\n}\n-- modules/m/x.json --\n{}\n-- modules/m/own.json --\n{}\n-- live/a/own.json --\n{}\n",
			want:    []string{"live copies modules/m/x.json of modules/m.git", pinned("live/a/main.tf", "../../modules/m", "m.git"), "m at modules/m"},
		},
		"symlinks out of a module": {
			archive: stackOf("a", "modules/m") + `-- modules/m/main.tf --
-- modules/m/in.txt --
-- modules/m/inside.txt (symlink) --
in.txt
-- modules/m/byname.txt (symlink) --
../m/in.txt
-- modules/m/gone.txt (symlink) --
../../nowhere
-- modules/m/loop (symlink) --
./loop
-- modules/m/chain.sh (symlink) --
../../shared/chain.sh
-- modules/m/dir (symlink) --
../../shared/dir
-- shared/chain.sh (symlink) --
real.sh
-- shared/real.sh (executable) --
#!/bin/sh
-- shared/dir/x.txt --
x
-- shared/dir/y.txt (symlink) --
x.txt
-- shared/dir/z.txt (symlink) --
../real.sh
-- shared/dir/sub/w.txt (symlink) --
../../nothing
`,
			want: []string{pinned("live/a/main.tf", "../../modules/m", "m.git//m"), "m at modules owns modules/m", "m has shared/dir for modules/m/dir", "m has shared/real.sh for modules/m/chain.sh"},
		},
		"a symlink to what holds it": {
			archive: stackOf("a", "modules/m") + "-- modules/m/main.tf --\n-- modules/m/up (symlink) --\n../..\n",
			want:    []string{"modules/m blocked by symlink-across modules/m/up:0"},
		},
		"reads through symlinks": {
			archive: stackOf("a", "modules/m", "modules/n") + `-- modules/m/main.tf --
locals {
  a = file("${path.module}/own/x.txt")
  b = file("${path.module}/../other/y.txt")
}
-- modules/m/own (symlink) --
../../shared
-- modules/other (symlink) --
../shared
-- modules/n/main.tf --
-- shared/x.txt --
-- shared/y.txt --
`,
			want: []string{pinned("live/a/main.tf", "../../modules/m", "m.git//m"), pinned("live/a/main.tf", "../../modules/n", "n.git"), "m at modules owns modules/m",
				"m copies modules/other of live/live", "m has shared for modules/m/own", "m has shared for modules/other", "n at modules/n"},
		},
		"symlinks in what stays": {
			archive: stackOf("a", "modules/m") + `-- live/a/x.txt (symlink) --
../../modules/m/x.txt
-- live/a/tpl (symlink) --
../../modules/m/tpl
-- live/a/mods (symlink) --
../../modules
-- live/a/more.tf --
module "again" {
  source = "./mods/m"
}
module "n" {
  source = "./mods/n"
}
locals {
  a = file("${path.module}/mods/n/n.txt")
  b = file("${path.module}/tpl/t.txt")
}
-- modules/m/main.tf --
-- modules/m/x.txt --
-- modules/m/tpl/t.txt --
-- modules/n/main.tf --
-- modules/n/n.txt --
`,
			want: []string{"live copies modules/n/n.txt of modules/n.git", "live has modules/m/tpl for live/a/tpl", "live has modules/m/x.txt for live/a/x.txt", pinned("live/a/main.tf", "../../modules/m", "m.git"),
				pinned("live/a/more.tf", "./mods/m", "m.git"), pinned("live/a/more.tf", "./mods/n", "n.git"), "m at modules/m", "n at modules/n"},
		},
		"a symlink to a folder of which nothing stays": {
			archive: stackOf("a", "modules/m") + "-- live/a/mods (symlink) --\n../../modules\n-- live/a/more.tf --\nmodule \"again\" {\n  source = \"./mods/m\"\n}\n-- modules/m/main.tf --\n",
			want:    []string{pinned("live/a/main.tf", "../../modules/m", "m.git"), pinned("live/a/more.tf", "./mods/m", "m.git"), "m at modules/m"},
		},
		"symlinked configuration in two modules": {
			archive: stackOf("a", "modules/m", "modules/deep/n") + `-- modules/m/main.tf --
-- modules/m/common.tf (symlink) --
../../shared/common.tf
-- modules/deep/n/main.tf --
-- modules/deep/n/common.tf (symlink) --
../../../shared/common.tf
-- shared/common.tf --
module "x" {
  source = "../x"
}
-- modules/x/main.tf --
-- modules/deep/x/main.tf --
`,
			want: []string{"deep-x at modules/deep/x", pinned("live/a/main.tf", "../../modules/deep/n", "n.git"), pinned("live/a/main.tf", "../../modules/m", "m.git"), "m at modules/m", "m has shared/common.tf for modules/m/common.tf",
				pinned("modules/deep/n/common.tf", "../x", "deep-x.git"), pinned("modules/m/common.tf", "../x", "x.git"), "n at modules/deep/n", "n has shared/common.tf for modules/deep/n/common.tf", "x at modules/x"},
		},
		"symlinked configuration in one module": {
			archive: stackOf("a", "modules/m") + `-- modules/m/main.tf --
module "same" {
  source = "./a/b"
}
-- modules/m/x.tf --
module "n" {
  source = "../n"
}
-- modules/m/a/b/x.tf (symlink) --
../../x.tf
-- modules/m/a/n/main.tf --
-- modules/n/main.tf --
`,
			want: []string{pinned("live/a/main.tf", "../../modules/m", "m.git"), "m at modules/m", "m has modules/m/x.tf for modules/m/a/b/x.tf", pinned("modules/m/x.tf", "../n", "n.git"), "n at modules/n"},
		},
		"a directory with configuration behind a symlink": {
			archive: stackOf("a", "modules/m", "modules/y") + `-- modules/m/main.tf --
module "x" {
  source = "./lib/x"
}
-- modules/m/lib (symlink) --
../../lib
-- lib/x/main.tf --
module "y" {
  source = "../../modules/y"
}
module "z" {
  source = "../z"
}
-- lib/z/main.tf --
-- modules/y/main.tf --
`,
			want: []string{pinned("lib/x/main.tf", "../../modules/y", "y.git"), pinned("lib/x/main.tf", "../z", "z.git"), pinned("live/a/main.tf", "../../modules/m", "m.git"),
				pinned("live/a/main.tf", "../../modules/y", "y.git"), "m at modules/m", "m has lib for modules/m/lib", pinned("modules/m/lib/x/main.tf", "../../modules/y", "y.git"),
				pinned("modules/m/main.tf", "./lib/x", "x.git"), "x at lib/x", "y at modules/y", "z at lib/z"},
		},
		"a circle": {
			archive: stackOf("a", "modules/m", "other/n/sub") + "-- modules/m/main.tf --\nmodule \"n\" {\n  source = \"../../other/n\"\n}\n-- other/n/main.tf --\n-- other/n/sub/main.tf --\nmodule \"m\" {\n  source = \"../../../modules/m\"\n}\n",
			want:    []string{pinned("live/a/main.tf", "../../modules/m", "m-n.git//modules/m"), pinned("live/a/main.tf", "../../other/n/sub", "m-n.git//other/n/sub"), "m-n at . owns modules/m other/n"},
		},
		"a group": {
			archive: stackOf("a", "modules/m", "modules/n", "modules/o") + "-- modules/m/main.tf --\nmodule \"n\" {\n  source = \"../n\"\n}\nmodule \"o\" {\n  source = \"../o\"\n}\n-- modules/n/main.tf --\nlocals {\n  a = file(\"${path.module}/../m/x.txt\")\n}\n-- modules/m/x.txt --\n-- modules/o/main.tf --\n",
			config:  func(c *Config) { c.Group = map[string]string{"modules/m": "core", "modules/n": "core"} },
			want: []string{"core at modules owns modules/m modules/n", pinned("live/a/main.tf", "../../modules/m", "core.git//m"), pinned("live/a/main.tf", "../../modules/n", "core.git//n"),
				pinned("live/a/main.tf", "../../modules/o", "o.git"), pinned("modules/m/main.tf", "../o", "o.git"), "o at modules/o"},
		},
		"one that is kept": {
			archive: stackOf("a", "modules/m", "modules/n", "modules/o") + "-- modules/m/main.tf --\nmodule \"n\" {\n  source = \"../n\"\n}\n-- modules/n/main.tf --\n-- modules/o/main.tf --\nlocals {\n  a = file(\"${path.module}/../n/x.txt\")\n}\n-- modules/n/x.txt --\n",
			config:  func(c *Config) { c.Keep = map[string]string{"modules/n": "terrier.hcl:7"} },
			want:    []string{pinned("live/a/main.tf", "../../modules/o", "o.git//o"), "modules/m blocked by calls-what-stays modules/m/main.tf:2", "o at modules owns modules/o", "o copies modules/n/x.txt of live/live"},
		},
		"a stack inside a module": {
			archive: stackOf("a", "modules/m") + "-- modules/m/main.tf --\nlocals {\n  a = file(\"${path.module}/run/conf/x.txt\")\n}\n-- modules/m/sub/y.txt --\n-- modules/m/run/main.tf --\nterraform {\n  backend \"local\" {}\n}\nmodule \"m\" {\n  source = \"../\"\n}\nlocals {\n  y = file(\"${path.module}/../sub/y.txt\")\n}\n-- modules/m/run/conf/x.txt --\n",
			want: []string{"live copies modules/m/sub/y.txt of modules/m.git", pinned("live/a/main.tf", "../../modules/m", "m.git"), "m at modules/m owns modules/m/main.tf modules/m/sub",
				"m copies modules/m/run/conf/x.txt of live/live", pinned("modules/m/run/main.tf", "../", "m.git")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := splitArchive(t, tc.archive, tc.config)
			got := outline(j.plan)
			sort.Strings(tc.want)
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
			p := j.verify(t)
			for _, m := range p.Mismatches {
				t.Errorf("mismatch: %s %s:%d %s", m.Kind, m.File, m.Line, m.Summary)
			}
			for _, pkg := range j.plan.Packages {
				git(t, filepath.Join(j.out, filepath.FromSlash(pkg.Repository)), "fsck", "--full", "--strict")
			}
			if status := git(t, filepath.Join(j.out, "live", "live"), "status", "--porcelain"); status != "" {
				t.Errorf("live: %s", status)
			}
		})
	}
}

func splitArchive(t *testing.T, archive string, configure func(*Config)) *job {
	t.Helper()
	return splitDir(t, fixtures.Build(t, archive), configure)
}
