package rules

import (
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
)

func TestCredentialsInSource(t *testing.T) {
	const token = "glpat-0123456789abcdefghij"
	found := func(name, source, secret, summary string) row {
		return row{name: name, files: call(source), want: []string{on(call(source), "main.tf", secret, summary)}}
	}
	pass := func(name, source string) row { return row{name: name, files: call(source)} }
	rows := everywhere("git::https://oauth2:"+token+"@h.example/vpc.git?depth=1&ref=v1.2.3", token, `Module "m" has a password in its source`)
	for i, r := range rows {
		switch r.name {
		case "replaced by an override file":
			rows[i].want = []string{on(r.files, "main.tf", token, "a password")}
		case "terragrunt":
			rows[i].want = []string{on(r.files, "terragrunt.hcl", token, "The terragrunt source has a password")}
		}
	}
	table(t, credentialsInSource, append(rows,
		found("a password with an @", "git::https://u:a@b@h.example/x.git", "a@b", "a password"),
		found("a password before ssh", "git::ssh://u:hunter2@h.example/x.git", "hunter2", "a password"),
		found("a password before an archive", "https://u:hunter2@h.example/x.zip", "hunter2", "a password"),
		found("an encoded password", "git::https://u:hunter%402@h.example/x.git", "hunter%402", "a password"),
		found("a token that is the user", "git::https://"+token+"@h.example/x.git", token, "a token"),
		found("a token before a placeholder", "git::https://ghp_0123456789abcdefghij:x-oauth-basic@h.example/x.git", "ghp_0123456789abcdefghij", "a token"),
		found("a user that is nothing but a token", "git::https://a1b2c3d4e5f6a7b8c9d0e1f2@h.example/x.git", "a1b2c3d4e5f6a7b8c9d0e1f2", "a token"),
		found("an ssh key", "git@h.example:x.git?sshkey=LS0tLS1CRUdJTiBP&ref=v1.2.3", "LS0tLS1CRUdJTiBP", "the credential sshkey="),
		found("an ssh key behind the ref", "git@h.example:x.git?ref=v1.2.3&sshkey=LS0tLS1CRUdJTiBP", "LS0tLS1CRUdJTiBP", "sshkey="),
		found("an encoded name", "git::https://h.example/x.git?ssh%6Bey=LS0tLS1CRUdJTiBP", "LS0tLS1CRUdJTiBP", "sshkey="),
		found("any name with token in it", "https://h.example/x.zip?private_token=abcdef", "abcdef", "private_token="),
		found("a signed URL", "https://b.s3.amazonaws.com/x.zip?X-Amz-Signature=0123abcd", "0123abcd", "X-Amz-Signature="),
		found("in an address in a parameter", "https://h.example/x.zip?checksum=file:https%3A%2F%2Fu%3Ahunter2%40h.example%2Fsums", "file:https%3A%2F%2Fu%3Ahunter2%40h.example%2Fsums", "a credential"),
		row{
			name:  "two at once",
			files: call("s3::https://s3.amazonaws.com/b/x.zip?aws_access_key_id=AKIAIOSFODNN7&aws_access_key_secret=wJalrXUtnFEMI"),
			want: []string{
				`main.tf:2:68-2:81 the credential aws_access_key_id=`,
				`main.tf:2:104-2:117 the credential aws_access_key_secret=`,
			},
		},
		row{
			name:  "in a form that no URL has",
			files: call("git::u:hunter2@h.example:x.git"),
			want:  []string{`main.tf:2:12-2:44 a credential`},
		},
		row{
			name:  "with a slash in it",
			files: call("git::https://u:hun/ter2@h.example/x.git"),
			want:  []string{`main.tf:2:12-2:53 a credential`},
		},
		row{
			name:  "in a computed source",
			files: "module \"m\" {\n  source = \"git::https://oauth2:" + token + "@h.example/${var.x}.git?ref=${var.v}\"\n}\n",
			want:  []string{`main.tf:2:33-2:59 a password`},
		},
		row{
			name:  "in a computed source of several lines",
			files: "-- terragrunt.hcl --\nterraform {\n  source = format(\"%s\",\n    \"git::https://oauth2:" + token + "@h.example/x.git\")\n}\n",
			want:  []string{`terragrunt.hcl:2:12-3:70 a password`},
		},
		row{
			name:  "in one branch of a conditional",
			files: "-- terragrunt.hcl --\nterraform {\n  source = local.x ? \"./a\" : \"git::https://oauth2:" + token + "@h.example/x.git\"\n}\n",
			want:  []string{`terragrunt.hcl:2:51-2:77 a password`},
		},
		pass("git@host", "git@h.example:a/b.git?ref=v1.2.3"),
		pass("ssh with a user", "git::ssh://git@h.example:22/a/b.git?ref=v1.2.3"),
		pass("ssh with a long user", "git::ssh://APKAEIBAERJR2EXAMPLE1234@git-codecommit.eu-west-1.amazonaws.com/v1/repos/x"),
		pass("https with a user", "git::https://git@h.example/a/b.git"),
		pass("the user that Azure DevOps writes", "git::https://my-organisation@dev.azure.com/my-organisation/p/_git/vpc"),
		pass("a user without a password", "git::https://deploy:@h.example/a/b.git"),
		pass("a placeholder", "git::https://oauth2:<token>@h.example/a/b.git"),
		pass("the name of a variable", "git::https://oauth2:GITLAB_TOKEN@h.example/a/b.git"),
		pass("a variable of the shell", "git::https://$USER:$TOKEN@h.example/a/b.git"),
		pass("nothing but a placeholder in a parameter", "git@h.example:x.git?sshkey=<key>"),
		pass("an empty parameter", "git@h.example:x.git?sshkey=&ref=v1.2.3"),
		pass("an @ in the path", "git::https://h.example/a/b@c:d.git"),
		pass("an @ in a ref", "git::https://h.example/a/b.git?ref=vpc@1.2.3"),
		pass("an @ behind a colon in a ref", "git::https://h.example:8443/a/b.git?ref=a@b"),
		pass("another parameter", "git::https://h.example/a/b.git?ref=keyring&depth=1"),
		pass("a path with such words", "git::https://h.example/tokens/secret=x.git//password?ref=v1.2.3"),
		pass("a local path", "./modules/@scope:x@y"),
		row{name: "interpolated", files: "module \"m\" {\n  source = \"git::https://oauth2:${var.token}@h.example/a.git?token=${var.token}\"\n}\n"},
		row{name: "terragrunt's environment", files: "-- terragrunt.hcl --\nterraform {\n  source = \"git::https://oauth2:${get_env(\"TOKEN\")}@h.example/a.git\"\n}\n"},
	))
}

// TestNothingPrintsCredentials: no finding of any rule holds one.
func TestNothingPrintsCredentials(t *testing.T) {
	const secret = "hunter2SECRET9"
	for _, source := range []string{
		"git::https://u:" + secret + "@h.example/x.git", "git::http://" + secret + "0123456789abcdef@h.example/x.git?ref=main", "git::u:" + secret + "@h.example:x.git",
		"git::https://u:" + secret + "/x@h.example/x.git", "https://u:" + secret + "@h.example/x", "ssh://u:" + secret + "@h.example/x.git",
		"foo::https://u:" + secret + "@h.example/x", "git::ext::sh -c x?password=" + secret, "u:" + secret + "@h.example/x", "git::https://h.example/x?sshkey=" + secret + "&ref=--x",
		"git::https://h.example/x?ref=v1;sshkey=" + secret, "git::https://h.example/x?depth=1&token=" + secret + "&ref=" + sha,
	} {
		for name, files := range map[string]string{
			"main.tf":  call(source),
			"computed": call(source + "${var.x}"),
			"json":     "-- main.tf.json --\n{\"module\": {\"m\": {\"source\": \"" + source + "\"}}}\n",
			"hcl":      "-- terragrunt.hcl --\nterraform {\n  source = \"" + source + "${local.x}\"\n}\n",
		} {
			in := input(files)
			in.Settings.Rules = map[string]lint.RuleSettings{"disallowed-host": {Hosts: []string{"other.example", "h.example/y"}}}
			found := lint.Run(in, All)
			if len(found) == 0 {
				t.Errorf("%s in %s: nothing is found", source, name)
			}
			for _, f := range found {
				if strings.Contains(strings.ToLower(f.Summary+f.Detail+f.Subject), strings.ToLower(secret)) {
					t.Errorf("%s in %s is printed by %s: %s / %s / %s", source, name, f.Rule, f.Summary, f.Detail, f.Subject)
				}
			}
		}
	}
}
