# Mode stream: a Kinesis stream and its event source mapping for each lane, and the role in whose name CloudWatch Logs writes.

resource "aws_kinesis_stream" "lane" {
  for_each         = var.lanes
  name             = "${var.name}-${each.key}"
  retention_period = var.settings.retention_hours
  shard_count      = var.settings.shards
  encryption_type  = "KMS"
  kms_key_id       = var.payloads_key_arn
  tags             = merge(var.tags, { "logharbor:lane" = each.key })

  stream_mode_details {
    stream_mode = var.settings.shards == null ? "ON_DEMAND" : "PROVISIONED"
  }
}

resource "aws_lambda_event_source_mapping" "lane" {
  for_each                           = var.lanes
  event_source_arn                   = aws_kinesis_stream.lane[each.key].arn
  function_name                      = each.value.alias_arn
  starting_position                  = "TRIM_HORIZON" # what is written before the mapping works is read too
  batch_size                         = var.settings.batch_size
  maximum_batching_window_in_seconds = var.settings.batch_window_s
  parallelization_factor             = var.settings.parallelization_factor
  bisect_batch_on_function_error     = true
  function_response_types            = ["ReportBatchItemFailures"]
  maximum_retry_attempts             = var.settings.retries
  maximum_record_age_in_seconds      = var.settings.record_age_s
  tags                               = var.tags

  # No filter_criteria: Lambda reads them as JSON, the records are gzip, and all would be dropped.
  destination_config {
    on_failure {
      destination_arn = var.failed_bucket_arn
    }
  }
}

resource "aws_iam_role" "logs" {
  name        = "${var.name}-logs-to-stream"
  description = "Logharbor: CloudWatch Logs writes subscribed events into the streams"
  tags        = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "logs.amazonaws.com" }
      Condition = {
        StringLike = { "aws:SourceArn" = [for account in distinct(concat([var.account], var.sender_accounts)) : "arn:${var.partition}:logs:${var.region}:${account}:*"] }
      }
    }]
  })
}

resource "aws_iam_role_policy" "logs" {
  name = "logharbor"
  role = aws_iam_role.logs.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Stream", Effect = "Allow", Action = ["kinesis:PutRecord"], Resource = [for lane in sort(keys(var.lanes)) : aws_kinesis_stream.lane[lane].arn] },
      { Sid = "Payloads", Effect = "Allow", Action = ["kms:GenerateDataKey"], Resource = [var.payloads_key_arn] },
    ]
  })
}
