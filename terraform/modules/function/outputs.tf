output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.own.function_name
}

output "arn" {
  description = "ARN of the function, without a version."
  value       = aws_lambda_function.own.arn
}

output "version" {
  description = "The version that this apply published."
  value       = aws_lambda_function.own.version
}

output "role_arn" {
  description = "ARN of the function's role."
  value       = aws_iam_role.own.arn
}

output "log_group" {
  description = "Name of the function's own log group."
  value       = aws_cloudwatch_log_group.own.name
}
