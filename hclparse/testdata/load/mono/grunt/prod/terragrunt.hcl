terraform {
  source = local.dev ? "../../modules//vpc" : "git::https://example.com/vpc.git?ref=v1.0.0"
}
