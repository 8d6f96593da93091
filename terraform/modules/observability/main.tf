# Metric filters, alarms and dashboards, read from what `logharbor filters build` wrote from the contracts.

locals {
  filter_files = setunion(
    fileset(var.filters, "derived/*.json"),
    fileset(var.filters, "handwritten/*.json"),
  )
  filters = { for file in local.filter_files : file => jsondecode(file("${var.filters}/${file}")) }

  # A metric filter belongs to one log group: keyed by file and group, so that one more group moves no other.
  metric_filters = merge([for file, filter in local.filters : {
    for group in filter.log_groups : "${trimsuffix(file, ".json")}|${group}" => { filter = filter, log_group = group }
  }]...)
  filters_of_group = { for key, filter in local.metric_filters : filter.log_group => key... }
}

resource "aws_cloudwatch_log_metric_filter" "event" {
  for_each       = local.metric_filters
  name           = each.value.filter.name
  log_group_name = each.value.log_group
  pattern        = each.value.filter.pattern

  metric_transformation {
    name          = each.value.filter.metric.name
    namespace     = each.value.filter.metric.namespace
    value         = each.value.filter.metric.value
    unit          = try(each.value.filter.metric.unit, null)
    dimensions    = length(try(each.value.filter.metric.dimensions, {})) == 0 ? null : each.value.filter.metric.dimensions
    default_value = try(tostring(each.value.filter.metric.default_value), null)
  }

  lifecycle {
    precondition {
      condition     = length(each.value.filter.pattern) <= 1024
      error_message = "filters/${each.key}: the pattern has ${length(each.value.filter.pattern)} characters, and CloudWatch takes 1024. Measure the rule in the forwarder (`measured: forwarder`), or shorten `where`; then run `logharbor filters build`."
    }
    precondition {
      condition     = length(try(each.value.filter.metric.dimensions, {})) <= 3
      error_message = "filters/${each.key}: the metric has ${length(try(each.value.filter.metric.dimensions, {}))} dimensions, and a metric filter takes 3. Remove some, or measure the rule in the forwarder (`measured: forwarder`)."
    }
    precondition {
      condition     = length(try(each.value.filter.metric.dimensions, {})) == 0 || try(each.value.filter.metric.default_value, null) == null
      error_message = "filters/${each.key}: a metric with dimensions has no default value. Set `default_value` to null."
    }
    precondition {
      condition     = length(each.value.filter.name) <= 512 && length(each.value.filter.metric.name) <= 255 && length(each.value.filter.metric.namespace) <= 255
      error_message = "filters/${each.key}: a filter's name has at most 512 characters, a metric's name and its namespace 255. Shorten them."
    }
    precondition {
      condition     = length(local.filters_of_group[each.value.log_group]) <= 100
      error_message = "${length(local.filters_of_group[each.value.log_group])} metric filters are for the log group ${each.value.log_group}, and CloudWatch takes 100. Measure some of them in the forwarder (`measured: forwarder`)."
    }
  }
}
