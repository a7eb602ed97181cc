terraform {
  backend "s3" {
    bucket  = "state"
    key     = "prod"
    encrypt = true
    retries = 3
    region  = var.region
  }
}

provider "aws" {
  region = "eu-west-1"
}

provider "aws" {
  alias  = "east"
  region = "us-east-1"
}

module "vpc" {
  source    = "../../modules/vpc"
  providers = { aws.east = aws.east }
  cidr      = "10.0.0.0/16"
}

module "registry" {
  source  = "terraform-aws-modules/iam/aws"
  version = "~> 5.1"
}

module "computed" {
  source = "${path.module}/x"
}
