terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source                = "hashicorp/aws"
      version               = "~> 5.0"
      configuration_aliases = [aws, aws.east]
    }
    random = "~> 3.0"
  }
}

locals {
  zeta = var.cidr
  alpha = { a = 1 }
}

resource "aws_vpc" "this" {
  cidr_block = var.cidr
  tags       = local.alpha
}

data "aws_region" "now" {}

ephemeral "random_password" "p" {
  length = 3
}

module "subnets" {
  source = "../subnets"
  count  = 2
  vpc_id = aws_vpc.this.id
}
