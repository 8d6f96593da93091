variable "name" {
  description = "Name of the pipeline; the function is <name>-forward-<lane>."
  type        = string
}

variable "lane" {
  description = "Lane of this forwarder: user or background."
  type        = string
  validation {
    condition     = contains(["user", "background"], var.lane)
    error_message = "A lane is `user` or `background`: change `lane` of the route in pipeline.yaml."
  }
}

variable "code" {
  description = "What `logharbor build` made: path and hash (base64 SHA-256) of the zip, the handler in it, and what it was built for."
  type        = object({ zip = string, hash = string, handler = string, runtime = string, architecture = string })
}

variable "memory_mb" {
  description = "Memory in MB (128 to 10,240)."
  type        = number
}

variable "timeout_s" {
  description = "The longest invocation, in seconds (1 to 900)."
  type        = number
}

variable "reserved_concurrency" {
  description = "How many invocations run at once at most, which bounds the load on a sink; -1 reserves nothing."
  type        = number
}

variable "live_version" {
  description = "Published version that the alias `live` names; null for the newest."
  type        = string
  default     = null
}

variable "layers" {
  description = "ARNs of layer versions: the contracts that the sinks are ready for, and perhaps the Parameters and Secrets extension."
  type        = list(string)
}

variable "environment" {
  description = "Environment variables beside Logharbor's own: what `env:NAME` in pipeline.yaml refers to."
  type        = map(string)
}

variable "secret_statements" {
  description = "IAM statements that let the role read the secrets for ingesting, and no other."
  type        = list(object({ sid = string, actions = list(string), resources = list(string) }))
}

variable "dead_letters" {
  description = "Where the forwarder puts what a sink refuses: the bucket's ARN, and a prefix that is empty or ends with a slash."
  type        = object({ bucket_arn = string, prefix = string })
}

variable "failed_bucket_arn" {
  description = "ARN of the bucket to which Lambda itself writes invocations and records that failed for good."
  type        = string
}

variable "payloads_key_arn" {
  description = "ARN of the key that encrypts streams, dead letters and failed invocations."
  type        = string
}

variable "operations_key_arn" {
  description = "ARN of the key that encrypts our own logs and the alarm topic."
  type        = string
}

variable "mode" {
  description = "How the lane is invoked: `direct` (by CloudWatch Logs, asynchronously) or `stream` (by a mapping)."
  type        = string
  validation {
    condition     = contains(["direct", "stream"], var.mode)
    error_message = "`mode` is `direct` or `stream`: choose one."
  }
}

variable "stream_arn" {
  description = "ARN of the lane's Kinesis stream; null in mode direct."
  type        = string
  default     = null
}

variable "async" {
  description = "In mode direct: seconds that Lambda keeps an event that it could not run (60 to 21,600), and how often it tries again after an error (0 to 2)."
  type        = object({ event_age_s = number, retries = number })
  validation {
    condition     = var.async.event_age_s >= 60 && var.async.event_age_s <= 21600
    error_message = "async.event_age_s is from 60 to 21600 seconds: choose one of these."
  }
  validation {
    condition     = contains([0, 1, 2], var.async.retries)
    error_message = "async.retries is 0, 1 or 2: Lambda tries an asynchronous invocation no more often."
  }
}

variable "vpc" {
  description = "Subnets and security groups of the function; null for none."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = null
}

variable "log_retention_days" {
  description = "Days that the function's own log is kept."
  type        = number
}

variable "partition" {
  description = "AWS partition: aws, aws-cn, aws-us-gov."
  type        = string
}

variable "region" {
  description = "Region of the function."
  type        = string
}

variable "account" {
  description = "Account id of the function, 12 digits."
  type        = string
}

variable "tags" {
  description = "Tags of everything that has tags."
  type        = map(string)
}
