# Two keys, because two sets of people: payloads as they came (few may read them) and our own operation (everybody on call).

locals {
  keys = { for key, brought in var.kms_keys : key => brought if brought == null }

  logs_principal = "logs.${local.region}.amazonaws.com"
  log_arn        = "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:"
  root_statement = {
    Sid       = "AccountAdministrates"
    Effect    = "Allow"
    Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
    Action    = "kms:*"
    Resource  = "*"
  }

  key_statements = {
    # Kinesis, S3 and Lambda use it in the name of roles whose own policies allow it; only CloudWatch Logs comes itself.
    payloads = concat([local.root_statement], length(local.legacy_groups) == 0 ? [] : [{
      Sid       = "LegacyLogGroups"
      Effect    = "Allow"
      Principal = { Service = local.logs_principal }
      Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      Resource  = "*"
      Condition = { ArnEquals = { "kms:EncryptionContext:aws:logs:arn" = [for group in local.legacy_groups : "${local.log_arn}${group}"] } }
    }])
    operations = [
      local.root_statement,
      {
        Sid       = "OwnLogGroups"
        Effect    = "Allow"
        Principal = { Service = local.logs_principal }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = ["${local.log_arn}/logharbor/${var.name}-*", "${local.log_arn}${local.canary_group}"] } }
      },
      {
        # Without it an alarm changes its state and tells nobody.
        Sid       = "AlarmsPublish"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = [local.account] } }
      },
    ]
  }
}

resource "aws_kms_key" "own" {
  for_each                = local.keys
  description             = "Logharbor ${var.name}: ${each.key}"
  enable_key_rotation     = true
  deletion_window_in_days = var.force_destroy ? 7 : 30
  policy                  = jsonencode({ Version = "2012-10-17", Statement = local.key_statements[each.key] })
  tags                    = local.tags
}

resource "aws_kms_alias" "own" {
  for_each      = local.keys
  name          = "alias/${var.name}-${each.key}"
  target_key_id = aws_kms_key.own[each.key].key_id
}

locals {
  payloads_key_arn   = var.kms_keys.payloads == null ? aws_kms_key.own["payloads"].arn : var.kms_keys.payloads
  operations_key_arn = var.kms_keys.operations == null ? aws_kms_key.own["operations"].arn : var.kms_keys.operations
}
