# Alarms of the contracts' owners and of the pipeline itself. All go to one encrypted topic; `notify` sends those of one
# owner further.

locals {
  alarms_file = "${var.filters}/alarms.json"
  # An alarm that could never have data here, such as the canary's where none is written, is not made.
  alarms_read = [for alarm in try(jsondecode(file(local.alarms_file)).alarms, []) : alarm if contains(concat(["always"], var.there), coalesce(try(alarm.when, null), "always"))]

  targets = {
    forwarder    = [for name in var.forwarders : { suffix = name, dimensions = { FunctionName = name } }]
    function     = [for name in var.functions : { suffix = name, dimensions = { FunctionName = name } }]
    log          = [for name in var.functions : { suffix = name, dimensions = { LogGroupName = "/logharbor/${name}" } }]
    stream       = [for name in var.streams : { suffix = name, dimensions = { StreamName = name } }]
    subscription = [{ suffix = var.filter_name, dimensions = { FilterName = var.filter_name } }]
    once         = [{ suffix = "", dimensions = {} }]
  }

  # The pipeline's own metrics say whose they are: another pipeline of the account has its own.
  alarms = merge([for alarm in local.alarms_read : {
    for target in local.targets[coalesce(try(alarm.for_each, null), "once")] :
    join("-", compact([var.name, alarm.name, target.suffix])) => merge(alarm, {
      dimensions   = merge(try(alarm.dimensions, {}), target.dimensions, alarm.namespace == "Logharbor" ? { Pipeline = var.name } : {})
      subscription = try(alarm.for_each, null) == "subscription"
    })
  }]...)

  percentiles = { for key, alarm in local.alarms : key => can(regex("^(p|tm|wm|tc|ts|pr|iqm)", lower(alarm.statistic))) }
}

resource "aws_cloudwatch_metric_alarm" "event" {
  for_each            = local.alarms
  alarm_name          = each.key
  alarm_description   = join("\n\n", compact([each.value.description, try("Owner: ${each.value.owner}", ""), try("Runbook: ${each.value.runbook}", "")]))
  comparison_operator = each.value.comparison_operator
  threshold           = each.value.threshold
  evaluation_periods  = each.value.evaluation_periods
  datapoints_to_alarm = try(each.value.datapoints_to_alarm, null)
  treat_missing_data  = try(each.value.treat_missing_data, "missing")

  metric_name        = each.value.subscription ? null : each.value.metric
  namespace          = each.value.subscription ? null : each.value.namespace
  period             = each.value.subscription ? null : each.value.period
  statistic          = each.value.subscription || local.percentiles[each.key] ? null : each.value.statistic
  extended_statistic = each.value.subscription || !local.percentiles[each.key] ? null : each.value.statistic
  dimensions         = each.value.subscription ? null : each.value.dimensions
  unit               = each.value.subscription ? null : try(each.value.unit, null)

  # Log groups come and go with the sweep, so an alarm for each would always be behind: one query is over all of them.
  dynamic "metric_query" {
    for_each = each.value.subscription ? [each.value] : []
    content {
      id          = "all"
      label       = metric_query.value.metric
      period      = metric_query.value.period
      return_data = true
      expression  = "SELECT ${upper(metric_query.value.statistic)}(${metric_query.value.metric}) FROM \"${metric_query.value.namespace}\" WHERE FilterName = '${var.filter_name}'"
    }
  }

  alarm_actions = local.actions[each.key]
  ok_actions    = local.actions[each.key]
  tags          = var.tags

  lifecycle {
    precondition {
      condition     = contains([10, 20, 30], each.value.period) || each.value.period % 60 == 0 && each.value.period > 0
      error_message = "alarms.json, ${each.key}: a period of ${each.value.period} seconds; CloudWatch knows 10, 20, 30 and multiples of 60. Change the contract's alarm, then run `logharbor filters build`."
    }
    precondition {
      condition     = each.value.period * each.value.evaluation_periods <= (each.value.period >= 3600 ? 604800 : 86400)
      error_message = "alarms.json, ${each.key}: ${each.value.evaluation_periods} periods of ${each.value.period} seconds; CloudWatch looks back a day, or seven where a period is an hour or longer. Change the contract's alarm."
    }
    precondition {
      condition     = try(each.value.datapoints_to_alarm, null) == null ? true : each.value.datapoints_to_alarm <= each.value.evaluation_periods
      error_message = "alarms.json, ${each.key}: more data points to alarm than periods. Change the contract's alarm."
    }
    precondition {
      condition     = length(each.key) <= 255
      error_message = "alarms.json: the alarm's name ${each.key} has more than 255 characters. Shorten it, or the pipeline's name."
    }
  }
}

locals {
  actions = { for key, alarm in local.alarms : key => distinct(concat(
    [aws_sns_topic.alarms.arn], var.alarm_actions, try(var.notify[alarm.notify], []),
  )) }
  unknown_notify = setsubtract(toset([for alarm in local.alarms_read : alarm.notify if try(alarm.owner, "") != "platform" && try(alarm.notify, null) != null]), keys(var.notify))
}

check "everybody_is_told" {
  assert {
    condition     = length(local.unknown_notify) == 0
    error_message = "Alarms name ${join(", ", local.unknown_notify)}, and the variable `notify` does not: they go to the alarm topic alone. Add each name with the ARNs that are to be told."
  }
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.operations_key_arn
  tags              = var.tags
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alarms.arn
        Condition = {
          StringEquals = { "aws:SourceAccount" = [var.account] }
          ArnLike      = { "aws:SourceArn" = ["arn:${var.partition}:cloudwatch:${var.region}:${var.account}:alarm:${var.name}-*"] }
        }
      },
      {
        Sid       = "OnlyEncrypted"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alarms.arn
        Condition = { Bool = { "aws:SecureTransport" = ["false"] } }
      },
    ]
  })
}
