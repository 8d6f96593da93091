# What pipeline.yaml means for Terraform, and every mistake in it that can be told before anything is made. The bundle
# holds the same file, checked by `logharbor build`; here is what only the two together can get wrong.

locals {
  config = yamldecode(file(var.pipeline))
  routes = [for route in try(local.config.routes, []) : {
    name       = try(route.name, "")
    log_groups = try([for group in route.log_groups : tostring(group)], ["*"])
    lane       = try(route.lane, "user")
    sinks      = try([for sink in route.sinks : tostring(sink)], [])
  }]
  sinks = try({ for name, sink in local.config.sinks : name => sink }, {})

  # A name without * ? [ is one log group; with them it is a glob, as Python's fnmatch reads it.
  # `kinesis/STREAM` is no log group but what hosts write into a stream themselves.
  patterns = flatten([for index, route in local.routes : [for group in route.log_groups : {
    group = group
    exact = !can(regex("[*?[]", group))
    lane  = route.lane
    expression = "^${replace(replace(replace(replace(replace(replace(
    group, ".", "\\."), "+", "\\+"), "$", "\\$"), "[!", "[^"), "*", ".*"), "?", ".")}$"
  } if !can(regex("^kinesis/", group))]])
  exact = [for pattern in local.patterns : pattern.group if pattern.exact]
  globs = [for pattern in local.patterns : pattern.group if !pattern.exact]

  # The first route that matches takes a log group, also one that a later route names exactly.
  lane_of = { for group in toset(local.exact) : group =>
    [for pattern in local.patterns : pattern.lane if pattern.exact ? pattern.group == group : can(regex(pattern.expression, group))][0]
  }
  canary_group = "/logharbor-canary/${var.name}"

  lanes_named = sort(distinct([for route in local.routes : route.lane]))
  lanes = { for lane in local.lanes_named : lane => {
    reserved_concurrency = try(coalesce(var.lanes[lane].reserved_concurrency), lane == "user" ? 20 : 5)
    memory_mb            = try(var.lanes[lane].memory_mb, 1024)
    timeout_s            = try(var.lanes[lane].timeout_s, 120)
    live_version         = try(var.lanes[lane].live_version, null)
  } if contains(["user", "background"], lane) }

  dead_letters        = try(coalesce(tostring(local.config.dead_letters)), "")
  dead_letters_valid  = can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?$", local.dead_letters))
  dead_letters_bucket = try(regex("^s3://([^/]+)", local.dead_letters)[0], "invalid-dead-letters")
  dead_letters_prefix = try(join("", [for part in compact([trim(regex("^s3://[^/]+(/.*)$", local.dead_letters)[0], "/")]) : "${part}/"]), "")

  malformed      = [for index, route in try([for route in local.config.routes : route], []) : index if can(route.log_groups) && !can([for group in route.log_groups : regex(".", group)])]
  twice          = distinct([for group in local.exact : group if length([for other in local.exact : other if other == group]) > 1])
  unknown_sinks  = distinct(flatten([for route in local.routes : [for sink in route.sinks : "${sink} (route ${route.name})" if !contains(keys(local.sinks), sink)]]))
  unknown_lanes  = [for route in local.routes : "${route.lane} (route ${route.name})" if !contains(["user", "background"], route.lane)]
  laptop_sinks   = [for name, sink in local.sinks : name if try(sink.type, "") == "sqlite"]
  own_groups     = [for group in local.exact : group if startswith(group, "/logharbor/")]
  unset          = [for name in distinct(flatten(regexall("\"env:([A-Za-z_][A-Za-z0-9_]*)\"", jsonencode(local.config)))) : name if !contains(keys(var.environment), name)]
  legacy_groups  = distinct(flatten([for hosts in values(var.legacy_hosts) : hosts.files[*].log_group]))
  legacy_astray  = [for group in local.legacy_groups : group if !anytrue([for pattern in local.patterns : pattern.exact ? pattern.group == group : can(regex(pattern.expression, group))])]
  filter_folder  = coalesce(var.filters, "${path.module}/../filters")
  forwarder_file = "${local.filter_folder}/forwarder.json"
  measured       = try(jsondecode(file(local.forwarder_file)).rules, [])
  stale_routes   = distinct([for rule in local.measured : rule.route if !contains(concat(local.routes[*].name, ["(no route)"]), rule.route)])
  derived        = { for file in fileset(local.filter_folder, "derived/*.json") : file => jsondecode(file("${local.filter_folder}/${file}")) }

  # Contracts by name, from the manifest where it lists them, else as far as filters/ tells.
  contracts = try(
    toset([for contract in local.manifest.layers.contracts.contracts : split(":", contract)[0]]),
    toset(concat(local.measured[*].event, [for filter in values(local.derived) : filter.contract.event if can(filter.contract.event)])),
  )
  listed = can(local.manifest.layers.contracts.contracts)
  named_contracts = flatten(concat(
    [for route in try(local.config.routes, []) : [for event in try(route.filters, []) : { where = "route ${route.name}", contract = event }]],
    local.listed ? [for name, sink in local.sinks : [for event in concat(try(sink.events.include, []), try(sink.events.exclude, [])) : { where = "sink ${name}", contract = event }]] : [],
    local.listed ? [for rule in local.measured : { where = "filters/forwarder.json", contract = rule.event }] : [],
    local.listed ? [for file, filter in local.derived : { where = "filters/${file}", contract = filter.contract.event } if can(filter.contract.event)] : [],
  ))
  # A sink's glob may be there for contracts to come; whatever else is named must be there.
  unknown_contracts = distinct([for named in local.named_contracts : "${named.contract} (${named.where})"
    if !(startswith(named.where, "sink ") && can(regex("[*?[]", named.contract))) && !anytrue([for contract in local.contracts :
  can(regex("^${replace(replace(named.contract, ".", "\\."), "*", ".*")}$", contract))])])

  stale_groups = distinct(flatten([for filter in values(local.derived) : [for group in filter.log_groups : group if !contains(local.exact, group)]]))
}

resource "terraform_data" "pipeline" {
  input = filesha256(var.pipeline)

  lifecycle {
    precondition {
      condition     = length(local.rebuilt) == 0
      error_message = "${local.artefacts}/manifest.json tells of another ${join(", ", local.rebuilt)} than the one beside it: run `logharbor build` again."
    }
    precondition {
      # A manifest that does not tell is taken at its word.
      condition     = try(local.manifest.layers.contracts.pipeline_sha256 == filesha256(var.pipeline), true)
      error_message = "The contracts layer in ${local.artefacts} was built from another pipeline.yaml than ${var.pipeline}: run `logharbor build --config ${var.pipeline}` again."
    }
    precondition {
      condition     = length(local.malformed) == 0
      error_message = "pipeline.yaml, routes[${join("], routes[", local.malformed)}]: `log_groups` is not a list of names. Write it as one, also for a single log group."
    }
    precondition {
      condition     = length(local.routes) > 0
      error_message = "pipeline.yaml has no routes, so nothing would be subscribed: add one with the log groups that are to be forwarded."
    }
    precondition {
      condition     = length(local.twice) == 0
      error_message = "pipeline.yaml names a log group twice: ${join(", ", local.twice)}. The first route that matches takes it; remove the other."
    }
    precondition {
      condition     = length(local.unknown_sinks) == 0
      error_message = "pipeline.yaml has a route to a sink that does not exist: ${join(", ", local.unknown_sinks)}. Correct the name, or add it under `sinks`."
    }
    precondition {
      condition     = length(local.unknown_lanes) == 0
      error_message = "pipeline.yaml has a lane that does not exist: ${join(", ", local.unknown_lanes)}. A lane is `user` or `background`."
    }
    precondition {
      condition     = length(local.laptop_sinks) == 0
      error_message = "pipeline.yaml has a sink of type sqlite, ${join(", ", local.laptop_sinks)}: a function's disk is gone after it. Remove it, or give this account a pipeline.yaml of its own."
    }
    precondition {
      condition     = length(local.own_groups) == 0
      error_message = "pipeline.yaml names ${join(", ", local.own_groups)}: log groups under /logharbor/ are the pipeline's own and are never subscribed, or it would forward itself. Remove them."
    }
    precondition {
      condition     = local.dead_letters_valid
      error_message = "pipeline.yaml's `dead_letters` is \"${local.dead_letters}\", and must be s3://BUCKET/PREFIX: Terraform makes the bucket of that name. A bucket has 3 to 63 lower-case letters, digits, hyphens and dots, and no other account may have it."
    }
    precondition {
      condition     = var.sweep || length(local.globs) == 0
      error_message = "pipeline.yaml names log groups by globs (${join(", ", slice(local.globs, 0, min(3, length(local.globs))))}), and `sweep` is false, so nobody would subscribe them. Set `sweep` to true, or name the log groups exactly."
    }
    precondition {
      condition     = length(local.unset) == 0
      error_message = "pipeline.yaml refers to env:${join(", env:", local.unset)}, which a function does not have. Refer to a Secrets Manager secret by its ARN, or, to try it out, set the name in the variable `environment`."
    }
    precondition {
      condition     = length(local.legacy_astray) == 0
      error_message = "`legacy_hosts` writes to ${join(", ", local.legacy_astray)}, which no route of pipeline.yaml covers, so it would not be forwarded. Add the log group to a route."
    }
    precondition {
      condition     = length(local.unknown_contracts) == 0
      error_message = "A contract that does not exist, or that has no metric, is named: ${join(", ", local.unknown_contracts)}. Correct the name, or add the contract to schemas/; then run `logharbor filters build` and `logharbor build` again."
    }
    precondition {
      condition     = length(local.stale_routes) == 0
      error_message = "filters/forwarder.json measures for the route ${join(", ", local.stale_routes)}, which pipeline.yaml does not have. Run `logharbor filters build` again."
    }
    precondition {
      condition     = length(local.stale_groups) == 0
      error_message = "filters/derived has metric filters for ${join(", ", local.stale_groups)}, which no route of pipeline.yaml names. Run `logharbor filters build` again."
    }
  }
}
