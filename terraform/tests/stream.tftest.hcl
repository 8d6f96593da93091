# Mode stream: a stream and a mapping for each lane; other accounts may subscribe to a destination.

mock_provider "aws" {
  source = "./tests/aws"
}

# Of their own, so that a lane that got the other's would be seen.
override_resource {
  target = module.forwarder["user"].aws_lambda_alias.live
  values = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:example-forward-user:live" }
}

override_resource {
  target = module.forwarder["background"].aws_lambda_alias.live
  values = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:example-forward-background:live" }
}

override_resource {
  target = module.stream[0].aws_kinesis_stream.lane["user"]
  values = { arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/example-user" }
}

override_resource {
  target = module.stream[0].aws_kinesis_stream.lane["background"]
  values = { arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/example-background" }
}

override_resource {
  target = module.stream[0].aws_iam_role.logs
  values = { arn = "arn:aws:iam::111122223333:role/example-logs-to-stream" }
}

variables {
  name      = "example"
  pipeline  = "../tests/data/terraform/pipelines/good.yaml"
  artefacts = "../tests/data/terraform/build"
  filters   = "../tests/data/terraform/filters"
  notify    = { identity-oncall = ["arn:aws:sns:eu-west-1:111122223333:identity"] }
  mode      = "stream"
  stream    = { retention_hours = 48, batch_window_s = 2, parallelization_factor = 4 }
  senders   = { accounts = ["444455556666"], organization = "o-abcdefghij" }
  lanes     = { user = { live_version = "3" } }
  legacy_hosts = {
    web = {
      targets = { key = "tag:aws:autoscaling:groupName", values = ["web"] }
      files = [
        { path = "/var/log/nginx/access.log", log_group = "/legacy/nginx", kind = "nginx" },
        { path = "/opt/app/log/app.log", log_group = "/legacy/app", kind = "application", retention_days = 30, timezone = "Local" },
      ]
    }
  }
}

run "stream" {
  command = apply

  assert {
    condition     = output.streams == { background = "example-background", user = "example-user" }
    error_message = "each lane has a stream of its own, so that a slow sink holds up its own lane"
  }
  assert {
    condition     = join(" ", keys(output.destination_arns)) == "background user"
    error_message = "other accounts find a destination for each lane"
  }
  assert {
    condition     = output.live_versions == { background = { live = "7", published = "7" }, user = { live = "3", published = "7" } }
    error_message = "a lane whose live_version is set is rolled back, the other is not"
  }
  assert {
    condition     = jsondecode(module.legacy_hosts[0].agent_configurations.web).logs.logs_collected.files.collect_list[1].multi_line_start_pattern == "{timestamp_format}"
    error_message = "a record of an application begins with its time"
  }
}
