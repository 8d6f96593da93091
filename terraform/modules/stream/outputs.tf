output "names" {
  description = "Names of the streams by lane."
  value       = { for lane, stream in aws_kinesis_stream.lane : lane => stream.name }
}

output "arns" {
  description = "ARNs of the streams by lane, known when CloudWatch Logs may write to them and Lambda reads them."
  value       = { for lane, stream in aws_kinesis_stream.lane : lane => stream.arn }
  depends_on  = [aws_iam_role_policy.logs, aws_lambda_event_source_mapping.lane]
}

output "role_arn" {
  description = "ARN of the role in whose name CloudWatch Logs writes to the streams."
  value       = aws_iam_role.logs.arn
  depends_on  = [aws_iam_role_policy.logs]
}
