# Who may read which secret. Forwarders read what ingests (`secret` of a sink, the key of the keyed hash, the metrics'
# header); prepare reads what configures (`prepare_secret`, Kibana's `secret`), and `secret` only where it is the same one.

locals {
  ingest_references = compact(concat(
    [for sink in values(local.sinks) : try(sink.secret, "")],
    [try(local.config.redaction.key, ""), try(local.config.metrics.otlp.secret, "")],
  ))
  prepare_references = compact(flatten([for sink in values(local.sinks) : [
    try(coalesce(sink.prepare_secret), try(sink.secret, "")),
    try(sink.kibana.secret, ""),
  ]]))

  secret_statements = { for who, references in { ingest = local.ingest_references, prepare = local.prepare_references } : who => concat(
    length([for arn in references : arn if can(regex(":secretsmanager:", arn))]) == 0 ? [] : [{
      sid     = "Secrets"
      actions = ["secretsmanager:GetSecretValue"]
      # A secret's full ARN ends with six characters that a reference may leave out.
      resources = flatten([for arn in sort(distinct(references)) : [arn, "${arn}-??????"] if can(regex(":secretsmanager:", arn))])
    }],
    length([for arn in references : arn if can(regex(":ssm:", arn))]) == 0 ? [] : [{
      sid       = "Parameters"
      actions   = ["ssm:GetParameter"]
      resources = [for arn in sort(distinct(references)) : arn if can(regex(":ssm:", arn))]
    }],
    length(var.secret_key_arns) == 0 ? [] : [{
      sid       = "SecretKeys"
      actions   = ["kms:Decrypt"]
      resources = var.secret_key_arns
    }],
  ) }
}
