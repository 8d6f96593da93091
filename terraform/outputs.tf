output "functions" {
  description = "Names of the functions: the forwarder of each lane, prepare, subscribe."
  value = merge(
    { for lane, forwarder in module.forwarder : "forward-${lane}" => forwarder.name },
    { prepare = module.prepare.name, subscribe = module.subscriptions.function_name },
  )
}

output "live_versions" {
  description = "By lane: the version that this apply published, and the one that the alias `live` names."
  value       = { for lane, forwarder in module.forwarder : lane => { published = forwarder.version, live = forwarder.live_version } }
}

output "own_log_groups" {
  description = "Log groups of the functions themselves: receipts, and what went wrong."
  value = concat(
    [for forwarder in values(module.forwarder) : forwarder.log_group],
    [module.prepare.log_group, module.subscriptions.function_log_group],
  )
}

output "streams" {
  description = "Names of the Kinesis streams by lane; empty in mode direct."
  value       = try(module.stream[0].names, {})
}

output "stream_arns" {
  description = "ARNs of the Kinesis streams by lane, for hosts that write into them; empty in mode direct."
  value       = try(module.stream[0].arns, {})
}

output "payloads_key_arn" {
  description = "ARN of the key that encrypts streams, dead letters and legacy log groups: who writes into a stream needs kms:GenerateDataKey."
  value       = local.payloads_key_arn
}

output "dead_letter_bucket" {
  description = "Bucket of what sinks refused and of what must come again, as pipeline.yaml names it."
  value       = aws_s3_bucket.own["dead_letters"].bucket
}

output "failed_bucket" {
  description = "Bucket of the invocations and records that Lambda gave up."
  value       = aws_s3_bucket.own["failed"].bucket
}

output "reader_role_arn" {
  description = "ARN of the role that may read payloads as they came; null without `readers`."
  value       = one(aws_iam_role.reader[*].arn)
}

output "log_groups" {
  description = "What is covered: the log groups that Terraform subscribed, and the globs that the sweep subscribes."
  value       = { exact = module.subscriptions.log_groups, globs = tolist(local.globs) }
}

output "filter_name" {
  description = "Name of the subscription filters of this pipeline."
  value       = module.subscriptions.filter_name
}

output "canary_log_group" {
  description = "Log group of the canary; null without one."
  value       = module.subscriptions.canary_log_group
}

output "destination_arns" {
  description = "By lane, what log groups of other accounts subscribe to; empty without `senders`."
  value       = module.subscriptions.destination_arns
}

output "alarm_topic_arn" {
  description = "ARN of the topic that every alarm tells: subscribe people to it."
  value       = module.observability.alarm_topic_arn
}

output "metric_filters" {
  description = "Metric filters by file and log group."
  value       = module.observability.metric_filters
}

output "dashboard_url" {
  description = "Address of the pipeline's dashboard."
  value       = module.observability.dashboard_url
}

output "legacy_host_policy_arn" {
  description = "ARN of the policy that the instance profiles of legacy hosts need; null without `legacy_hosts`."
  value       = one(module.legacy_hosts[*].host_policy_arn)
}

output "prepared" {
  description = "What prepare answered: JSON that says what it did to each sink."
  value       = module.prepare.result
}
