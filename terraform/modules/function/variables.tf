variable "name" {
  description = "Name of the function and its role; its log group is /logharbor/<name>."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,62}$", var.name))
    error_message = "The name of a function is at most 63 lower-case letters, digits and hyphens, beginning with a letter: choose a shorter `name`."
  }
}

variable "description" {
  description = "What the function does, for people who find it in the console."
  type        = string
}

variable "code" {
  description = "What `logharbor build` made: path and hash (base64 SHA-256) of the zip, the handler in it, and what it was built for."
  type        = object({ zip = string, hash = string, handler = string, runtime = string, architecture = string })
}

variable "memory_mb" {
  description = "Memory in MB (128 to 10,240); 1,769 MB are one processor."
  type        = number
  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "memory_mb is a whole number of megabytes from 128 to 10240: choose one of these."
  }
}

variable "timeout_s" {
  description = "The longest invocation, in seconds (1 to 900)."
  type        = number
  validation {
    condition     = var.timeout_s >= 1 && var.timeout_s <= 900 && floor(var.timeout_s) == var.timeout_s
    error_message = "timeout_s is a whole number of seconds from 1 to 900: choose one of these."
  }
}

variable "reserved_concurrency" {
  description = "How many invocations run at once at most; -1 reserves nothing."
  type        = number
  default     = -1
  validation {
    condition     = var.reserved_concurrency >= -1 && var.reserved_concurrency != 0
    error_message = "reserved_concurrency is at least 1, or -1 for no reservation; 0 would stop the function: set it so in an incident, not here."
  }
}

variable "publish" {
  description = "Whether each apply that changes the function publishes a version, for an alias to name."
  type        = bool
  default     = false
}

variable "layers" {
  description = "ARNs of layer versions: the contracts, and perhaps the Parameters and Secrets extension."
  type        = list(string)
}

variable "environment" {
  description = "Environment variables: names and references, never a secret's value."
  type        = map(string)
}

variable "statements" {
  description = "What the role may do beside writing its own log. `conditions` is IAM's: operator to key to values."
  type = list(object({
    sid        = string
    actions    = list(string)
    resources  = list(string)
    conditions = optional(map(map(list(string))), {})
  }))
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

variable "kms_key_arn" {
  description = "ARN of the key that encrypts the function's own log."
  type        = string
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
