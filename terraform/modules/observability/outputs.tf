output "alarm_topic_arn" {
  description = "ARN of the topic that every alarm tells: subscribe people to it."
  value       = aws_sns_topic.alarms.arn
}

output "metric_filters" {
  description = "Metric filters by file and log group."
  value       = sort(keys(aws_cloudwatch_log_metric_filter.event))
}

output "alarms" {
  description = "Names of the alarms."
  value       = sort(keys(aws_cloudwatch_metric_alarm.event))
}

output "dashboard_url" {
  description = "Address of the pipeline's dashboard."
  value       = "https://${var.region}.console.aws.amazon.com/cloudwatch/home?region=${var.region}#dashboards:name=${aws_cloudwatch_dashboard.event["${var.name}-pipeline"].dashboard_name}"
}
