# Mode direct: CloudWatch Logs calls the alias of the lane that the first matching route names.

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

# What is not set would be made up.
override_resource {
  target = module.subscriptions.aws_cloudwatch_log_subscription_filter.exact
  values = { role_arn = "none" }
}

override_resource {
  target = module.subscriptions.aws_cloudwatch_log_subscription_filter.canary
  values = { role_arn = "none" }
}

variables {
  name      = "example"
  pipeline  = "../tests/data/terraform/pipelines/good.yaml"
  artefacts = "../tests/data/terraform/build"
  filters   = "../tests/data/terraform/filters"
  notify    = { identity-oncall = ["arn:aws:sns:eu-west-1:111122223333:identity"] }
  readers   = ["arn:aws:iam::111122223333:role/operator"]
  vpc       = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
}

run "direct" {
  command = apply

  assert {
    condition     = output.functions == { forward-background = "example-forward-background", forward-user = "example-forward-user", prepare = "example-prepare", subscribe = "example-subscribe" }
    error_message = "there is a forwarder for each lane that a route names, prepare and subscribe"
  }
  assert {
    condition     = output.log_groups.exact == tolist(["/aws/lambda/late", "/aws/lambda/login", "/aws/lambda/signup", "/legacy/app", "/legacy/nginx"]) && output.log_groups.globs == tolist(["/aws/lambda/*", "/ecs/?[a-c]*"])
    error_message = "exact names are Terraform's, globs are the sweep's"
  }
  assert {
    condition     = local.lane_of["/aws/lambda/late"] == "user" && local.lane_of["/legacy/app"] == "background"
    error_message = "the first route that matches a log group gives its lane, as in the forwarder"
  }
  assert {
    condition     = alltrue([for lane in ["user", "background"] : local.lanes[lane].reserved_concurrency == { user = 20, background = 5 }[lane]])
    error_message = "each lane has a reserved concurrency of its own"
  }
  assert {
    condition     = output.streams == {} && output.destination_arns == {}
    error_message = "mode direct has no stream"
  }
  assert {
    condition     = output.dead_letter_bucket == "example-dead-letters" && local.dead_letters_prefix == "prod/a/" && output.failed_bucket == "example-failed-111122223333-eu-west-1"
    error_message = "the dead-letter bucket is the one that pipeline.yaml names"
  }
  assert {
    condition     = output.metric_filters == tolist(["derived/user-login-success-1-loginsuccess|/aws/lambda/login", "derived/user-login-success-1-loginsuccess|/aws/lambda/signup", "handwritten/legacy-app-errors|/legacy/app"])
    error_message = "there is a metric filter for each file and each of its log groups"
  }
  assert {
    condition     = output.canary_log_group == "/logharbor-canary/example"
    error_message = "the canary's log group is outside /logharbor/"
  }
}
