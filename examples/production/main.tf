# A pipeline for an account: through Kinesis, two lanes, log groups by globs, Elasticsearch and Honeycomb.
#
#   logharbor filters build --config examples/production/pipeline.yaml --filters examples/production/filters
#   logharbor build --config examples/production/pipeline.yaml --out examples/production/build
#   terraform -chdir=examples/production init
#   terraform -chdir=examples/production apply

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

variable "artefacts" {
  description = "Folder that `logharbor build` wrote."
  type        = string
  default     = null
}

variable "pipeline" {
  description = "Path of pipeline.yaml."
  type        = string
  default     = null
}

variable "filters" {
  description = "Folder that `logharbor filters build` wrote."
  type        = string
  default     = null
}

variable "notify" {
  description = "ARNs of the topics of those on call, by the name that the contracts' alarms give."
  type        = map(list(string))
  default     = {}
}

variable "vpc" {
  description = "Subnets and security groups, where Elasticsearch is inside a VPC."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = null
}

variable "force_destroy" {
  description = "Whether destroying deletes buckets that still hold dead letters."
  type        = bool
  default     = false
}

resource "aws_cloudwatch_log_group" "payments" {
  #checkov:skip=CKV_AWS_338:Two weeks in CloudWatch are enough where the sink keeps the events.
  #checkov:skip=CKV_AWS_158:The example's own group; CloudWatch encrypts it with AWS's key.
  name              = "/aws/lambda/payments"
  retention_in_days = 14
}

module "logharbor" {
  source        = "../../terraform"
  name          = "production"
  pipeline      = coalesce(var.pipeline, "${path.module}/pipeline.yaml")
  artefacts     = coalesce(var.artefacts, "${path.module}/build")
  filters       = coalesce(var.filters, "${path.module}/filters")
  mode          = "stream"
  notify        = var.notify
  vpc           = var.vpc
  force_destroy = var.force_destroy

  lanes = {
    user       = { reserved_concurrency = 40, memory_mb = 1769 }
    background = { reserved_concurrency = 10, memory_mb = 1769 }
  }
  stream = {
    batch_window_s         = 2
    parallelization_factor = 2
  }
  tags       = { service = "logging", stage = "prod" }
  depends_on = [aws_cloudwatch_log_group.payments]
}

output "logharbor" {
  description = "What the pipeline consists of."
  value       = module.logharbor
}
