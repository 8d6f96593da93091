output "name" {
  description = "Name of the lane's function."
  value       = module.function.name
}

output "alias_arn" {
  description = "ARN of the alias `live`, which subscriptions and mappings name."
  value       = aws_lambda_alias.live.arn
}

output "alias" {
  description = "Name of the alias."
  value       = aws_lambda_alias.live.name
}

output "version" {
  description = "The version that this apply published; the alias may name an older one."
  value       = module.function.version
}

output "live_version" {
  description = "The version that the alias names."
  value       = aws_lambda_alias.live.function_version
}

output "log_group" {
  description = "Name of the function's own log group."
  value       = module.function.log_group
}
