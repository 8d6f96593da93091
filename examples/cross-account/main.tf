# In an account that sends: its log groups subscribe to the destination of the account with the pipeline, whose root
# module has `mode = "stream"` and `senders = { accounts = ["this account"] }`, and whose output `destination_arns` names it.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80, < 7.0"
    }
  }
}

provider "aws" {}

variable "destination_arn" {
  description = "ARN of the destination, from the other account's output `destination_arns`."
  type        = string
}

variable "log_groups" {
  description = "Log groups of this account that are to be forwarded, by name; a route of the other account's pipeline.yaml covers them."
  type        = set(string)
}

variable "through_organization" {
  description = "Whether the other account lets in this one as a member of its organization (`senders.organization`), and not by its id."
  type        = bool
  default     = false
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

# A destination that lets in an organization wants to see a role of the sender's, which may write the log groups.
resource "aws_iam_role" "sender" {
  count       = var.through_organization ? 1 : 0
  name        = "logharbor-sender"
  description = "Logharbor: shows a destination of another account that this account may send"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "logs.amazonaws.com" }
      Condition = { StringLike = { "aws:SourceArn" = ["${local.logs}:*"] } }
    }]
  })
}

resource "aws_iam_role_policy" "sender" {
  count = var.through_organization ? 1 : 0
  name  = "logharbor"
  role  = aws_iam_role.sender[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:PutLogEvents"]
      Resource = [for group in sort(var.log_groups) : "${local.logs}:log-group:${group}:*"]
    }]
  })
}

locals {
  logs = "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"
}

resource "aws_cloudwatch_log_subscription_filter" "forwarded" {
  for_each        = var.log_groups
  name            = "logharbor"
  log_group_name  = each.key
  filter_pattern  = ""
  destination_arn = var.destination_arn
  role_arn        = one(aws_iam_role.sender[*].arn)
  distribution    = "ByLogStream"
  depends_on      = [aws_iam_role_policy.sender]
}
