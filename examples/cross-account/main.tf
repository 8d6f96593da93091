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

resource "aws_cloudwatch_log_subscription_filter" "forwarded" {
  for_each        = var.log_groups
  name            = "logharbor"
  log_group_name  = each.key
  filter_pattern  = ""
  destination_arn = var.destination_arn
  distribution    = "ByLogStream"
}
