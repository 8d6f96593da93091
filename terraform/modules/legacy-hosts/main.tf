# Hosts that are no functions: the CloudWatch Agent's configuration as an SSM parameter, and the associations that install
# the agent and apply the configuration on every host that a tag or an auto-scaling group names.

locals {
  # What the agent needs to know of a kind of file, so that nobody has to look it up; each part can be replaced.
  kinds = {
    nginx       = { timestamp_format = "%d/%b/%Y:%H:%M:%S %z", multi_line_start_pattern = null }
    apache      = { timestamp_format = "%d/%b/%Y:%H:%M:%S %z", multi_line_start_pattern = null }
    syslog      = { timestamp_format = "%b %-d %H:%M:%S", multi_line_start_pattern = null }
    application = { timestamp_format = "%Y-%m-%d %H:%M:%S", multi_line_start_pattern = "{timestamp_format}" }
  }

  files = merge([for class, hosts in var.hosts : { for file in hosts.files : "${class}|${file.path}" => merge(file, { class = class }) }]...)

  log_groups = { for group in distinct([for file in local.files : file.log_group]) : group => max([for file in local.files : file.retention_days if file.log_group == group]...) }

  agent = { for class, hosts in var.hosts : class => jsonencode({
    agent = { run_as_user = "cwagent" }
    logs = {
      force_flush_interval = 5
      logs_collected = { files = { collect_list = [for file in hosts.files : { for key, value in {
        file_path                = file.path
        log_group_name           = file.log_group
        log_stream_name          = file.log_stream
        timezone                 = file.timezone
        encoding                 = file.encoding
        timestamp_format         = try(coalesce(file.timestamp_format, local.kinds[file.kind].timestamp_format), null)
        multi_line_start_pattern = try(coalesce(file.multi_line_start_pattern, local.kinds[file.kind].multi_line_start_pattern), null)
      } : key => value if value != null }] } }
    }
  }) }
}

resource "aws_cloudwatch_log_group" "legacy" {
  #checkov:skip=CKV_AWS_338:Each file's `retention_days` is its owner's choice; the sinks keep the events as long as pipeline.yaml says.
  for_each          = local.log_groups
  name              = each.key
  retention_in_days = each.value
  kms_key_id        = var.payloads_key_arn
  tags              = var.tags
}

resource "aws_ssm_parameter" "agent" {
  #checkov:skip=CKV2_AWS_34:The agent's configuration holds paths and names, no secret; the agent reads it without a key.
  #checkov:skip=CKV_AWS_337:The agent's configuration holds paths and names, no secret; the agent reads it without a key.
  for_each    = local.agent
  name        = "AmazonCloudWatch-${var.name}-${each.key}" # CloudWatchAgentServerPolicy allows this prefix
  description = "Logharbor: what the CloudWatch Agent collects on ${each.key}"
  type        = "String"
  tier        = length(each.value) > 4096 ? "Advanced" : "Standard"
  value       = each.value
  tags        = var.tags

  lifecycle {
    precondition {
      condition     = length(each.value) <= 8192
      error_message = "legacy_hosts.${each.key}: the agent's configuration has ${length(each.value)} characters, and an SSM parameter takes 8192. Split the hosts in two, or name files by a glob."
    }
  }
}

resource "aws_ssm_association" "install" {
  for_each            = var.hosts
  name                = "AWS-ConfigureAWSPackage"
  association_name    = "${var.name}-${each.key}-install"
  parameters          = { action = "Install", name = "AmazonCloudWatchAgent" }
  schedule_expression = "rate(1 day)"
  max_concurrency     = "25%"
  max_errors          = "25%"
  tags                = var.tags

  targets {
    key    = each.value.targets.key
    values = each.value.targets.values
  }
}

resource "aws_ssm_association" "configure" {
  for_each         = var.hosts
  name             = "AmazonCloudWatch-ManageAgent"
  association_name = "${var.name}-${each.key}-configure"
  parameters = {
    action                        = "configure"
    mode                          = "ec2"
    optionalConfigurationSource   = "ssm"
    optionalConfigurationLocation = aws_ssm_parameter.agent[each.key].name
    optionalRestart               = "yes"
  }
  # Also for hosts whose agent was not there yet when the association came first.
  schedule_expression = "rate(30 minutes)"
  max_concurrency     = "25%"
  max_errors          = "25%"
  tags                = var.tags

  targets {
    key    = each.value.targets.key
    values = each.value.targets.values
  }

  depends_on = [aws_ssm_association.install, aws_cloudwatch_log_group.legacy]
}

# For the instance profiles of these hosts, beside AmazonSSMManagedInstanceCore: what the agent needs, for these groups only.
# No retention: it is Terraform's, and a host that may shorten it may make its own traces disappear.
resource "aws_iam_policy" "host" {
  name        = "${var.name}-legacy-host"
  description = "Logharbor: lets the CloudWatch Agent of a legacy host write its log groups"
  tags        = var.tags
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = flatten([for group in sort(keys(local.log_groups)) : ["arn:${var.partition}:logs:${var.region}:${var.account}:log-group:${group}", "arn:${var.partition}:logs:${var.region}:${var.account}:log-group:${group}:*"]])
      },
      {
        Sid      = "Configuration"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter"]
        Resource = ["arn:${var.partition}:ssm:${var.region}:${var.account}:parameter/AmazonCloudWatch-${var.name}-*"]
      },
    ]
  })
}
