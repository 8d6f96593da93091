# What makes log groups deliver to the lanes. Groups named exactly are Terraform's, keyed by their name; those that a
# glob covers are the function's (subscribe.tf), because they come and go without an apply.

locals {
  role_arn = var.mode == "direct" ? null : var.role_arn # AWS refuses a role for a Lambda destination

  # One statement covers every log group: a permission for each would fill the 20 KB of a function's policy with 50 groups.
  source_arn = "arn:${var.partition}:logs:${var.region}:${var.account}:log-group:*:*"
}

resource "aws_lambda_permission" "logs" {
  for_each       = var.functions
  statement_id   = "logharbor-cloudwatch-logs"
  action         = "lambda:InvokeFunction"
  function_name  = each.value.name
  qualifier      = each.value.alias
  principal      = "logs.amazonaws.com"
  source_account = var.account
  source_arn     = local.source_arn
}

resource "aws_cloudwatch_log_subscription_filter" "exact" {
  for_each        = var.log_groups
  name            = var.name
  log_group_name  = each.key
  filter_pattern  = ""
  destination_arn = var.destinations[each.value]
  role_arn        = local.role_arn
  distribution    = var.mode == "direct" ? null : "ByLogStream" # the order within a log stream is kept

  # CloudWatch calls the destination when a filter is put: the permission comes first.
  depends_on = [aws_lambda_permission.logs]
}

# The canary's group has a filter for each lane, so that the lag of both is measured. It is not under /logharbor/, which
# nothing ever subscribes.
resource "aws_cloudwatch_log_group" "canary" {
  #checkov:skip=CKV_AWS_338:A canary says only when it was written; a day is enough.
  count             = var.canary ? 1 : 0
  name              = "/logharbor-canary/${var.name}"
  retention_in_days = 1
  kms_key_id        = var.operations_key_arn
  tags              = var.tags
}

resource "aws_cloudwatch_log_subscription_filter" "canary" {
  for_each = var.canary ? var.destinations : {}
  # A name of its own: the sweep removes filters of the pipeline's name from a group that has another one of ours.
  name            = "${var.name}-canary-${each.key}"
  log_group_name  = aws_cloudwatch_log_group.canary[0].name
  filter_pattern  = ""
  destination_arn = each.value
  role_arn        = local.role_arn
  distribution    = var.mode == "direct" ? null : "ByLogStream"
  depends_on      = [aws_lambda_permission.logs]
}
