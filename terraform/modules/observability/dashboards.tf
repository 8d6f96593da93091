# Dashboards of the contracts' owners, and the pipeline's own, to which what only Terraform knows is added below: how the
# functions, the streams and the subscriptions are.

locals {
  dashboards_read = try(jsondecode(file("${var.filters}/dashboards.json")).dashboards, [])
  bodies = merge(
    { pipeline = { widgets = [] } },
    { for dashboard in local.dashboards_read : dashboard.name => dashboard.body },
  )
  below = max(0, [for widget in local.bodies.pipeline.widgets : try(widget.y + widget.height, 0)]...)

  dashboards = { for name, body in local.bodies : "${var.name}-${name}" => replace(replace(
    name == "pipeline" ? jsonencode(merge(body, { widgets = concat(body.widgets, local.own_widgets) })) : jsonencode(body),
    "$${region}", var.region), "$${pipeline}", var.name,
  ) }

  graphs = concat(
    [
      {
        title   = "Invocations, errors, throttles"
        stat    = "Sum"
        metrics = flatten([for name in var.functions : [for metric in ["Invocations", "Errors", "Throttles"] : join("|", ["AWS/Lambda", metric, "FunctionName", name])]])
      },
      {
        title   = "Longest invocation, ms"
        stat    = "Maximum"
        metrics = [for name in var.functions : join("|", ["AWS/Lambda", "Duration", "FunctionName", name])]
      },
    ],
    length(var.streams) == 0 ? [] : [{
      title   = "Age of the oldest record, ms"
      stat    = "Maximum"
      metrics = [for name in var.streams : join("|", ["AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", "StreamName", name])]
    }],
  )
  queries = [{
    title      = "Log events that a subscription could not deliver"
    expression = "SELECT SUM(DeliveryErrors) FROM \"AWS/Logs\" WHERE FilterName = '${var.filter_name}'"
  }]

  own_widgets = concat(
    [for index, graph in local.graphs : {
      type = "metric", x = index % 2 * 12, y = local.below + floor(index / 2) * 6, width = 12, height = 6
      properties = {
        region  = var.region, title = graph.title, view = "timeSeries", period = 300, stat = graph.stat
        metrics = [for metric in graph.metrics : split("|", metric)]
      }
    }],
    [for index, query in local.queries : {
      type = "metric", x = 12, y = local.below + floor(length(local.graphs) / 2) * 6, width = 12, height = 6
      properties = {
        region  = var.region, title = query.title, view = "timeSeries", period = 300
        metrics = [[{ expression = query.expression, label = "DeliveryErrors", id = "q1" }]]
      }
    }],
  )
}

resource "aws_cloudwatch_dashboard" "event" {
  for_each       = local.dashboards
  dashboard_name = each.key
  dashboard_body = each.value

  lifecycle {
    precondition {
      condition     = can(regex("^[A-Za-z0-9_-]{1,255}$", each.key))
      error_message = "dashboards.json: the name ${each.key} may hold letters, digits, - and _ only, 255 at most. Correct it."
    }
  }
}
