# Log groups of other accounts write to a logical destination, which hands them on to a lane's stream.

locals {
  shared = length(var.senders.accounts) > 0 || var.senders.organization != null ? var.destinations : {}
}

resource "aws_cloudwatch_log_destination" "lane" {
  for_each   = local.shared
  name       = "${var.name}-${each.key}"
  role_arn   = local.role_arn
  target_arn = each.value
  tags       = var.tags
}

resource "aws_cloudwatch_log_destination_policy" "lane" {
  for_each         = local.shared
  destination_name = aws_cloudwatch_log_destination.lane[each.key].name
  access_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      length(var.senders.accounts) == 0 ? [] : [{
        Sid       = "Accounts"
        Effect    = "Allow"
        Principal = { AWS = var.senders.accounts }
        Action    = "logs:PutSubscriptionFilter"
        Resource  = aws_cloudwatch_log_destination.lane[each.key].arn
      }],
      var.senders.organization == null ? [] : [{
        Sid       = "Organization"
        Effect    = "Allow"
        Principal = "*"
        Action    = "logs:PutSubscriptionFilter"
        Resource  = aws_cloudwatch_log_destination.lane[each.key].arn
        Condition = { StringEquals = { "aws:PrincipalOrgID" = [var.senders.organization] } }
      }],
    )
  })
}
