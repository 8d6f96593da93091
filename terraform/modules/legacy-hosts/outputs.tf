output "agent_configurations" {
  description = "The CloudWatch Agent's configuration of each class of hosts, JSON."
  value       = local.agent
}

output "parameters" {
  description = "Names of the SSM parameters by class of hosts."
  value       = { for class, parameter in aws_ssm_parameter.agent : class => parameter.name }
}

output "host_policy_arn" {
  description = "ARN of the policy that the hosts' instance profile needs beside AmazonSSMManagedInstanceCore."
  value       = aws_iam_policy.host.arn
}

output "log_groups" {
  description = "Log groups that the agents write, by name."
  value       = sort(keys(aws_cloudwatch_log_group.legacy))
}
