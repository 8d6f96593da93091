# The function that makes the sinks ready, and its invocation whenever the contracts or its code change. A refusal
# fails the apply here, before a forwarder has the new contracts and before a log group is subscribed.

module "function" {
  source             = "../function"
  name               = "${var.name}-prepare"
  description        = "Logharbor: makes the sinks ready for the contracts"
  code               = var.code
  memory_mb          = 512
  timeout_s          = 300
  layers             = concat([var.contracts_layer_arn], var.layers)
  environment        = merge(var.environment, { LOGHARBOR_NAME = var.name })
  statements         = var.secret_statements
  vpc                = var.vpc
  log_retention_days = var.log_retention_days
  kms_key_arn        = var.operations_key_arn
  partition          = var.partition
  region             = var.region
  account            = var.account
  tags               = var.tags
}

resource "aws_lambda_invocation" "sinks" {
  function_name = module.function.name
  # Names and hashes only: the input lies in the state.
  input = jsonencode({
    bundle = var.bundle_sha256
    code   = var.code.hash
  })
}
