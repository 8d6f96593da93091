# The project's own pipeline.yaml and filters/ make a plan, with the references to the environment set.

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  pipeline    = "../pipeline.yaml"
  artefacts   = "../tests/data/terraform/build"
  canary      = false
  environment = { ELASTICSEARCH_API_KEY = "x", HONEYCOMB_API_KEY = "x", LOGHARBOR_HASH_KEY = "x" }
  notify = { for name in ["checkout-oncall", "identity-oncall", "payments-oncall", "platform-oncall"] :
  name => ["arn:aws:sns:eu-west-1:111122223333:oncall"] }
}

run "the_projects_own" {
  command = apply

  assert {
    condition     = length(output.metric_filters) > 0 && length(output.log_groups.globs) > 0
    error_message = "there are metric filters for exact log groups, and globs for the sweep"
  }
}
