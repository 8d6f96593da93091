# Wrong input fails at plan. What each sentence says is in tests/data/terraform/bad.jsonl.

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  name      = "example"
  pipeline  = "../tests/data/terraform/pipelines/good.yaml"
  artefacts = "../tests/data/terraform/build"
  filters   = "../tests/data/terraform/filters"
  notify    = { identity-oncall = ["arn:aws:sns:eu-west-1:111122223333:identity"] }
}

run "a_mode_that_does_not_exist" {
  command = plan
  variables {
    mode = "queue"
  }
  expect_failures = [var.mode]
}

run "a_retention_that_aws_does_not_know" {
  command = plan
  variables {
    log_retention_days = 31
  }
  expect_failures = [var.log_retention_days]
}

run "a_batch_window_out_of_range" {
  command = plan
  variables {
    stream = { batch_window_s = 301 }
  }
  expect_failures = [var.stream]
}

run "globs_that_nobody_would_subscribe" {
  command = plan
  variables {
    sweep = false
  }
  expect_failures = [terraform_data.pipeline]
}
