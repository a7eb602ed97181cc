package rules

import "testing"

func TestUnpinnedSource(t *testing.T) {
	open := func(name, source, summary string) row {
		return row{name: name, files: call(source), want: []string{on(call(source), "main.tf", `"`+source+`"`, summary)}}
	}
	closed := func(name, source string) row { return row{name: name, files: call(source)} }
	const h = "https://h.example/"
	table(t, unpinnedSource, append(everywhere("git::https://h.example/vpc.git//x?depth=1", `"git::https://h.example/vpc.git//x?depth=1"`, "has no ref"),
		open("an empty ref is none", "github.com/a/vpc?depth=1&ref=", `Module "m" has no ref`),
		open("a ref that does not decode", "github.com/a/vpc?ref=%zz", "has no ref"),
		open("a ref in the fragment", "git::https://h.example/vpc#?ref=v1.2.3", "has no ref"),
		open("another parameter with ref at its end", "github.com/a/vpc?xref=v1.2.3", "has no ref"),
		open("git@host", "git@github.com:a/vpc.git", "has no ref"),
		open("a gitlab address", "gitlab.com/a/vpc", "has no ref"),
		open("a file URL", "git::file:///srv/vpc.git", "has no ref"),
		open("git without a user", "git::h.example:a/vpc.git", "has no ref"),
		open("Mercurial", "hg::http://h.example/vpc.hg", "has no rev"),
		closed("depth before ref", "github.com/a/vpc?depth=1&ref=v1.2.3"),
		closed("an encoded name", "github.com/a/vpc?%72ef=v1.2.3"),
		closed("the second of two", "github.com/a/vpc?depth=1&ref=v1.2.3&ref="),
		closed("a branch is another rule's", "github.com/a/vpc?ref=main"),
		closed("Mercurial at a revision", "hg::http://h.example/vpc.hg?rev="+sha),
		row{
			name:  "in a heredoc",
			files: "locals {\n  x = <<-E\n    module \"vpc\" {\n      source = \"github.com/a/vpc\"\n    }\n  E\n}\n",
		},
		row{
			name:  "a local module, and one of a registry",
			files: "module \"a\" {\n  source = \"./a\"\n}\nmodule \"b\" {\n  source = \"a/b/aws\"\n}\n-- a/main.tf --\n",
		},

		// Archives and objects.
		open("an archive", h+"vpc-module.zip", "is an archive without a version"),
		open("an archive of a branch", "https://github.com/a/b/archive/refs/heads/release-1.2.3.zip", "is an archive of a branch"),
		open("an archive of the default branch", "https://github.com/a/b/archive/main.tar.gz//x", "is an archive of a branch"),
		open("a vanity address", h+"vpc", "is an archive without a version"),
		open("a checksum that is read from a file", h+"vpc.zip?checksum=file:https://h.example/sums", "is an archive without a version"),
		open("an empty checksum", h+"vpc.zip?checksum=", "is an archive without a version"),
		open("a version in the fragment", h+"vpc.zip#1.2.3", "is an archive without a version"),
		open("a host with numbers", "https://10.1.2.3/vpc.zip", "is an archive without a version"),
		open("S3", "s3::https://s3-eu-west-1.amazonaws.com/bucket/vpc.zip", "is an object without a version"),
		open("S3, with the parameter of S3 itself", "s3::https://s3-eu-west-1.amazonaws.com/bucket/vpc.zip?versionId=x", "is an object without a version"),
		open("S3 without its getter", "bucket.s3.eu-west-1.amazonaws.com/vpc.zip", "is an object without a version"),
		open("Google Cloud Storage", "gcs::https://www.googleapis.com/storage/v1/bucket/vpc.zip", "is an object without a version"),
		open("a generation in the query", "gcs::https://www.googleapis.com/storage/v1/bucket/vpc.zip?generation=17", "is an object without a version"),
		open("a directory of this machine", "/srv/modules/vpc", "is a path of this machine"),
		open("by its URL", "file:///etc", "is a path of this machine"),
		open("the version of an interface", h+"api/v4/projects/1/vpc.zip", "is an archive without a version"),
		closed("a version in the name", h+"vpc-1.2.3.zip"),
		closed("a version in the path", h+"v1.2.3/vpc.zip//x"),
		closed("a version of two numbers", h+"vpc/1.2/vpc.tgz"),
		closed("a date", h+"vpc/20240115/vpc.zip"),
		closed("a commit", h+"vpc/"+sha+".zip"),
		closed("a tag of github", "https://github.com/a/b/archive/refs/tags/v1.2.3.tar.gz"),
		closed("a checksum", h+"vpc.zip?archive=zip&checksum=sha256:"+sha+sha[:24]),
		closed("an object's version", "s3::https://s3-eu-west-1.amazonaws.com/bucket/vpc.zip?version=3sL4kqtJlcpXro"),
		closed("S3 by plain https", "https://bucket.s3.eu-west-1.amazonaws.com/vpc.zip?versionId=3sL4kqtJlcpXro"),
		closed("a generation", "gcs::https://www.googleapis.com/storage/v1/bucket/vpc.zip#1360887697105000"),
		closed("Google Cloud Storage by plain https", "https://storage.googleapis.com/bucket/vpc.zip?generation=1360887697105000"),
		closed("git without its getter is another rule's", h+"vpc.git"),
		closed("what is no address is another rule's", "modules/vpc"),
	))
}
