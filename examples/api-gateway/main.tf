# The access log of an HTTP API: the stage writes the common log format, the route reads it as `access_log`, and each
# request lands as an http.access event.
#
#   logharbor filters build --config examples/api-gateway/pipeline.yaml --filters examples/api-gateway/filters
#   logharbor build --config examples/api-gateway/pipeline.yaml --out examples/api-gateway/build
#   terraform -chdir=examples/api-gateway init && terraform -chdir=examples/api-gateway apply

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

resource "aws_cloudwatch_log_group" "access" {
  #checkov:skip=CKV_AWS_338:Two weeks in CloudWatch are enough where the sink keeps the events.
  #checkov:skip=CKV_AWS_158:The example's own group; CloudWatch encrypts it with AWS's key.
  name              = "/api/shop/access"
  retention_in_days = 14
}

resource "aws_apigatewayv2_api" "shop" {
  name          = "shop"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_stage" "prod" {
  api_id      = aws_apigatewayv2_api.shop.id
  name        = "prod"
  auto_deploy = true

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    # API Gateway refuses a format without $context.requestId; it lands as http.request.id.
    format = "$context.identity.sourceIp - - [$context.requestTime] \"$context.httpMethod $context.path $context.protocol\" $context.status $context.responseLength $context.requestId"
  }
}

module "logharbor" {
  source     = "../../terraform"
  name       = "api-access"
  pipeline   = "${path.module}/pipeline.yaml"
  artefacts  = coalesce(var.artefacts, "${path.module}/build")
  filters    = coalesce(var.filters, "${path.module}/filters")
  sweep      = false
  depends_on = [aws_cloudwatch_log_group.access]
}

output "logharbor" {
  description = "What the pipeline consists of."
  value       = module.logharbor
}
