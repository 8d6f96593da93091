variable "name" {
  description = "Name of the pipeline: what parameters, associations and the policy begin with."
  type        = string
}

variable "hosts" {
  description = <<-END
    Classes of hosts by name. `targets`: what SSM finds them by, `tag:NAME` or `tag:aws:autoscaling:groupName`, and the values.
    `files`: what the agent collects. `path` may hold globs; `kind` is nginx, apache, syslog or application and gives the
    time format (strftime, as the agent reads it) and the pattern that begins a record of several lines; `timezone` is UTC
    or Local; `retention_days` is days.
  END
  type = map(object({
    targets = object({ key = string, values = list(string) })
    files = list(object({
      path                     = string
      log_group                = string
      kind                     = string
      log_stream               = optional(string, "{instance_id}")
      timestamp_format         = optional(string)
      multi_line_start_pattern = optional(string)
      timezone                 = optional(string, "UTC")
      encoding                 = optional(string)
      retention_days           = optional(number, 14)
    }))
  }))
  validation {
    condition     = alltrue([for class in keys(var.hosts) : can(regex("^[A-Za-z0-9_.-]{1,100}$", class))])
    error_message = "A class of hosts is named with letters, digits and . - _: rename it."
  }
  validation {
    condition     = alltrue([for hosts in values(var.hosts) : can(regex("^(tag:.{1,128}|InstanceIds|resource-groups:Name)$", hosts.targets.key)) && length(hosts.targets.values) > 0 && length(hosts.targets.values) <= 50])
    error_message = "`targets.key` is tag:NAME (tag:aws:autoscaling:groupName for an auto-scaling group), InstanceIds or resource-groups:Name, with 1 to 50 values: correct the hosts' targets."
  }
  validation {
    condition     = alltrue(flatten([for hosts in values(var.hosts) : [for file in hosts.files : contains(["nginx", "apache", "syslog", "application"], file.kind)]]))
    error_message = "`kind` of a file is nginx, apache, syslog or application: choose one; with `timestamp_format` and `multi_line_start_pattern` of its own a file is an `application`."
  }
  validation {
    condition     = alltrue(flatten([for hosts in values(var.hosts) : [for file in hosts.files : contains(["UTC", "Local"], file.timezone)]]))
    error_message = "`timezone` of a file is UTC or Local, as the CloudWatch Agent knows them: choose one."
  }
  validation {
    condition     = alltrue(flatten([for hosts in values(var.hosts) : [for file in hosts.files : startswith(file.path, "/") || can(regex("^[A-Za-z]:", file.path))]]))
    error_message = "`path` of a file is absolute: write it from the root, such as /var/log/nginx/access.log."
  }
  validation {
    condition     = alltrue([for hosts in values(var.hosts) : length(distinct(hosts.files[*].path)) == length(hosts.files)])
    error_message = "A class of hosts names the same file twice: the agent would send each line twice. Remove one."
  }
  validation {
    condition     = alltrue(flatten([for hosts in values(var.hosts) : [for file in hosts.files : contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], file.retention_days)]]))
    error_message = "`retention_days` of a file is one that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
  validation {
    condition     = alltrue(flatten([for hosts in values(var.hosts) : [for file in hosts.files : can(regex("^[-./_#A-Za-z0-9]{1,512}$", file.log_group)) && !startswith(file.log_group, "/logharbor/")]]))
    error_message = "`log_group` of a file is 1 to 512 letters, digits and . - _ / #, and not under /logharbor/, which is never forwarded: rename it."
  }
}

variable "payloads_key_arn" {
  description = "ARN of the key that encrypts the hosts' log groups; CloudWatch Logs must be allowed to use it."
  type        = string
}

variable "partition" {
  description = "AWS partition: aws, aws-cn, aws-us-gov."
  type        = string
}

variable "region" {
  description = "Region of the log groups."
  type        = string
}

variable "account" {
  description = "Account id of the hosts, 12 digits."
  type        = string
}

variable "tags" {
  description = "Tags of everything that has tags."
  type        = map(string)
}
