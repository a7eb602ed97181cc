# Not Terraform

module "x" {
  source = "../y"
