# The whole pipeline of an account, in the order in which nothing is shipped to a sink that is not ready for it:
# contracts layer -> prepare -> its invocation -> forwarders -> streams -> subscriptions.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id
  tags      = merge({ "logharbor:pipeline" = var.name }, var.tags)

  extension   = compact([var.secrets_extension_layer_arn])
  stream_arns = var.mode == "stream" ? { for lane in keys(local.lanes) : lane => "arn:${local.partition}:kinesis:${local.region}:${local.account}:stream/${var.name}-${lane}" } : {}
  reserve     = alltrue([for lane in values(local.lanes) : lane.reserved_concurrency != -1])
}

resource "aws_lambda_layer_version" "contracts" {
  layer_name               = "${var.name}-contracts"
  description              = "Logharbor: pipeline.yaml and the contracts"
  filename                 = "${local.artefacts}/${local.files.contracts}"
  source_code_hash         = local.hashes.contracts
  compatible_runtimes      = [local.manifest.runtime]
  compatible_architectures = ["arm64", "x86_64"]
  depends_on               = [terraform_data.pipeline]

  # Where a sink refuses the new contracts, the forwarders go on with the version that they have: it must still be there.
  lifecycle {
    create_before_destroy = true
  }
}

module "prepare" {
  source              = "./modules/prepare"
  name                = var.name
  code                = local.prepare
  contracts_layer_arn = aws_lambda_layer_version.contracts.arn
  bundle_sha256       = local.manifest.layers.contracts.bundle_sha256
  layers              = local.extension
  environment         = var.environment
  secret_statements   = local.secret_statements.prepare
  operations_key_arn  = local.operations_key_arn
  vpc                 = var.vpc
  log_retention_days  = var.log_retention_days
  partition           = local.partition
  region              = local.region
  account             = local.account
  tags                = local.tags
}

module "forwarder" {
  source               = "./modules/forwarder"
  for_each             = local.lanes
  name                 = var.name
  lane                 = each.key
  code                 = local.forward
  memory_mb            = each.value.memory_mb
  timeout_s            = each.value.timeout_s
  reserved_concurrency = each.value.reserved_concurrency
  live_version         = each.value.live_version
  layers               = concat([module.prepare.ready_layer_arn], local.extension)
  environment          = var.environment
  secret_statements    = local.secret_statements.ingest
  dead_letters         = { bucket_arn = local.bucket_arns.dead_letters, prefix = local.dead_letters_prefix }
  failed_bucket_arn    = aws_s3_bucket.own["failed"].arn
  payloads_key_arn     = local.payloads_key_arn
  operations_key_arn   = local.operations_key_arn
  mode                 = var.mode
  stream_arn           = lookup(local.stream_arns, each.key, null)
  async                = var.async
  vpc                  = var.vpc
  log_retention_days   = var.log_retention_days
  partition            = local.partition
  region               = local.region
  account              = local.account
  tags                 = local.tags
}

module "stream" {
  source            = "./modules/stream"
  count             = var.mode == "stream" ? 1 : 0
  name              = var.name
  lanes             = { for lane, forwarder in module.forwarder : lane => { alias_arn = forwarder.alias_arn } }
  settings          = var.stream
  failed_bucket_arn = aws_s3_bucket.own["failed"].arn
  payloads_key_arn  = local.payloads_key_arn
  sender_accounts   = var.senders.accounts
  partition         = local.partition
  region            = local.region
  account           = local.account
  tags              = local.tags
}

module "legacy_hosts" {
  source           = "./modules/legacy-hosts"
  count            = length(var.legacy_hosts) == 0 ? 0 : 1
  name             = var.name
  hosts            = var.legacy_hosts
  payloads_key_arn = local.payloads_key_arn
  partition        = local.partition
  region           = local.region
  account          = local.account
  tags             = local.tags
}

module "subscriptions" {
  source              = "./modules/subscriptions"
  name                = var.name
  functions           = { for lane, forwarder in module.forwarder : lane => { name = forwarder.name, alias = forwarder.alias } if var.mode == "direct" }
  destinations        = { for lane, forwarder in module.forwarder : lane => var.mode == "stream" ? module.stream[0].arns[lane] : forwarder.alias_arn }
  mode                = var.mode
  role_arn            = one(module.stream[*].role_arn)
  log_groups          = { for group in toset(local.exact) : group => local.lane_of[group] }
  routes              = local.routes
  sweep               = var.sweep
  canary              = var.canary
  reserve             = local.reserve
  senders             = var.senders
  code                = local.subscribe
  contracts_layer_arn = module.prepare.ready_layer_arn
  operations_key_arn  = local.operations_key_arn
  log_retention_days  = var.log_retention_days
  partition           = local.partition
  region              = local.region
  account             = local.account
  tags                = local.tags
  # What a forwarder gives up must have somewhere to go before the first event comes, and a host's log group must be there.
  depends_on = [aws_s3_bucket_policy.own, aws_s3_bucket_server_side_encryption_configuration.own, module.legacy_hosts]
}

module "observability" {
  source             = "./modules/observability"
  name               = var.name
  filters            = local.filter_folder
  there              = concat([var.mode], var.sweep ? ["sweep"] : [], var.canary ? ["canary"] : [])
  forwarders         = [for forwarder in values(module.forwarder) : forwarder.name]
  functions          = concat([for forwarder in values(module.forwarder) : forwarder.name], ["${var.name}-subscribe"])
  streams            = [for lane in keys(local.stream_arns) : "${var.name}-${lane}"]
  filter_name        = var.name
  alarm_actions      = var.alarm_actions
  notify             = var.notify
  operations_key_arn = local.operations_key_arn
  partition          = local.partition
  region             = local.region
  account            = local.account
  tags               = local.tags
  depends_on         = [module.legacy_hosts]
}
