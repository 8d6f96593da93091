# Two buckets. `dead_letters` is the forwarder's store, named by pipeline.yaml; `failed` is where Lambda itself writes what
# it gave up. Raw payloads in either have a short life and one role that may read them.

locals {
  buckets = {
    dead_letters = local.dead_letters_bucket
    failed       = "${var.name}-failed-${local.account}-${local.region}"
  }
  bucket_arns = { for key, name in local.buckets : key => "arn:${local.partition}:s3:::${name}" }

  # Redacted copies may be read by whom IAM lets; what is as it came, by the reader alone.
  raw = {
    dead_letters = [for kind in ["returned", "undecoded", "unbalanced"] : "${local.dead_letters_prefix}${kind}/"]
    failed       = ["aws/lambda/"]
  }
}

resource "aws_s3_bucket" "own" {
  #checkov:skip=CKV_AWS_18:Access is recorded by CloudTrail's data events where an account wants them; a bucket of access logs would need one of its own.
  #checkov:skip=CKV_AWS_21:Objects are written once under names made from what they hold; versions would outlive the short life of raw payloads.
  #checkov:skip=CKV_AWS_144:Raw payloads are to stay in one region, and for days.
  #checkov:skip=CKV2_AWS_62:Alarms watch the forwarder's own metrics, so nobody needs an event for each object.
  for_each      = local.buckets
  bucket        = each.value
  force_destroy = var.force_destroy
  tags          = local.tags
  depends_on    = [terraform_data.pipeline]
}

resource "aws_s3_bucket_public_access_block" "own" {
  for_each                = local.buckets
  bucket                  = aws_s3_bucket.own[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "own" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.own[each.key].id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "own" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.own[each.key].id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = local.payloads_key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "own" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.own[each.key].id

  dynamic "rule" {
    for_each = local.raw[each.key]
    content {
      id     = "raw-${replace(trim(rule.value, "/"), "/", "-")}"
      status = "Enabled"
      filter {
        prefix = rule.value
      }
      expiration {
        days = var.payload_retention_days
      }
      abort_incomplete_multipart_upload {
        days_after_initiation = 1
      }
    }
  }

  rule {
    id     = "everything"
    status = "Enabled"
    filter {
      prefix = ""
    }
    expiration {
      days = max(var.dead_letter_retention_days, var.payload_retention_days)
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_policy" "own" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.own[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyEncrypted"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [local.bucket_arns[each.key], "${local.bucket_arns[each.key]}/*"]
        Condition = { Bool = { "aws:SecureTransport" = ["false"] } }
      },
      {
        Sid       = "OneReader"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource  = [for prefix in local.raw[each.key] : "${local.bucket_arns[each.key]}/${prefix}*"]
        Condition = { ArnNotLike = { "aws:PrincipalArn" = ["arn:${local.partition}:iam::${local.account}:role/${var.name}-reader"] } }
      },
    ]
  })
  depends_on = [aws_s3_bucket_public_access_block.own]
}

resource "aws_iam_role" "reader" {
  count       = length(var.readers) == 0 ? 0 : 1
  name        = "${var.name}-reader"
  description = "Logharbor: reads payloads as they came, to replay or to explain them"
  tags        = local.tags
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = var.readers } }]
  })
}

resource "aws_iam_role_policy" "reader" {
  count = length(var.readers) == 0 ? 0 : 1
  name  = "logharbor"
  role  = aws_iam_role.reader[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "List", Effect = "Allow", Action = ["s3:ListBucket"], Resource = values(local.bucket_arns) },
      {
        # A batch that was replayed is removed; failed invocations expire.
        Sid      = "DeadLetters"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = ["${local.bucket_arns.dead_letters}/${local.dead_letters_prefix}*"]
      },
      { Sid = "Failed", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["${local.bucket_arns.failed}/aws/lambda/*"] },
      { Sid = "Payloads", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = [local.payloads_key_arn] },
    ]
  })
}
