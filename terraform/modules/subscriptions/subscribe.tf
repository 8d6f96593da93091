# The function that subscribes what globs cover: when a log group is created (where a trail exists), every 15 minutes
# in any case, and once now. When it is destroyed it unsubscribes what it subscribed. The same schedule writes the canary.

locals {
  # The function wants both lanes; one that no route names has the other's destination, and no log group.
  both_lanes = { for lane in ["user", "background"] : lane => lookup(var.destinations, lane, values(var.destinations)[0]) }
  any_group  = "arn:${var.partition}:logs:${var.region}:${var.account}:log-group:*"
}

module "function" {
  source      = "../function"
  name        = "${var.name}-subscribe"
  description = "Logharbor: subscribes the log groups that globs cover, and writes the canary"
  code        = var.code
  memory_mb   = 512
  timeout_s   = 300
  # Two sweeps at once would only compete for the five calls a second that CloudWatch Logs allows.
  reserved_concurrency = var.reserve ? 1 : -1
  layers               = [var.contracts_layer_arn]
  environment = merge(
    {
      LOGHARBOR_NAME         = var.name
      LOGHARBOR_FILTER_NAME  = var.name
      LOGHARBOR_DESTINATIONS = jsonencode(local.both_lanes)
    },
    var.mode == "direct" ? {} : { LOGHARBOR_ROLE_ARN = local.role_arn },
    var.canary ? { LOGHARBOR_CANARY_GROUP = aws_cloudwatch_log_group.canary[0].name } : {},
  )
  statements = concat(
    [
      {
        sid        = "Look"
        actions    = ["logs:DescribeLogGroups", "logs:DescribeSubscriptionFilters"]
        resources  = [local.any_group]
        conditions = {}
      },
      {
        # The groups that globs cover are not known before they are there.
        sid        = "Subscribe"
        actions    = ["logs:DeleteSubscriptionFilter", "logs:PutSubscriptionFilter"]
        resources  = [local.any_group]
        conditions = {}
      },
    ],
    var.mode == "direct" ? [] : [{
      sid        = "HandOverRole"
      actions    = ["iam:PassRole"]
      resources  = [local.role_arn]
      conditions = { StringEquals = { "iam:PassedToService" = ["logs.amazonaws.com", "logs.${var.region}.amazonaws.com"] } }
    }],
    var.canary ? [{
      sid        = "Canary"
      actions    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources  = ["${aws_cloudwatch_log_group.canary[0].arn}:*"]
      conditions = {}
    }] : [],
  )
  log_retention_days = var.log_retention_days
  kms_key_arn        = var.operations_key_arn
  partition          = var.partition
  region             = var.region
  account            = var.account
  tags               = var.tags
}

resource "aws_lambda_invocation" "sweep" {
  count         = var.sweep ? 1 : 0
  function_name = module.function.name
  # Terraform tells the function what it does (`tf.action`): on `delete` it unsubscribes what it subscribed.
  lifecycle_scope = "CRUD"
  # A change of routes or destinations sweeps again. No `triggers`: they would delete first, and a gap would open.
  input = jsonencode({
    sweep        = var.name
    routes       = sha256(jsonencode(var.routes))
    destinations = sha256(jsonencode(var.destinations))
  })
  depends_on = [aws_lambda_permission.logs, aws_cloudwatch_log_subscription_filter.exact, aws_cloudwatch_log_subscription_filter.canary]
}

resource "aws_cloudwatch_event_rule" "schedule" {
  count               = var.sweep || var.canary ? 1 : 0
  name                = "${var.name}-sweep"
  description         = "Logharbor: subscribes new log groups and writes the canary"
  schedule_expression = "rate(15 minutes)"
  tags                = var.tags
}

# Without a trail that records management events this rule never matches, and the schedule does the work.
resource "aws_cloudwatch_event_rule" "created" {
  count       = var.sweep ? 1 : 0
  name        = "${var.name}-log-group-created"
  description = "Logharbor: subscribes a log group as soon as it is created"
  event_pattern = jsonencode({
    source      = ["aws.logs"]
    detail-type = ["AWS API Call via CloudTrail"]
    detail      = { eventSource = ["logs.amazonaws.com"], eventName = ["CreateLogGroup"] }
  })
  tags = var.tags
}

locals {
  rules = merge(
    var.sweep || var.canary ? { schedule = aws_cloudwatch_event_rule.schedule[0] } : {},
    var.sweep ? { created = aws_cloudwatch_event_rule.created[0] } : {},
  )
}

resource "aws_cloudwatch_event_target" "subscribe" {
  for_each  = local.rules
  rule      = each.value.name
  target_id = "subscribe"
  arn       = module.function.arn

  retry_policy {
    maximum_event_age_in_seconds = 900 # the next sweep does what this one did not
    maximum_retry_attempts       = 2
  }

  # Destroyed before the invocation that unsubscribes: a sweep after it would subscribe again.
  depends_on = [aws_lambda_invocation.sweep]
}

resource "aws_lambda_permission" "events" {
  for_each      = local.rules
  statement_id  = "logharbor-${each.key}"
  action        = "lambda:InvokeFunction"
  function_name = module.function.name
  principal     = "events.amazonaws.com"
  source_arn    = each.value.arn
}
