variable "cidr" {
  type        = string
  description = "the range"
}

variable "names" {
  type     = list(string)
  default  = ["a", "b"]
  nullable = false
}

variable "token" {
  sensitive = true
  ephemeral = true
  const     = true
}
