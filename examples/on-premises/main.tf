# Hosts outside AWS write into the background lane's stream themselves, through Fluent Bit (fluent-bit.yaml) or rsyslog
# (rsyslog.conf with fluent-bit-syslog.yaml). What they need of AWS is one policy.
#
#   logharbor filters build --config examples/on-premises/pipeline.yaml --filters examples/on-premises/filters
#   logharbor build --config examples/on-premises/pipeline.yaml --out examples/on-premises/build
#   terraform -chdir=examples/on-premises init && terraform -chdir=examples/on-premises apply

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

variable "filters" {
  description = "Folder that `logharbor filters build` wrote."
  type        = string
  default     = null
}

module "logharbor" {
  source    = "../../terraform"
  name      = "production"
  pipeline  = "${path.module}/pipeline.yaml"
  artefacts = coalesce(var.artefacts, "${path.module}/build")
  filters   = coalesce(var.filters, "${path.module}/filters")
  mode      = "stream"
}

# For the role that the hosts assume (IAM Roles Anywhere), or their user.
resource "aws_iam_policy" "writer" {
  name        = "production-on-premises"
  description = "Logharbor: hosts outside AWS write into the background lane's stream"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["kinesis:PutRecords"], Resource = [module.logharbor.stream_arns.background] },
      { Effect = "Allow", Action = ["kms:GenerateDataKey"], Resource = [module.logharbor.payloads_key_arn] },
    ]
  })
}

output "policy_arn" {
  description = "ARN of the policy that the hosts need."
  value       = aws_iam_policy.writer.arn
}
