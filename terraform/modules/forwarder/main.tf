# One lane: a function, the alias that everything calls it by, and what happens to an asynchronous invocation that fails.

module "function" {
  source               = "../function"
  name                 = "${var.name}-forward-${var.lane}"
  description          = "Logharbor: forwards the ${var.lane} lane to its sinks"
  code                 = var.code
  memory_mb            = var.memory_mb
  timeout_s            = var.timeout_s
  reserved_concurrency = var.reserved_concurrency
  layers               = var.layers
  publish              = true
  environment          = merge(var.environment, { LOGHARBOR_NAME = var.name, LOGHARBOR_LANE = var.lane })
  statements           = local.statements
  vpc                  = var.vpc
  log_retention_days   = var.log_retention_days
  kms_key_arn          = var.operations_key_arn
  partition            = var.partition
  region               = var.region
  account              = var.account
  tags                 = merge(var.tags, { "logharbor:lane" = var.lane })
}

locals {
  statements = concat(
    [
      {
        sid       = "DeadLetters"
        actions   = ["s3:PutObject"]
        resources = [for kind in ["dead", "returned", "undecoded", "unbalanced"] : "${var.dead_letters.bucket_arn}/${var.dead_letters.prefix}${kind}/*"]
      },
      {
        # Lambda itself writes what failed, in the name of this role.
        sid       = "Failed"
        actions   = ["s3:PutObject"]
        resources = ["${var.failed_bucket_arn}/aws/lambda/*"]
      },
      {
        sid       = "FailedBucket"
        actions   = ["s3:ListBucket"]
        resources = [var.failed_bucket_arn]
      },
      {
        sid       = "Payloads"
        actions   = concat(["kms:GenerateDataKey"], var.mode == "direct" ? [] : ["kms:Decrypt"])
        resources = [var.payloads_key_arn]
      },
    ],
    var.mode == "direct" ? [] : [
      {
        sid       = "Stream"
        actions   = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
        resources = [var.stream_arn]
      },
      {
        # Lambda asks for it when a mapping is made; Kinesis has no resource to name for it.
        sid       = "Streams"
        actions   = ["kinesis:ListStreams"]
        resources = ["*"]
      },
    ],
    var.secret_statements,
  )
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "What subscriptions and mappings call. Point it at an older version to roll back."
  function_name    = module.function.name
  function_version = coalesce(var.live_version, module.function.version)
}

resource "aws_lambda_function_event_invoke_config" "live" {
  count                        = var.mode == "direct" ? 1 : 0
  function_name                = module.function.name
  qualifier                    = aws_lambda_alias.live.name
  maximum_event_age_in_seconds = var.async.event_age_s
  maximum_retry_attempts       = var.async.retries

  destination_config {
    on_failure {
      destination = var.failed_bucket_arn
    }
  }
}
