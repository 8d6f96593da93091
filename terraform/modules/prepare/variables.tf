variable "name" {
  description = "Name of the pipeline; the function is <name>-prepare."
  type        = string
}

variable "code" {
  description = "What `logharbor build` made: path and hash (base64 SHA-256) of the zip, the handler in it, and what it was built for."
  type        = object({ zip = string, hash = string, handler = string, runtime = string, architecture = string })
}

variable "contracts_layer_arn" {
  description = "ARN of the layer version that holds the contracts."
  type        = string
}

variable "bundle_sha256" {
  description = "SHA-256 of bundle.json in the contracts layer, in hex: a new one makes the sinks ready again."
  type        = string
}

variable "layers" {
  description = "ARNs of further layer versions: the Parameters and Secrets extension."
  type        = list(string)
}

variable "environment" {
  description = "Environment variables: what `env:NAME` in pipeline.yaml refers to."
  type        = map(string)
}

variable "secret_statements" {
  description = "IAM statements that let the role read the secrets for configuring the sinks, and no other."
  type        = list(object({ sid = string, actions = list(string), resources = list(string) }))
}

variable "operations_key_arn" {
  description = "ARN of the key that encrypts the function's own log."
  type        = string
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
