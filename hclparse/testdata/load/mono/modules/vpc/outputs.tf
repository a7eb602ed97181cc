output "id" {
  description = "its id"
  value       = aws_vpc.this.id
}

output "token" {
  value     = var.token
  sensitive = true
  ephemeral = true
}
