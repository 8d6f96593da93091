# One Lambda function with what belongs to it and to nobody else: its log group, its role, its policy.

resource "aws_cloudwatch_log_group" "own" {
  #checkov:skip=CKV_AWS_338:The retention is the caller's choice (log_retention_days); our own log holds counts, not payloads.
  name              = "/logharbor/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

resource "aws_iam_role" "own" {
  name        = var.name
  description = var.description
  tags        = var.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

locals {
  statements = concat(
    [{
      sid        = "OwnLog"
      actions    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources  = ["${aws_cloudwatch_log_group.own.arn}:*"]
      conditions = {}
    }],
    var.vpc == null ? [] : [
      {
        sid     = "NetworkInterfaces"
        actions = ["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:UnassignPrivateIpAddresses"]
        resources = concat(
          ["arn:${var.partition}:ec2:${var.region}:${var.account}:network-interface/*"],
          # A subnet may be another account's, shared.
          [for subnet in try(var.vpc.subnet_ids, []) : "arn:${var.partition}:ec2:${var.region}:*:subnet/${subnet}"],
          [for group in try(var.vpc.security_group_ids, []) : "arn:${var.partition}:ec2:${var.region}:${var.account}:security-group/${group}"],
        )
        conditions = {}
      },
      {
        # Lambda asks before it attaches the function, and takes one interface by its id, or all of the account's.
        sid        = "NetworkInterfacesDelete"
        actions    = ["ec2:DeleteNetworkInterface"]
        resources  = ["arn:${var.partition}:ec2:${var.region}:${var.account}:*/*"]
        conditions = {}
      },
      {
        # EC2 has no resource to name for these two.
        sid        = "NetworkInterfacesRead"
        actions    = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
        resources  = ["*"]
        conditions = {}
      },
    ],
    var.statements,
  )
}

resource "aws_iam_role_policy" "own" {
  name = "logharbor"
  role = aws_iam_role.own.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in local.statements : merge(
      { Sid = statement.sid, Effect = "Allow", Action = statement.actions, Resource = statement.resources },
      length(statement.conditions) == 0 ? {} : { Condition = statement.conditions },
    )]
  })
}

resource "aws_lambda_function" "own" {
  #checkov:skip=CKV_AWS_116:An on-failure destination in S3 holds the whole payload; a dead-letter queue takes 256 KB of it.
  #checkov:skip=CKV_AWS_117:A VPC is the caller's choice (variable vpc); a public Elasticsearch or Honeycomb needs none.
  #checkov:skip=CKV_AWS_173:Variables hold references and names, never secrets; AWS encrypts them with its own key at rest.
  #checkov:skip=CKV_AWS_50:Tracing every log payload costs more than it tells; receipts and the canary measure the way of an event.
  #checkov:skip=CKV_AWS_272:Code signing needs a profile of the account's own; the zips are reproducible, compare their hashes.
  #checkov:skip=CKV_AWS_115:Reserved concurrency is the caller's choice; preparing and subscribing need none.
  function_name                  = var.name
  description                    = var.description
  role                           = aws_iam_role.own.arn
  filename                       = var.code.zip
  source_code_hash               = var.code.hash
  handler                        = var.code.handler
  runtime                        = var.code.runtime
  architectures                  = [var.code.architecture]
  memory_size                    = var.memory_mb
  timeout                        = var.timeout_s
  layers                         = var.layers
  publish                        = var.publish
  reserved_concurrent_executions = var.reserved_concurrency
  tags                           = var.tags

  environment {
    variables = var.environment
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.own.name
  }

  dynamic "vpc_config" {
    for_each = var.vpc == null ? [] : [var.vpc]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  # A function that starts before its role may write loses its first log lines and may fail in a VPC.
  depends_on = [aws_iam_role_policy.own]
}
