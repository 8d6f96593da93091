# The pipeline beside the service of serverless.yml: neither knows of the other. `serverless deploy` makes log groups, the
# sweep subscribes them.
#
#   logharbor filters build --config examples/serverless-framework/pipeline.yaml --filters examples/serverless-framework/filters
#   logharbor build --config examples/serverless-framework/pipeline.yaml --out examples/serverless-framework/build
#   terraform -chdir=examples/serverless-framework init && terraform -chdir=examples/serverless-framework apply

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
  name      = "shop-logs"
  pipeline  = "${path.module}/pipeline.yaml"
  artefacts = coalesce(var.artefacts, "${path.module}/build")
  filters   = coalesce(var.filters, "${path.module}/filters")
}

output "logharbor" {
  description = "What the pipeline consists of."
  value       = module.logharbor
}
