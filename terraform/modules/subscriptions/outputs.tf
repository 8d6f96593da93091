output "log_groups" {
  description = "Log groups that Terraform subscribed, by name."
  value       = sort(keys(aws_cloudwatch_log_subscription_filter.exact))
}

output "filter_name" {
  description = "Name of the subscription filters, Terraform's and the function's."
  value       = var.name
}

output "function_name" {
  description = "Name of the function that subscribes what globs cover."
  value       = module.function.name
}

output "function_log_group" {
  description = "Name of the function's own log group."
  value       = module.function.log_group
}

output "destination_arns" {
  description = "By lane, what log groups of other accounts subscribe to; empty without senders."
  value       = { for lane, destination in aws_cloudwatch_log_destination.lane : lane => destination.arn }
}

output "canary_log_group" {
  description = "Log group of the canary; null without one."
  value       = one(aws_cloudwatch_log_group.canary[*].name)
}
