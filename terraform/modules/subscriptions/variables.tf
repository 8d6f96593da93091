variable "name" {
  description = "Name of the pipeline, and of its subscription filters."
  type        = string
}

variable "functions" {
  description = "Mode direct: the forwarders by lane, each with its name and alias. Empty in mode stream."
  type        = map(object({ name = string, alias = string }))
}

variable "destinations" {
  description = "ARN that each lane's log groups deliver to: an alias, or a stream."
  type        = map(string)
}

variable "mode" {
  description = "What destinations are: `direct` (aliases of functions) or `stream` (Kinesis streams)."
  type        = string
  validation {
    condition     = contains(["direct", "stream"], var.mode)
    error_message = "`mode` is `direct` or `stream`: choose one."
  }
}

variable "role_arn" {
  description = "Role in whose name CloudWatch Logs writes to streams; null in mode direct."
  type        = string
  default     = null
}

variable "log_groups" {
  description = "Log groups named exactly, each with its lane. They must exist."
  type        = map(string)
  validation {
    condition     = alltrue([for group in keys(var.log_groups) : can(regex("^[-./_#A-Za-z0-9]{1,512}$", group))])
    error_message = "A log group is 1 to 512 letters, digits and . - _ / #: correct the names under `routes` in pipeline.yaml."
  }
  validation {
    condition     = alltrue([for group in keys(var.log_groups) : !startswith(group, "/logharbor/")])
    error_message = "Log groups under /logharbor/ are the pipeline's own and are never subscribed, or it would forward itself: remove them from pipeline.yaml."
  }
}

variable "routes" {
  description = "Globs of each route, in order: what the sweep decides by. A change sweeps again."
  type        = list(object({ log_groups = list(string), lane = string }))
}

variable "sweep" {
  description = "Whether globs are subscribed by the function."
  type        = bool
}

variable "canary" {
  description = "Whether a canary is written every 15 minutes, to measure the lag from event to sink."
  type        = bool
}

variable "reserve" {
  description = "Whether concurrency may be reserved: an account whose quota is 10 has none to reserve."
  type        = bool
}

variable "senders" {
  description = "Who else may subscribe log groups to the streams: accounts (12 digits each), an organization (o-…), or nobody."
  type        = object({ accounts = list(string), organization = optional(string) })
}

variable "code" {
  description = "What `logharbor build` made: path and hash (base64 SHA-256) of the zip, the handler in it, and what it was built for."
  type        = object({ zip = string, hash = string, handler = string, runtime = string, architecture = string })
}

variable "contracts_layer_arn" {
  description = "ARN of the layer version with pipeline.yaml in it."
  type        = string
}

variable "operations_key_arn" {
  description = "ARN of the key that encrypts our own logs."
  type        = string
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
  description = "Region of the log groups."
  type        = string
}

variable "account" {
  description = "Account id of the log groups, 12 digits."
  type        = string
}

variable "tags" {
  description = "Tags of everything that has tags."
  type        = map(string)
}
