terraform {
  path        = "tofu"
  parallelism = 4
  timeout     = "30m"
}
backend "s3" {
  bucket               = "acme-state"
  key                  = "${environment}/${account}/${stack}/terraform.tfstate"
  region               = "eu-central-1"
  use_lockfile         = true
  dynamodb_table       = "locks"
  kms_key_id           = "alias/state"
  encrypt              = true
  role_arn             = "arn:aws:iam::999999999999:role/state"
  workspace_key_prefix = "env"
  profile              = "admin"
  plan_role            = "arn:aws:iam::999999999999:role/state-read"
  apply_role           = "arn:aws:iam::999999999999:role/state-write"
}
runs {
  keep       = "168h"
  recipients = ["age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm"]
  s3 {
    bucket     = "acme-runs"
    prefix     = "team/terrier"
    region     = "eu-west-1"
    kms_key_id = "arn:aws:kms:eu-west-1:999999999999:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }
}
guards {
  protect     = ["aws_db_instance"]
  max_destroy = 3
  branches    = ["main", "release/*"]
  override    = ["protect", "max_destroy"]
  freeze "christmas" {
    from  = "2026-12-20T00:00:00Z"
    until = "2027-01-04T00:00:00Z"
  }
}
environment "prod" {
  stacks          = ["live/prod/**"]
  account         = "prod"
  approvals       = 2
  approvers       = ["ada@example.com", "grace", "4711"]
  author_approves = false
  backend "s3" {
    bucket       = "acme-state-prod"
    use_lockfile = false
  }
  guards {
    override = []
    branches = ["main"]
    freeze "weekend" {
      days     = ["fri", "sat", "sun"]
      hours    = "18:00-08:00"
      timezone = "Europe/Berlin"
    }
  }
}
account "prod" {
  id = "111111111111"
}
stack "live/dns/*" {
  environment = "prod"
  after       = ["live/prod/net"]
  providers = {
    aws        = "111111111111"
    "aws.dns"  = "333333333333"
    "awscc.x"  = "333333333333"
  }
}
