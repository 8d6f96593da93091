output "name" {
  description = "Name of the function."
  value       = module.function.name
}

output "log_group" {
  description = "Name of the function's own log group."
  value       = module.function.log_group
}

output "ready_layer_arn" {
  description = "The contracts layer, known only when the sinks are ready for it: who takes it from here waits."
  value       = var.contracts_layer_arn
  depends_on  = [aws_lambda_invocation.sinks]
}

output "result" {
  description = "What prepare answered: JSON."
  value       = aws_lambda_invocation.sinks.result
}
