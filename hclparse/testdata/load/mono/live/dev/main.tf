terraform {
  cloud {
    organization = "acme"
    workspaces {
      name = "w"
    }
  }
}