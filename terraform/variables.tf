variable "name" {
  description = "Name of the pipeline: what every resource begins with. Two pipelines of an account have two names."
  type        = string
  default     = "logharbor"
  validation {
    # The bucket NAME-failed-ACCOUNT-REGION has 63 characters at most, and regions up to 14.
    condition     = can(regex("^[a-z][a-z0-9-]{1,26}[a-z0-9]$", var.name))
    error_message = "`name` is 3 to 28 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen: choose another one."
  }
}

variable "pipeline" {
  description = "Path of pipeline.yaml: routes, sinks, retention. The same file is in the contracts layer that `logharbor build` makes."
  type        = string
  validation {
    condition     = fileexists(var.pipeline)
    error_message = "`pipeline` names ${var.pipeline}, and there is no such file: give the path of pipeline.yaml, absolute or from where Terraform runs (with -chdir, from that folder)."
  }
  validation {
    condition     = !fileexists(var.pipeline) || can(keys(yamldecode(file(var.pipeline))))
    error_message = "The file that `pipeline` names is no YAML with names at its top level: `logharbor bundle` says in which line it is wrong."
  }
}

variable "mode" {
  description = "How log groups reach the forwarder: `direct` (CloudWatch Logs calls the function) or `stream` (through Kinesis, which keeps records for a day and the order within a log stream)."
  type        = string
  default     = "direct"
  validation {
    condition     = contains(["direct", "stream"], var.mode)
    error_message = "`mode` is `direct` or `stream`: choose one; docs/deploy.md says which."
  }
}

variable "artefacts" {
  description = "Folder that `logharbor build` wrote: manifest.json and the zips that it names. By default build/ beside this module."
  type        = string
  default     = null
  validation {
    condition     = fileexists("${coalesce(var.artefacts, "${path.module}/../build")}/manifest.json")
    error_message = "${coalesce(var.artefacts, "${path.module}/../build")} does not hold manifest.json: run `logharbor build`, or give `artefacts` the folder that it wrote."
  }
}

variable "filters" {
  description = "Folder that `logharbor filters build` wrote: metric filters, alarms, dashboards. By default filters/ beside this module."
  type        = string
  default     = null
  validation {
    condition     = fileexists("${coalesce(var.filters, "${path.module}/../filters")}/alarms.json")
    error_message = "${coalesce(var.filters, "${path.module}/../filters")} does not hold alarms.json: run `logharbor filters build`, or give `filters` the folder that it wrote."
  }
}

variable "lanes" {
  description = <<-END
    The forwarder of each lane, `user` and `background`. `reserved_concurrency`: invocations at once, which bounds the load on
    a sink (-1: no reservation). `memory_mb`: MB (128 to 10,240). `timeout_s`: seconds (1 to 900). `live_version`: an older
    published version to roll back to, null for the newest. A lane that no route names has no function.
  END
  type = map(object({
    reserved_concurrency = optional(number)
    memory_mb            = optional(number, 1024)
    timeout_s            = optional(number, 120)
    live_version         = optional(string)
  }))
  default = {}
  validation {
    condition     = alltrue([for lane in keys(var.lanes) : contains(["user", "background"], lane)])
    error_message = "`lanes` knows `user` and `background`: rename the others."
  }
  validation {
    condition     = alltrue([for lane in values(var.lanes) : lane.live_version == null ? true : can(regex("^[1-9][0-9]*$", lane.live_version))])
    error_message = "`lanes.*.live_version` is the number of a published version, as text: `live_versions` (an output) says which there are. An alias names no $LATEST."
  }
  validation {
    condition     = alltrue([for lane in values(var.lanes) : lane.timeout_s >= 10])
    error_message = "`lanes.*.timeout_s` is at least 10 seconds: a forwarder keeps the last one for its receipt, and a sink needs some."
  }
}

variable "stream" {
  description = <<-END
    Mode stream. `retention_hours`: hours that Kinesis keeps a record (24 to 8,760). `shards`: number of shards, null for on-demand.
    `batch_size`: records in an invocation at most (1 to 10,000; 6 MB end a batch too). `batch_window_s`: seconds that Lambda
    collects (0 to 300). `parallelization_factor`: invocations of a shard at once (1 to 10; the order within a log stream is kept).
    `retries`: tries after the first (0 to 10,000). `record_age_s`: seconds after which a record goes to the failed bucket (60 to 604,800).
  END
  type = object({
    retention_hours        = optional(number, 24)
    shards                 = optional(number)
    batch_size             = optional(number, 100)
    batch_window_s         = optional(number, 5)
    parallelization_factor = optional(number, 1)
    retries                = optional(number, 100)
    record_age_s           = optional(number, 21600)
  })
  default = {}
  validation {
    condition     = alltrue([for value in values(var.stream) : value == null ? true : floor(value) == value])
    error_message = "`stream` has whole numbers only: round them."
  }
  validation {
    condition     = var.stream.retention_hours >= 24 && var.stream.retention_hours <= 8760
    error_message = "`stream.retention_hours` is from 24 to 8760 hours: choose one of these."
  }
  validation {
    condition     = var.stream.shards == null ? true : var.stream.shards >= 1
    error_message = "`stream.shards` is at least 1, or null for on-demand: choose one of these."
  }
  validation {
    condition     = var.stream.batch_size >= 1 && var.stream.batch_size <= 10000
    error_message = "`stream.batch_size` is from 1 to 10000 records: choose one of these."
  }
  validation {
    condition     = var.stream.batch_window_s >= 0 && var.stream.batch_window_s <= 300
    error_message = "`stream.batch_window_s` is from 0 to 300 seconds: choose one of these."
  }
  validation {
    condition     = var.stream.parallelization_factor >= 1 && var.stream.parallelization_factor <= 10
    error_message = "`stream.parallelization_factor` is from 1 to 10: choose one of these."
  }
  validation {
    condition     = var.stream.retries >= 0 && var.stream.retries <= 10000
    error_message = "`stream.retries` is from 0 to 10000: without a bound one record would stop its shard until it expires."
  }
  validation {
    condition     = var.stream.record_age_s >= 60 && var.stream.record_age_s <= 604800 && var.stream.record_age_s < var.stream.retention_hours * 3600
    error_message = "`stream.record_age_s` is from 60 to 604800 seconds and less than `stream.retention_hours` (${var.stream.retention_hours} h): a record that expires before it is given up is lost. Lower the one or raise the other."
  }
}

variable "async" {
  description = "Mode direct. `event_age_s`: seconds that Lambda keeps an event which it could not run (60 to 21,600). `retries`: tries after an error (0 to 2)."
  type = object({
    event_age_s = optional(number, 21600)
    retries     = optional(number, 2)
  })
  default = {}
  validation {
    condition     = var.async.event_age_s >= 60 && var.async.event_age_s <= 21600
    error_message = "`async.event_age_s` is from 60 to 21600 seconds: choose one of these."
  }
  validation {
    condition     = contains([0, 1, 2], var.async.retries)
    error_message = "`async.retries` is 0, 1 or 2: Lambda tries an asynchronous invocation no more often."
  }
}

variable "sweep" {
  description = "Whether log groups that a glob covers are subscribed by a function, when they are created and every 15 minutes."
  type        = bool
  default     = true
}

variable "canary" {
  description = "Whether a canary event is written every 15 minutes, to measure the lag from event to sink."
  type        = bool
  default     = true
}

variable "alarm_actions" {
  description = "ARNs that every alarm tells, beside the encrypted topic that this module makes."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for arn in var.alarm_actions : startswith(arn, "arn:")])
    error_message = "`alarm_actions` are ARNs of SNS topics, Systems Manager OpsItems or functions: write them in full, beginning with arn:."
  }
}

variable "notify" {
  description = "ARNs that the alarms of a contract tell, by the name that the contract gives under `notify`."
  type        = map(list(string))
  default     = {}
  validation {
    condition     = alltrue([for arn in flatten(values(var.notify)) : startswith(arn, "arn:")])
    error_message = "`notify` holds lists of ARNs: write them in full, beginning with arn:."
  }
}

variable "log_retention_days" {
  description = "Days that our own logs are kept: receipts and what the functions say about themselves, no payloads."
  type        = number
  default     = 30
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "`log_retention_days` is one that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "dead_letter_retention_days" {
  description = "Days that redacted dead letters are kept (1 to 3,650)."
  type        = number
  default     = 90
  validation {
    condition     = var.dead_letter_retention_days >= 1 && var.dead_letter_retention_days <= 3650 && floor(var.dead_letter_retention_days) == var.dead_letter_retention_days
    error_message = "`dead_letter_retention_days` is a whole number of days from 1 to 3650: choose one of these."
  }
}

variable "payload_retention_days" {
  description = "Days that payloads are kept as they came: batches to come again, what could not be decoded, failed invocations (1 to 365)."
  type        = number
  default     = 14
  validation {
    condition     = var.payload_retention_days >= 1 && var.payload_retention_days <= 365 && floor(var.payload_retention_days) == var.payload_retention_days
    error_message = "`payload_retention_days` is a whole number of days from 1 to 365: raw payloads have a short life."
  }
}

variable "readers" {
  description = "ARNs of the roles or users that may read payloads as they came, through the role <name>-reader. Empty: nobody, and no such role."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for arn in var.readers : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(role|user)/", arn))])
    error_message = "`readers` are ARNs of IAM roles or users: name each person's role, not a whole account."
  }
}

variable "kms_keys" {
  description = "ARNs of keys of your own: `payloads` (streams, dead letters, legacy log groups) and `operations` (our own logs, the alarm topic). One that is left out is created. Their policies must hold what docs/deploy.md lists."
  type = object({
    payloads   = optional(string)
    operations = optional(string)
  })
  default = {}
  validation {
    condition     = alltrue([for arn in [var.kms_keys.payloads, var.kms_keys.operations] : arn == null ? true : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", arn))])
    error_message = "`kms_keys` are ARNs of keys, arn:aws:kms:REGION:ACCOUNT:key/ID, not of aliases: write them in full."
  }
}

variable "secret_key_arns" {
  description = "ARNs of the keys that encrypt the secrets which pipeline.yaml refers to; none where they use AWS's own key."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for arn in var.secret_key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", arn))])
    error_message = "`secret_key_arns` are ARNs of keys, arn:aws:kms:REGION:ACCOUNT:key/ID: write them in full."
  }
}

variable "secrets_extension_layer_arn" {
  description = "ARN of the layer version of AWS's Parameters and Secrets extension in this region, which spares a cold start the import of boto3; null for none."
  type        = string
  default     = null
  validation {
    condition     = var.secrets_extension_layer_arn == null ? true : can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+$", var.secrets_extension_layer_arn))
    error_message = "`secrets_extension_layer_arn` is the ARN of a layer's version, arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION: write it in full, with the version."
  }
}

variable "environment" {
  description = "Environment variables that `env:NAME` in pipeline.yaml refers to. They are readable in the console: for trying out, not for secrets."
  type        = map(string)
  default     = {}
  validation {
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html: reserved environment variables
    condition     = alltrue([for key in keys(var.environment) : can(regex("^[A-Za-z][A-Za-z0-9_]+$", key)) && !can(regex("^(AWS_LAMBDA_.*|AWS_REGION|AWS_DEFAULT_REGION|AWS_EXECUTION_ENV|AWS_ACCESS_KEY|AWS_ACCESS_KEY_ID|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|LAMBDA_TASK_ROOT|LAMBDA_RUNTIME_DIR|LOGHARBOR_(NAME|LANE|FILTER_NAME|DESTINATIONS|ROLE_ARN|CANARY_GROUP))$", key))])
    error_message = "`environment` has names of two or more letters, digits and _ that begin with a letter, none of them Lambda's own (AWS_REGION, AWS_ACCESS_KEY_ID, AWS_LAMBDA_… and others) or set by this module (LOGHARBOR_NAME and others): rename them."
  }
  validation {
    condition     = length(jsonencode(var.environment)) <= 3500
    error_message = "`environment` has ${length(jsonencode(var.environment))} characters, and Lambda takes 4096 bytes with Logharbor's own variables: at most 3500. Put long values into Secrets Manager or SSM."
  }
}

variable "vpc" {
  description = "Subnets and security groups of the functions, where a sink is inside a VPC; null for none. Which endpoints it needs is in docs/deploy.md."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
  validation {
    condition     = var.vpc == null ? true : length(var.vpc.subnet_ids) > 0 && length(var.vpc.security_group_ids) > 0
    error_message = "`vpc` needs at least one subnet and one security group: name them, or leave `vpc` out."
  }
}

variable "senders" {
  description = "Mode stream: who else may subscribe log groups to the streams: `accounts` (12 digits each) or an `organization` (o-…, whose accounts `accounts` must still list for the role's trust)."
  type = object({
    accounts     = optional(list(string), [])
    organization = optional(string)
  })
  default = {}
  validation {
    condition     = alltrue([for account in var.senders.accounts : can(regex("^[0-9]{12}$", account))])
    error_message = "`senders.accounts` are account ids of 12 digits, as text: write them so."
  }
  validation {
    condition     = var.senders.organization == null ? true : can(regex("^o-[a-z0-9]{10,32}$", var.senders.organization))
    error_message = "`senders.organization` is an organization's id, o- and 10 to 32 letters and digits: write it so."
  }
  validation {
    condition     = var.mode == "stream" || length(var.senders.accounts) == 0 && var.senders.organization == null
    error_message = "`senders` needs mode `stream`: a subscription of another account cannot call a function. Change `mode`, or remove `senders`."
  }
}

variable "legacy_hosts" {
  description = "Classes of EC2 hosts and the files that the CloudWatch Agent collects on them: modules/legacy-hosts/variables.tf says each key."
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
  default = {}
}

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes buckets that still hold dead letters, and keys after 7 days instead of 30."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of everything that has tags."
  type        = map(string)
  default     = {}
}
