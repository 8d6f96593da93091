# What `logharbor build` made, by its own manifest: files, hashes, runtime, processor, handlers.

locals {
  artefacts = coalesce(var.artefacts, "${path.module}/../build")
  manifest  = jsondecode(file("${local.artefacts}/manifest.json"))
  files = {
    forward   = local.manifest.functions.forward.file
    prepare   = local.manifest.functions.prepare.file
    contracts = local.manifest.layers.contracts.file
  }
  hashes = {
    forward   = local.manifest.functions.forward.sha256
    prepare   = local.manifest.functions.prepare.sha256
    contracts = local.manifest.layers.contracts.sha256
  }
  rebuilt = [for name, file in local.files : file if try(filebase64sha256("${local.artefacts}/${file}"), "") != local.hashes[name]]

  forward = {
    zip          = "${local.artefacts}/${local.files.forward}"
    hash         = local.hashes.forward
    handler      = local.manifest.functions.forward.handlers.forward
    runtime      = local.manifest.runtime
    architecture = local.manifest.architecture
  }
  prepare = {
    zip          = "${local.artefacts}/${local.files.prepare}"
    hash         = local.hashes.prepare
    handler      = local.manifest.functions.prepare.handlers.prepare
    runtime      = local.manifest.runtime
    architecture = local.manifest.architecture
  }
  subscribe = merge(local.prepare, { handler = local.manifest.functions.prepare.handlers.subscribe })
}
