module "crlf" {
  source = "../../modules/vpc"
}
