variable "name" {
  description = "Name of the pipeline: what alarms, dashboards and the topic begin with."
  type        = string
}

variable "filters" {
  description = "Folder that `logharbor filters build` writes: derived/*.json, handwritten/*.json, alarms.json, dashboards.json."
  type        = string
}

variable "there" {
  description = "What this pipeline has, of direct, stream, sweep and canary: alarms whose `when` names another are not made."
  type        = list(string)
}

variable "forwarders" {
  description = "Names of the functions of the lanes, which an alarm `for_each: forwarder` watches."
  type        = list(string)
}

variable "functions" {
  description = "Names of the functions that run by themselves: an alarm `for_each: function` watches each, one `for_each: log` its log group. Not prepare: the apply that calls it tells its errors."
  type        = list(string)
}

variable "streams" {
  description = "Names of the streams that an alarm `for_each: stream` watches; empty in mode direct."
  type        = list(string)
}

variable "filter_name" {
  description = "Name of the subscription filters that an alarm `for_each: subscription` watches."
  type        = string
}

variable "alarm_actions" {
  description = "ARNs that every alarm tells beside the alarm topic."
  type        = list(string)
}

variable "notify" {
  description = "ARNs by the name that a contract's alarm gives under `notify`."
  type        = map(list(string))
}

variable "operations_key_arn" {
  description = "ARN of the key that encrypts the alarm topic; cloudwatch.amazonaws.com must be allowed to use it."
  type        = string
}

variable "partition" {
  description = "AWS partition: aws, aws-cn, aws-us-gov."
  type        = string
}

variable "region" {
  description = "Region of the dashboards' metrics."
  type        = string
}

variable "account" {
  description = "Account id, 12 digits, whose alarms may publish."
  type        = string
}

variable "tags" {
  description = "Tags of everything that has tags."
  type        = map(string)
}
