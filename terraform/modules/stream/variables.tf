variable "name" {
  description = "Name of the pipeline; a stream is <name>-<lane>."
  type        = string
}

variable "lanes" {
  description = "Lanes by name, each with the ARN of its forwarder's alias."
  type        = map(object({ alias_arn = string }))
}

variable "settings" {
  description = <<-END
    `retention_hours`: hours that Kinesis keeps a record (24 to 8,760). `shards`: number of shards, null for on-demand.
    `batch_size`: records an invocation gets at most (1 to 10,000). `batch_window_s`: seconds that Lambda collects (0 to 300).
    `parallelization_factor`: invocations a shard has at once (1 to 10). `retries`: tries after the first one (0 to 10,000).
    `record_age_s`: seconds after which a record is given up (60 to 604,800).
  END
  type = object({
    retention_hours        = number
    shards                 = number
    batch_size             = number
    batch_window_s         = number
    parallelization_factor = number
    retries                = number
    record_age_s           = number
  })
}

variable "failed_bucket_arn" {
  description = "ARN of the bucket to which Lambda writes records that failed for good."
  type        = string
}

variable "payloads_key_arn" {
  description = "ARN of the key that encrypts the streams."
  type        = string
}

variable "sender_accounts" {
  description = "Other accounts, 12 digits each, whose log groups write to the streams through the destination."
  type        = list(string)
}

variable "partition" {
  description = "AWS partition: aws, aws-cn, aws-us-gov."
  type        = string
}

variable "region" {
  description = "Region of the streams."
  type        = string
}

variable "account" {
  description = "Account id of the streams, 12 digits."
  type        = string
}

variable "tags" {
  description = "Tags of everything that has tags."
  type        = map(string)
}
