# The smallest pipeline: one log group, straight to the function, into one Elasticsearch.
#
#   logharbor filters build --config examples/smallest/pipeline.yaml --filters examples/smallest/filters
#   logharbor build --config examples/smallest/pipeline.yaml --out examples/smallest/build
#   terraform -chdir=examples/smallest init
#   terraform -chdir=examples/smallest apply

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

variable "force_destroy" {
  description = "Whether destroying deletes buckets that still hold dead letters."
  type        = bool
  default     = false
}

# In an account of your own the log group is there already: the function's, or another service's.
resource "aws_cloudwatch_log_group" "checkout" {
  #checkov:skip=CKV_AWS_338:Two weeks in CloudWatch are enough where the sink keeps the events.
  #checkov:skip=CKV_AWS_158:The example's own group; CloudWatch encrypts it with AWS's key.
  name              = "/aws/lambda/checkout"
  retention_in_days = 14
}

module "logharbor" {
  source        = "../../terraform"
  name          = "smallest"
  pipeline      = coalesce(var.pipeline, "${path.module}/pipeline.yaml")
  artefacts     = coalesce(var.artefacts, "${path.module}/build")
  filters       = coalesce(var.filters, "${path.module}/filters")
  force_destroy = var.force_destroy
  sweep         = false # no globs, so nothing to look for
  depends_on    = [aws_cloudwatch_log_group.checkout]
}

output "logharbor" {
  description = "What the pipeline consists of."
  value       = module.logharbor
}
