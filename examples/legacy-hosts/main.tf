# EC2 hosts, one by one or in auto-scaling groups: SSM installs the CloudWatch Agent, gives it its configuration, and keeps
# both so. Hosts that Ansible manages: ../ansible. Hosts outside AWS: ../on-premises.
#
#   logharbor filters build --config examples/legacy-hosts/pipeline.yaml --filters examples/legacy-hosts/filters
#   logharbor build --config examples/legacy-hosts/pipeline.yaml --out examples/legacy-hosts/build
#   terraform -chdir=examples/legacy-hosts init && terraform -chdir=examples/legacy-hosts apply

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
  name      = "legacy"
  pipeline  = "${path.module}/pipeline.yaml"
  artefacts = coalesce(var.artefacts, "${path.module}/build")
  filters   = coalesce(var.filters, "${path.module}/filters")
  sweep     = false

  legacy_hosts = {
    web = {
      targets = { key = "tag:aws:autoscaling:groupName", values = ["web"] }
      files = [
        { path = "/var/log/nginx/access.log", log_group = "/legacy/nginx/access", kind = "nginx" },
        { path = "/var/log/syslog", log_group = "/legacy/syslog", kind = "syslog", retention_days = 7 },
      ]
    }
    billing = {
      targets = { key = "tag:role", values = ["billing"] }
      files = [
        { path = "/var/log/apache2/access.log", log_group = "/legacy/apache/access", kind = "apache" },
        {
          path      = "/opt/billing/logs/billing-*.log"
          log_group = "/legacy/billing"
          kind      = "application"
          # 17.03.2026 04:05:06,789 WARN …, and stack traces below
          timestamp_format         = "%d.%m.%Y %H:%M:%S,%f"
          multi_line_start_pattern = "{timestamp_format}"
          timezone                 = "Local"
        },
      ]
    }
  }
}

output "logharbor" {
  description = "What the pipeline consists of; `legacy_host_policy_arn` belongs on the hosts' instance profiles."
  value       = module.logharbor
}
