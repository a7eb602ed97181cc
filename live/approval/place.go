package approval

import (
	"context"
	"strings"

	"github.com/terrier-iac/terrier/live/store"
)

// A place is where terrier runs.
type place string

const (
	atHome   place = ""
	inGitLab place = "gitlab"
	inGitHub place = "github"
)

// foreign are variables of CI systems whose record is not read, with their names.
var foreign = [][2]string{
	{"GITEA_ACTIONS", "Gitea Actions"}, {"FORGEJO_ACTIONS", "Forgejo Actions"}, {"JENKINS_URL", "Jenkins"}, {"BUILDKITE", "Buildkite"},
	{"TF_BUILD", "Azure Pipelines"}, {"BITBUCKET_BUILD_NUMBER", "Bitbucket Pipelines"}, {"CIRCLECI", "CircleCI"}, {"TEAMCITY_VERSION", "TeamCity"},
	{"CODEBUILD_BUILD_ID", "CodeBuild"}, {"ATLANTIS_TERRAFORM_VERSION", "Atlantis"}, {"SPACELIFT", "Spacelift"}, {"TFC_RUN_ID", "HCP Terraform"},
}

// placeOf tells where terrier runs. Gitea and Forgejo set the variables of
// GitHub's, too, and come first. CI alone tells nothing: shells, containers and
// tools set it on people's own machines.
func placeOf(getenv func(string) string) place {
	for _, f := range foreign {
		if truthy(getenv(f[0])) {
			return place(f[1])
		}
	}
	switch {
	case truthy(getenv("GITLAB_CI")):
		return inGitLab
	case truthy(getenv("GITHUB_ACTIONS")):
		return inGitHub
	case getenv("CI_JOB_TOKEN") != "", getenv("ACTIONS_RUNTIME_TOKEN") != "":
		return "this CI"
	}
	return atHome
}

func truthy(s string) bool {
	return s != "" && s != "0" && !strings.EqualFold(s, "false")
}

// CI is the job that this is, as the environment has it, for the manifest of a
// run; nil outside of GitLab's and GitHub's CI. It proves nothing: Approvals asks
// the forge.
func CI(getenv func(string) string) *store.CI {
	switch placeOf(getenv) {
	case inGitLab:
		return &store.CI{
			Forge: string(inGitLab), Project: getenv("CI_PROJECT_PATH"), Pipeline: getenv("CI_PIPELINE_ID"), Job: getenv("CI_JOB_ID"),
			URL: getenv("CI_JOB_URL"), UserID: getenv("GITLAB_USER_ID"), User: getenv("GITLAB_USER_LOGIN"),
		}
	case inGitHub:
		url := ""
		if server := getenv("GITHUB_SERVER_URL"); server != "" {
			url = server + "/" + getenv("GITHUB_REPOSITORY") + "/actions/runs/" + getenv("GITHUB_RUN_ID")
		}
		return &store.CI{
			Forge: string(inGitHub), Project: getenv("GITHUB_REPOSITORY"), Pipeline: getenv("GITHUB_RUN_ID"), Job: getenv("GITHUB_JOB"),
			URL: url, UserID: getenv("GITHUB_ACTOR_ID"), User: getenv("GITHUB_ACTOR"),
		}
	}
	return nil
}

// unknown is CI whose record terrier does not read.
type unknown place

func (u unknown) Approvals(context.Context, Want) (*Record, error) {
	return nil, refuse("apply from GitLab's or GitHub's CI, or from a person's own machine", "%s keeps no record of approvals that terrier reads, and what a job writes itself proves nothing", string(u))
}
