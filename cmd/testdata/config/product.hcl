modules {
  source  = "git::ssh://git@gitlab.example.com/terraform/${name}.git" # what callers get; ?ref= is added
  remote  = "ssh://git@gitlab.example.com/terraform/${name}.git"      # where push goes; default: from source
  tag     = "v${version}"
  version = "1.0.0"                                                   # the first release
  layout  = "repository-per-module"                                   # or "one-repository", "in-place"
}
live {
  remote = "ssh://git@gitlab.example.com/live/${name}.git"
}
module "modules/vpc" { # exceptions, by path: name, group, keep
  name = "aws-vpc"
}
stack "live/shared/*" { # what rules R1 to R9 cannot see: role, environment, after
  role  = "stack"
  after = ["live/shared/dns"]
}
environment "sandbox" {
  stacks  = ["live/sandbox/**"]
  account = "sandbox"
}
environment "prod" {
  stacks         = ["live/prod/**"]
  account        = "prod"
  after          = ["sandbox"]
  repo           = "live-prod" # its own live repository when split
  approvals      = 1           # how many an apply needs; default 0
  workspace      = "prod"      # where one code serves several environments
  var_files      = ["prod.tfvars"]
  backend_config = ["prod.s3.tfbackend"]
}
account "sandbox" {
  id = "222222222222"
}
account "prod" {
  id         = "111111111111"
  also       = ["333333333333"] # accounts that its providers may reach as well
  plan_role  = "arn:aws:iam::111111111111:role/terrier-plan"
  apply_role = "arn:aws:iam::111111111111:role/terrier-apply"
}
guards { # also inside an environment, where it can be stricter
  protect     = ["aws_db_instance", "aws_s3_bucket.logs"] # types or addresses
  max_destroy = 3
}
